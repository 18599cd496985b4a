"""Tools: named functions with a JSON Schema that players call.

Names, dump shape and docstring rules follow aviary's `Tool`; arguments are additionally checked and converted.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Literal
from weakref import WeakKeyDictionary

from docstring_parser import DocstringStyle
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter
from pydantic_core.core_schema import FieldSerializationInfo

from ldp_tui.core.arguments import ArgumentSchema
from ldp_tui.core.signatures import HIDDEN_PARAMETERS, Signature, SignatureOptions, is_coroutine_callable, signature_of
from ldp_tui.core.tool_text import manual_page, resolved, xml_text
from ldp_tui.core.unchecked import with_fields

ToolFunction = Callable[..., Any] | Callable[..., Awaitable[Any]]


def _dump_properties(properties: dict[str, dict[str, Any]], info: FieldSerializationInfo) -> dict[str, dict[str, Any]]:
    """`exclude_none` reaches into the properties, except for `default: null`, which says something."""
    if not info.exclude_none:
        return properties
    return {
        name: {key: value for key, value in schema.items() if value is not None or key in {"default", "const"}}
        for name, schema in properties.items()
    }


class Parameters(BaseModel):
    """JSON Schema object that describes a tool's parameters; other keywords such as `$defs` are kept."""

    model_config = ConfigDict(extra="allow")

    type: Literal["object"] = "object"
    properties: Annotated[dict[str, dict[str, Any]], PlainSerializer(_dump_properties)]
    required: list[str] = Field(default_factory=list)


class FunctionInfo(BaseModel):
    """Name, description and parameters of a tool, in the shape that model providers take."""

    name: str
    description: str
    parameters: Parameters | None = Field(description="None for providers that refuse an empty object.")

    def get_properties(self) -> dict[str, dict[str, Any]]:
        """Schema of each parameter by name; empty if there is none."""
        return self.parameters.properties if self.parameters is not None else {}

    @staticmethod
    def resolve_schema(schema: dict[str, Any]) -> dict[str, Any]:
        """Schema without `allOf` / `anyOf`, for display: types of a union are joined by ` | `."""
        return resolved(schema)

    def describe_str(self) -> str:
        """Manual page of the tool."""
        return manual_page(self.name, self.description, self.get_properties())

    def describe_xml(self) -> str:
        """The JSON that providers take as XML: `<function_info><name>…`, list elements as `<item>`."""
        return xml_text("function_info", self.model_dump(mode="json", exclude_none=True, by_alias=True))

    def describe_json(self) -> str:
        """The JSON that providers take."""
        return self.model_dump_json(exclude_none=True, by_alias=True)

    def __str__(self) -> str:
        return self.describe_str()


class Tool(BaseModel):
    """A callable tool. Dumps carry the schema only: a loaded tool describes itself but cannot be called."""

    model_config = ConfigDict(populate_by_name=True)

    type: Literal["function"] = "function"
    info: FunctionInfo = Field(alias="function")
    concurrency_safe: bool = Field(
        default=True, exclude=True, description="False: nothing else of the same message runs while this tool runs."
    )

    def __init__(self, tool_fn: ToolFunction | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._tool_fn = tool_fn or _no_function
        self._options: SignatureOptions | None = None
        self._signature: Signature | None = None
        self._force_pickle_fn = False

    def __eq__(self, other: object) -> bool:
        """Two tools are equal if they describe themselves equally; the functions behind them are not compared."""
        if not isinstance(other, Tool):
            return NotImplemented
        return self.info == other.info and self.type == other.type

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[Any, Any]:
        """Functions stay behind unless pickling them was asked for."""
        state = super().__getstate__()
        left = {"_signature"} if self._force_pickle_fn else {"_signature", "_tool_fn", "_options"}
        state["__dict__"] = {name: value for name, value in state["__dict__"].items() if name not in left}
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self.__dict__ = {"_tool_fn": _no_function, "_options": None, "_signature": None, **self.__dict__}

    @classmethod
    def from_function(
        cls,
        function: ToolFunction,
        docstring_style: DocstringStyle = DocstringStyle.AUTO,
        allow_empty_param_descriptions: bool = False,
        types_in_param_descriptions: bool = False,
        concurrency_safe: bool = True,
        **formats: Any,
    ) -> Tool:
        r"""Tool from a typed function whose docstring describes it and each parameter.

        Docstring text after `\f` is hidden from players; `{name}` in the docstring is replaced by the given `formats`.

        Raises:
            ValueError: If the docstring or a parameter's description is missing.
            TypeError: If a parameter cannot be described by a schema.
        """
        values = tuple((name, type(value).__qualname__, value) for name, value in formats.items())
        options = SignatureOptions(docstring_style, allow_empty_param_descriptions, types_in_param_descriptions, values)
        signature = signature_of(function, options)
        return with_fields(
            _TEMPLATE,
            {
                "type": "function",
                "info": _info_of(signature),
                "concurrency_safe": concurrency_safe,
                "_tool_fn": function,
                "_options": options,
                "_signature": signature,
                "_force_pickle_fn": False,
            },
        )

    @property
    def function(self) -> ToolFunction:
        """The function behind the tool."""
        return self._tool_fn

    @property
    def signature(self) -> Signature:
        """How to call the function: read from it, or from the schema for tools that were built from a schema."""
        if self._signature is None:
            options = self._options
            self._signature = _signature_of_schema(self) if options is None else signature_of(self._tool_fn, options)
        return self._signature


Tools = list[Tool]
ToolsAdapter: TypeAdapter[Tools] = TypeAdapter(Tools)


def tool_schema(tool: Tool) -> dict[str, Any]:
    """`{"name", "description", "parameters"}` of a tool as plain JSON values, for forms, records and providers."""
    dumped: dict[str, Any] = tool.info.model_dump(exclude_none=True, by_alias=True)
    return dumped


def is_description(tool: Tool) -> bool:
    """Whether `tool` has no function here: it describes one that lives elsewhere."""
    return tool.function is _no_function


def wraps_doc_only(wrapped: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that copies the docstring and nothing else, so that the wrapper keeps its own signature."""

    def decorate(wrapper: Callable[..., Any], wrapped: Callable[..., Any]) -> Callable[..., Any]:
        wrapper.__doc__ = wrapped.__doc__
        return wrapper

    return partial(decorate, wrapped=wrapped)


def _no_function(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("Please provide a tool function to call.")


def _signature_of_schema(tool: Tool) -> Signature:
    parameters = tool.info.parameters.model_dump() if tool.info.parameters is not None else {}
    hidden, takes_any = _injectable(tool.function)
    return Signature(
        name=tool.info.name,
        description=tool.info.description,
        parameters=parameters,
        hidden=hidden,
        takes_any=takes_any,
        is_async=is_coroutine_callable(tool.function),
        schema=ArgumentSchema(parameters),
        model=None,
    )


def _injectable(function: ToolFunction) -> tuple[frozenset[str], bool]:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-in callables have no signature
        return frozenset(), True
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    hidden = HIDDEN_PARAMETERS & set(parameters)
    return (hidden | {"state"} if getattr(function, "requires_state", False) else hidden), takes_any


_TEMPLATE = Tool(info=FunctionInfo(name="", description="", parameters=None))
_infos: WeakKeyDictionary[Signature, FunctionInfo] = WeakKeyDictionary()


def _info_of(signature: Signature) -> FunctionInfo:
    """A description of the tool's own, to be edited at will; built once per function and copied."""
    info = _infos.get(signature)
    if info is None:
        info = _infos[signature] = FunctionInfo(
            name=signature.name,
            description=signature.description,
            parameters=Parameters.model_validate(signature.parameters),
        )
    parameters = info.parameters
    assert parameters is not None
    properties = {name: schema.copy() for name, schema in parameters.properties.items()}
    own = {"type": "object", "properties": properties, "required": parameters.required.copy()}
    return with_fields(info, {**info.__dict__, "parameters": with_fields(parameters, own)})
