"""Tools read from functions: schema, docstring, calling, copying."""

from __future__ import annotations

import copy
import datetime
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal
from xml.etree import ElementTree

import pytest
from docstring_parser import DocstringStyle
from pydantic import AfterValidator, BaseModel, Field

from ldp_tui.core import signatures
from ldp_tui.core.arguments import ArgumentError
from ldp_tui.core.tools import FunctionInfo, Parameters, Tool, ToolsAdapter, tool_schema, wraps_doc_only

if TYPE_CHECKING:
    from somewhere import KnownToTypeCheckersOnly


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    x: int
    y: int = 0


class Tree(BaseModel):
    value: int
    children: list[Tree] = Field(default_factory=list)


def google(x: int, name: str = "n") -> None:
    """Short.

    Long text.

    Args:
        x: The x.
        name: The name,
            on two lines.
    """


def numpy_style(x: int, name: str = "n") -> None:
    """Short.

    Long text.

    Parameters
    ----------
    x : int
        The x.
    name : str
        The name,
        on two lines.
    """


def rest(x: int, name: str = "n") -> None:
    """Short.

    Long text.

    :param x: The x.
    :param name: The name,
        on two lines.
    """


def make(annotation: Any, default: Any = ...) -> Tool:
    """Tool with one parameter `p` of that annotation."""

    def tool(p) -> Any:  # type: ignore[no-untyped-def]
        """Do.

        Args:
            p: Parameter.
        """
        return p

    tool.__annotations__ = {"p": annotation}
    if default is not ...:
        tool.__defaults__ = (default,)
    return Tool.from_function(tool)


def called(tool: Tool, **arguments: Any) -> Any:
    """What the function gets for `p`."""
    return tool.signature.arguments(arguments).get("p", "absent")


def schema_of(tool: Tool) -> dict[str, Any]:
    return tool.info.get_properties()["p"]


@pytest.mark.parametrize("function", [google, numpy_style, rest])
def test_docstring_styles(function: Callable[..., None]) -> None:
    """The styles give the same description and parameters."""
    info = Tool.from_function(function).info
    assert info.name == function.__name__
    assert info.description == "Short.\n\nLong text."
    assert info.parameters is not None
    assert info.parameters.model_dump() == {
        "type": "object",
        "properties": {
            "x": {"type": "integer", "title": "X", "description": "The x."},
            "name": {"type": "string", "title": "Name", "default": "n", "description": "The name,\non two lines."},
        },
        "required": ["x"],
    }


def test_tool_without_parameters() -> None:
    """It has an empty object with `required`, as providers expect."""

    def ping() -> str:
        """Ping."""
        return "pong"

    assert tool_schema(Tool.from_function(ping)) == {
        "name": "ping",
        "description": "Ping.",
        "parameters": {"type": "object", "properties": {}, "required": []},
    }


@pytest.mark.parametrize(
    ("annotation", "given", "received"),
    [
        (int, "3", 3),
        (int | str, 3, 3),
        (int | None, None, None),
        (list[int], ["1", 2], [1, 2]),
        (list, [1, "a"], [1, "a"]),
        (dict[str, float], {"a": "1.5"}, {"a": 1.5}),
        (dict[int, str], {"1": "a"}, {1: "a"}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (set[int], [1, 1, 2], {1, 2}),
        (Literal["a", "b"], "a", "a"),
        (Literal[1, 2], "1", 1),
        (Colour, "red", Colour.RED),
        (Colour | None, None, None),
        (list[Colour], ["red", "blue"], [Colour.RED, Colour.BLUE]),
        (Point, {"x": "1"}, Point(x=1)),
        (Point, '{"x": 1, "y": 2}', Point(x=1, y=2)),
        (Point | None, {"x": 1}, Point(x=1)),
        (dict[str, Point], {"a": {"x": 1}}, {"a": Point(x=1)}),
        (Tree, {"value": 1, "children": [{"value": 2}]}, Tree(value=1, children=[Tree(value=2)])),
        (datetime.date, "2024-02-29", datetime.date(2024, 2, 29)),
        (Annotated[int, Field(ge=1)], 1, 1),
        (Annotated[str, AfterValidator(str.upper)], "a", "A"),
        (Any, [1, {"a": None}], [1, {"a": None}]),
        (bool, "yes", True),
    ],
)
def test_annotated_types(annotation: Any, given: Any, received: Any) -> None:
    """Players send JSON, the function receives objects of its annotated types."""
    assert called(make(annotation), p=given) == received
    assert type(called(make(annotation), p=given)) is type(received)


@pytest.mark.parametrize(
    ("annotation", "given", "words"),
    [
        (int, "x", "whole number"),
        (Colour, "green", '"red", "blue"'),
        (Point, {"y": 1}, "p.x: is required"),
        (datetime.date, "soon", "p: "),
        (Annotated[int, Field(ge=1)], 0, "at least 1"),
        (Literal["a"], "b", '"a"'),
        (list[datetime.date], ["2024-01-01", "soon"], r"p\[1\]: "),
    ],
)
def test_arguments_that_do_not_fit(annotation: Any, given: Any, words: str) -> None:
    """They are refused with the place and the reason."""
    with pytest.raises(ArgumentError, match=words):
        called(make(annotation), p=given)


@pytest.mark.parametrize(
    ("annotation", "default", "stored"),
    [
        (int, None, None),
        (Colour, None, None),
        (Colour, Colour.BLUE, "blue"),
        (Point, Point(x=1), {"x": 1, "y": 0}),
        (list[int], [], []),
        (datetime.date | None, None, None),
        (float, 1, 1),
    ],
)
def test_defaults(annotation: Any, default: Any, stored: Any) -> None:
    """The schema shows the default as JSON; the function receives the default itself, also one of another type."""
    tool = make(annotation, default)
    assert schema_of(tool)["default"] == stored
    assert called(tool) == default
    assert tool.info.parameters is not None
    assert tool.info.parameters.required == []
    assert json.loads(tool.info.describe_json())["parameters"]["properties"]["p"]["default"] == stored


def test_default_that_a_call_changes() -> None:
    """The next call, and the description, have it as it was written."""
    tool = make(list[int], [])
    called(tool).append(1)
    assert called(tool) == []
    assert schema_of(tool)["default"] == []


def test_models_and_recursion_in_the_schema() -> None:
    """Definitions stay in the parameters, so that providers can resolve references."""
    parameters = tool_schema(make(Tree))["parameters"]
    assert parameters["properties"]["p"]["$ref"] == "#/$defs/Tree"
    assert set(parameters["$defs"]) == {"Tree"}
    deep: dict[str, Any] = {"value": 0}
    for value in range(2_000):
        deep = {"value": value, "children": [deep]}
    with pytest.raises(ArgumentError, match="nested"):
        called(make(Tree), p=deep)


def test_hidden_parameters() -> None:
    """`state` and `tool_call_id` need no description and no known type, and are not in the schema."""

    def act(x: int, state: KnownToTypeCheckersOnly, tool_call_id: str) -> KnownToTypeCheckersOnly:
        """Act.

        Args:
            x: X.
        """

    tool = Tool.from_function(act)
    assert list(tool.info.get_properties()) == ["x"]
    assert tool.signature.hidden == {"state", "tool_call_id"}


@pytest.mark.parametrize("mark", ["\\f", "\f"])
def test_text_behind_a_form_feed(mark: str) -> None:
    """It is for human readers only, written as character or as escape, in the text and for a parameter."""

    def act(x: int) -> None: ...

    act.__doc__ = f"Visible.\n\n{mark} Hidden.\n\nArgs:\n    x: Shown. {mark} Secret.\n"
    tool = Tool.from_function(act)
    assert tool.info.description == "Visible."
    assert tool.info.get_properties()["x"]["description"] == "Shown."


def test_formats() -> None:
    """`{name}` is replaced where a format is given, in one pass; every other brace stays."""

    def act(x: int) -> None:
        """Give {"a": 1}, {thing} or {unknown} of {other}.

        Args:
            x: Up to {limit}.
        """

    tool = Tool.from_function(act, thing="{other}", other=2, limit=1)
    assert tool.info.description == 'Give {"a": 1}, {other} or {unknown} of 2.'
    assert tool.info.get_properties()["x"]["description"] == "Up to 1."
    assert Tool.from_function(act, limit=True).info.get_properties()["x"]["description"] == "Up to True."


def test_formats_with_a_form() -> None:
    """They are format strings: numbers may be given their form, and a value need not be hashable."""

    def act() -> None:
        """Pay {price:.2f} for {things!r}; {{this}} stands in braces."""

    info = Tool.from_function(act, price=1.5, things=["a"]).info
    assert info.description == "Pay 1.50 for ['a']; {this} stands in braces."


def test_types_in_descriptions() -> None:
    """The docstring's type leads the description when that was asked for."""

    def act(x: int) -> None:
        """Act.

        Args:
            x (int): X.
        """

    tool = Tool.from_function(act, types_in_param_descriptions=True, docstring_style=DocstringStyle.GOOGLE)
    assert tool.info.get_properties()["x"]["description"] == "(int): X."


def undocumented(x: int) -> None: ...


def half_documented(x: int) -> None:
    """Act."""


def untyped(x) -> None:  # type: ignore[no-untyped-def]
    """Act.

    Args:
        x: X.
    """


def variadic(*values: int) -> None:
    """Act.

    Args:
        values: V.
    """


def positional(x: int, /) -> None:
    """Act.

    Args:
        x: X.
    """


def unknown_type(x: KnownToTypeCheckersOnly) -> None:
    """Act.

    Args:
        x: X.
    """


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (undocumented, ValueError, "Missing docstring for function undocumented"),
        (half_documented, ValueError, "Missing description for parameter x"),
        (untyped, TypeError, "'x' needs a type annotation"),
        (variadic, TypeError, r"\*values cannot be described"),
        (positional, TypeError, "'x' cannot be given by name"),
        (unknown_type, TypeError, "KnownToTypeCheckersOnly"),
    ],
)
def test_functions_that_make_no_tool(function: Callable[..., None], error: type[Exception], words: str) -> None:
    """They are refused with what is missing."""
    with pytest.raises(error, match=words):
        Tool.from_function(function)


def test_empty_descriptions_allowed() -> None:
    """Then a parameter may go without."""
    tool = Tool.from_function(half_documented, allow_empty_param_descriptions=True)
    assert "description" not in tool.info.get_properties()["x"]


def test_types_that_are_local_to_a_function() -> None:
    """They are found where the tool is made, although annotations are text here."""

    class Local(BaseModel):
        x: int

    def act(value: Local) -> Local:
        """Act.

        Args:
            value: V.
        """
        return value

    assert Tool.from_function(act).signature.arguments({"value": {"x": 1}})["value"] == Local(x=1)


def test_parameter_names_that_pydantic_reserves() -> None:
    """They are names like any other."""

    def act(schema: str, json: int, model_config: int, _x: Point, copy: int = 1) -> None:
        """Act."""

    tool = Tool.from_function(act, allow_empty_param_descriptions=True)
    assert list(tool.info.get_properties()) == ["schema", "json", "model_config", "_x", "copy"]
    given = {"schema": "s", "json": 1, "model_config": 2, "_x": {"x": 3}}
    assert tool.signature.arguments(given) == {**given, "_x": Point(x=3), "copy": 1}


def test_further_keyword_arguments() -> None:
    """A function with `**kwargs` receives them untouched, beside converted ones."""

    def act(point: Point, **more: Any) -> None:
        """Act.

        Args:
            point: P.
        """

    signature = Tool.from_function(act).signature
    assert signature.arguments({"point": {"x": 1}, "more": "2"}) == {"point": Point(x=1), "more": "2"}


async def asynchronous(a: int, b: int) -> int:
    """Add.

    Args:
        a: A.
        b: B.
    """
    return a + b


class Called:
    """Call it.

    Args:
        a: A.
    """

    def __call__(self, a: int) -> int:
        return a


@dataclass
class Unhashable:
    """Call it.

    Args:
        a: A.
    """

    n: int = 0

    def __call__(self, a: int) -> int:
        return a


class Asynchronous:
    """Call it.

    Args:
        a: A.
    """

    async def __call__(self, a: int) -> int:
        return a


def documented_partial(function: Callable[..., Any], **arguments: Any) -> Callable[..., Any]:
    made = partial(function, **arguments)
    made.__doc__ = "Call it.\n\nArgs:\n    a: A.\n    b: B."
    return made


@pytest.mark.parametrize(
    ("function", "name", "is_async"),
    [
        (asynchronous, "asynchronous", True),
        (documented_partial(asynchronous, b=1), "asynchronous", True),
        (documented_partial(Asynchronous()), "Asynchronous", True),
        (Called(), "Called", False),
        (Unhashable(), "Unhashable", False),
        (Asynchronous(), "Asynchronous", True),
    ],
)
def test_callables(function: Callable[..., Any], name: str, is_async: bool) -> None:
    """Partials and callable objects are tools; what runs asynchronously is seen through them."""
    tool = Tool.from_function(function)
    assert tool.info.name == name
    assert tool.signature.is_async is is_async
    assert "a" in tool.info.get_properties()


def test_wrapped_function() -> None:
    """A wrapper that keeps only the docstring keeps its own signature; `functools.wraps` takes over everything."""

    @wraps_doc_only(google)
    def own(x: str, name: str) -> None: ...

    @wraps(google)
    def other(*args: Any, **kwargs: Any) -> None: ...

    assert Tool.from_function(own).info.get_properties()["x"]["type"] == "string"
    assert tool_schema(Tool.from_function(other)) == tool_schema(Tool.from_function(google))


def test_reading_once() -> None:
    """A function is read once for all its tools; all bound methods of a class share that."""

    class Player:
        def act(self, x: int) -> None:
            """Act.

            Args:
                x: X.
            """

    one, other = Tool.from_function(Player().act), Tool.from_function(Player().act)
    assert one.signature is other.signature
    assert one == other
    assert Tool.from_function(Player().act, docstring_style=DocstringStyle.GOOGLE).signature is not one.signature
    with pytest.raises(TypeError, match="'self' needs"):
        Tool.from_function(Player.act, allow_empty_param_descriptions=True)


def test_function_that_goes_away() -> None:
    """What was read of it goes with it."""
    before = len(signatures._cache)
    tool = make(int)
    assert len(signatures._cache) == before + 1
    del tool
    assert len(signatures._cache) == before


def test_docstring_assigned_later() -> None:
    """The next tool has the new one."""

    def act() -> None:
        """Old."""

    assert Tool.from_function(act).info.description == "Old."
    act.__doc__ = "New."
    assert Tool.from_function(act).info.description == "New."


def test_description_that_is_edited() -> None:
    """Editing a tool's description leaves other tools of the same function as they are."""
    tool, other = Tool.from_function(google), Tool.from_function(google)
    tool.info.description += " More."
    tool.info.get_properties()["x"]["description"] = "Else."
    assert tool.info.parameters is not None
    tool.info.parameters.required.append("name")
    for untouched in (other, Tool.from_function(google)):
        assert untouched.info.description == "Short.\n\nLong text."
        assert untouched.info.get_properties()["x"]["description"] == "The x."
        assert untouched.info.parameters is not None
        assert untouched.info.parameters.required == ["x"]
    assert tool != other


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, Tool.model_copy, partial(Tool.model_copy, deep=True)])
def test_copies(copied: Callable[[Tool], Tool]) -> None:
    """They describe themselves equally and call the same function."""
    tool = copied(Tool.from_function(google))
    assert tool == Tool.from_function(google)
    assert tool.function is google
    assert tool.signature.arguments({"x": "1"}) == {"x": 1, "name": "n"}


def test_pickled_tool() -> None:
    """The description travels; the function only when that was asked for, and then converts arguments as before."""
    tool = Tool.from_function(draw)
    back = pickle.loads(pickle.dumps(tool))
    assert back == tool
    with pytest.raises(NotImplementedError, match="tool function"):
        back.function()
    tool._force_pickle_fn = True
    back = pickle.loads(pickle.dumps(tool))
    assert back.function is draw
    assert back.signature.arguments({"colour": "red"}) == {"colour": Colour.RED}


def draw(colour: Colour) -> None:
    """Draw.

    Args:
        colour: Colour.
    """


def test_json_round_trip() -> None:
    """A tool comes back equal from its JSON, in OpenAI's shape; its schema still checks arguments."""
    tool = Tool.from_function(google)
    dumped = json.loads(tool.model_dump_json(exclude_none=True, by_alias=True))
    assert dumped == {"type": "function", "function": tool_schema(tool)}
    (back,) = ToolsAdapter.validate_python([dumped])
    assert back == tool
    assert back.signature.arguments({"x": "1"}) == {"x": 1, "name": "n"}
    with pytest.raises(ArgumentError):
        back.signature.arguments({})


def test_manual_tool() -> None:
    """A tool may be described by hand, also without parameters, which some providers demand."""
    tool = Tool(tool_fn=lambda: 1, info=FunctionInfo(name="one", description="One.", parameters=None))
    assert tool.model_dump(exclude_none=True, by_alias=True)["function"] == {"name": "one", "description": "One."}
    assert tool.signature.arguments({}) == {}
    assert tool.function() == 1
    assert tool.info.get_properties() == {}


def test_manual_page() -> None:
    """Name, synopsis, description, parameters; unions are joined, references named."""

    def act(x: int | str, point: Point | None = None) -> None:
        """Act.

        On two lines.

        Args:
            x: X.
            point: P.
        """

    assert Tool.from_function(act).info.describe_str() == (
        "NAME: act\n\nSYNOPSIS:\n    act(integer | string x, Point | null point)\n\n"
        "DESCRIPTION:\n    Act.\n\n    On two lines.\n\n"
        "PARAMETERS:\n    x (integer | string): X.\n    point (Point | null): P.\n"
    )
    bare = FunctionInfo(name="f", description="D.", parameters=Parameters(properties={"x": {}}))
    assert "x (any): No description provided." in str(bare)


def test_description_as_xml() -> None:
    """Keys are tags, or named where they are none; elements of lists are items; text is escaped."""

    def act(x: Literal["<a>", 2], on: bool = True) -> None:
        """Act & "quote"."""

    text = Tool.from_function(act, allow_empty_param_descriptions=True).info.describe_xml()
    root = ElementTree.fromstring(text)
    assert root.tag == "function_info"
    assert root.findtext("name") == "act"
    assert root.findtext("description") == 'Act & "quote".'
    assert [item.text for item in root.iterfind("parameters/properties/x/enum/item")] == ["<a>", "2"]
    assert root.findtext("parameters/properties/on/default") == "true"
    assert [item.text for item in root.iterfind("parameters/required/item")] == ["x"]

    def take(point: Point | None = None) -> None:
        """Take."""

    keyed = ElementTree.fromstring(Tool.from_function(take, allow_empty_param_descriptions=True).info.describe_xml())
    assert [key.get("name") for key in keyed.iter("key")] == ["$ref", "$defs"]


def test_dump_without_none() -> None:
    """A default of null says something and stays; other empty keys go."""
    info = FunctionInfo(
        name="f", description="D.", parameters=Parameters(properties={"x": {"default": None, "title": None}})
    )
    assert info.model_dump(exclude_none=True)["parameters"]["properties"] == {"x": {"default": None}}
    assert info.model_dump()["parameters"]["properties"] == {"x": {"default": None, "title": None}}


def test_unhashable_comparison() -> None:
    """Tools compare by description, are not hashable, and equal nothing else."""
    tool = Tool.from_function(google)
    assert tool != 1
    with pytest.raises(TypeError):
        hash(tool)
