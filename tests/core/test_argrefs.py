"""Tools whose arguments are names of objects."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from ldp_tui.core.argrefs import argref_by_name
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool


class Kept:
    """A state with objects by name."""

    def __init__(self, **refs: Any) -> None:
        self.refs = refs

    def new(self, told: str) -> list[Any]:
        """The objects that were told of, in their order."""
        return [self.refs[line.split()[0]] for line in told.splitlines()]


def add(a: float, b: float = 10.0) -> float:
    """Add two numbers.

    Args:
        a: First number
        b: Second number
    """
    return a + b


def test_arguments_by_name() -> None:
    """Names stand for what is kept under them, and the result is kept and told with its type."""
    state = Kept(x=1, y=2)
    by_name = argref_by_name(prefix="sum")(add)
    for told in (by_name("x", "y", state=state), by_name(a="x", b="y", state=state), by_name("x, y", state=state)):
        name, rest = told.split(" ", 1)
        assert rest == "(int): 3"
        assert name.startswith("sum-")
        assert len(name) == len("sum-") + 8
        assert state.refs[name] == 3
    assert len(state.refs) == 5


def test_values_among_names() -> None:
    """A positional value that is no key is itself; so is a skipped argument, and a default."""
    state = Kept(x=1)
    assert state.new(argref_by_name()(add)("x", 5, state=state)) == [6]
    assert state.new(argref_by_name()(add)(2.5, 5, state=state)) == [7.5]
    skipping = argref_by_name(args_to_skip={"b"}, return_direct=True)(add)
    assert skipping(a="x", b=5, state=state) == 6
    assert argref_by_name(return_direct=True)(add)(a="x", b=10.0, state=state) == 11

    @argref_by_name(return_direct=True, args_to_skip={"text"})
    def say(text: str) -> str:
        """Say."""
        return text

    assert say("x", state=state) == "x"


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (("z",), {}, "The key z is not found in state"),
        (("x,z",), {}, "not found in state"),
        ((), {"a": "z"}, "Key is not present in the current key-value store: 'z'"),
        ((), {"a": 1}, "Key is not present"),
        ((), {"a": ["x"]}, "Key is not present"),
        ((), {"a": "x, z, w"}, 'not present in the current key-value store: "z, w"'),
    ],
)
def test_names_that_are_not_there(args: tuple[Any, ...], kwargs: dict[str, Any], message: str) -> None:
    """KeyError says which."""
    with pytest.raises(KeyError) as raised:
        argref_by_name()(add)(*args, **kwargs, state=Kept(x=1))
    assert message in raised.value.args[0]


def test_state_that_cannot_be_used() -> None:
    """It is missing, or keeps nothing."""
    with pytest.raises(ValueError, match="add takes its arguments by name and needs the keyword 'state'"):
        argref_by_name()(add)("x")
    with pytest.raises(AttributeError, match="must have a 'refs' attribute"):
        argref_by_name()(add)("x", state="nothing")


def test_lists() -> None:
    """Several names are a list for one keyword; each element of a list is kept under a name of its own."""
    state = Kept(x=1, y=2, **{"a,b": 5})

    @argref_by_name(return_direct=True)
    def total(numbers: list[int]) -> int:
        """Sum."""
        return sum(numbers) if isinstance(numbers, list) else numbers

    assert total(numbers="x,y,x", state=state) == 4
    assert total(numbers="a,b", state=state) == 5

    @argref_by_name()
    def several(a: int) -> list[int]:
        """Three numbers."""
        return [a, a + 1, a + 2]

    assert state.new(several("x", state=state)) == [1, 2, 3]
    assert several("x", state=Kept(x=1)).splitlines() == several("x", state=Kept(x=1)).splitlines()


async def test_asynchronous_function() -> None:
    """It stays asynchronous."""

    @argref_by_name()
    async def slowly(a: int) -> int:
        """Twice."""
        await asyncio.sleep(0)
        return 2 * a

    state = Kept(x=4)
    assert asyncio.iscoroutinefunction(slowly)
    assert state.new(await slowly("x", state=state)) == [8]


def test_state_that_is_passed_on() -> None:
    """To a function that asks for it, and only then."""
    state = Kept(x=1)

    @argref_by_name(fxn_requires_state=True, return_direct=True)
    def size(a: int, state: Kept) -> tuple[int, int]:
        """How much is kept."""
        return a, len(state.refs)

    assert size("x", state=state) == (1, 1)


def test_new_names_under_contention() -> None:
    """Threads that keep results at the same time never overwrite each other's."""
    state, start = Kept(x=0), threading.Barrier(8, timeout=20)

    @argref_by_name()
    def same(a: int) -> int:
        """The same."""
        start.wait()
        return a

    threads = [threading.Thread(target=same, args=("x",), kwargs={"state": state}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(state.refs) == 9


@pytest.mark.parametrize(
    ("hint", "right", "wrong"),
    [
        (int, 1, "1"),
        (float, 1, "1"),
        (int | str, "1", 1.5),
        (Sequence[int], [1, True], [1, "2"]),
        (list[int], [1], (1,)),
        (dict[str, int], {"a": 1}, {"a": "b"}),
        (Mapping[str, list[int]], {"a": [1]}, {"a": 1}),
        (tuple[int, str], (1, "a"), (1,)),
        (tuple[int, ...], (1, 2), (1, "a")),
        (set[int], {1}, {"a"}),
        (int | None, None, "None"),
        (Any, object(), None),
    ],
)
def test_checked_types(hint: Any, right: Any, wrong: Any) -> None:
    """Objects are checked against the annotation, elements included; the error names both types."""

    def take(value: Any) -> str:
        """Take."""
        return "taken"

    take.__annotations__["value"] = hint
    checked = argref_by_name(type_check=True, return_direct=True)(take)
    state = Kept(right=right, wrong=wrong)
    assert checked("right", state=state) == "taken"
    if hint is not Any:
        with pytest.raises(TypeError, match="incorrect types:\n- value: expected"):
            checked(value="wrong", state=state)


def test_annotation_that_exists_for_type_checkers_only() -> None:
    """It is not checked."""

    def take(value: Nowhere) -> str:  # type: ignore[name-defined]  # noqa: F821
        """Take."""
        return "taken"

    assert argref_by_name(type_check=True, return_direct=True)(take)("x", state=Kept(x=1)) == "taken"


def concat(parts: list[str], joiner: str, sep=" ") -> str:  # type: ignore[no-untyped-def]
    """Join texts.

    Args:
        parts: What to join
        joiner: Between them
        sep: Not annotated
    """
    return str(joiner).join(parts)


def test_schema() -> None:
    """Keys are strings, described as such; skipped parameters stay as they are, and the function itself too."""
    before = (concat.__doc__, dict(concat.__annotations__))
    properties = Tool.from_function(argref_by_name(args_to_skip={"joiner"})(concat)).info.get_properties()
    assert {name: schema["type"] for name, schema in properties.items()} == dict.fromkeys(properties, "string")
    assert properties["parts"]["description"].endswith("(Pass comma-separated string keys instead of the full object)")
    assert properties["joiner"]["description"] == "Between them"
    assert properties["sep"]["description"].endswith("(Pass a string key instead of the full object)")
    assert (concat.__doc__, concat.__annotations__) == before


async def answers(tool: Tool, state: Any, **arguments: Any) -> list[str]:
    env = DummyEnv()
    env.tools = [tool]
    request = ToolRequestMessage(tool_calls=[ToolCall.from_name(tool.info.name, **arguments)])
    return [answer.content for answer in await env.exec_tool_calls(request, state=state)]


@pytest.mark.parametrize("decorate", [argref_by_name(), argref_by_name(args_to_skip={"b"})])
async def test_as_a_tool(decorate: Callable[[Any], Any]) -> None:
    """The environment gives it the state, which its schema does not show, and omitted arguments their defaults."""
    tool = Tool.from_function(decorate(add))
    assert set(tool.info.get_properties()) == {"a", "b"}
    state = Kept(x=1)
    (told,) = await answers(tool, state, a="x")
    assert state.new(told) == [11]
    loaded = Tool(tool_fn=tool.function, **tool.model_dump(by_alias=True))
    (told,) = await answers(loaded, state, a="x")
    assert state.new(told) == [11]
