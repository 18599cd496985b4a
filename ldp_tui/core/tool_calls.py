"""Tool calls as data: what an agent asks for and what comes back."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Iterable, Iterator
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import uuid4

from pydantic import BaseModel, Field, TypeAdapter, field_serializer, model_validator

from ldp_tui.core.messages import Message
from ldp_tui.core.unchecked import with_fields

if TYPE_CHECKING:
    from ldp_tui.core.tools import Tool

logger = logging.getLogger(__name__)

INVALID_TOOL_NAME = "INVALID"
"""Name given to a call whose arguments are no JSON object, so that the answer can say so and a model can try again."""


_call_counter: ContextVar[Iterator[int] | None] = ContextVar("ldp_tui_call_counter", default=None)


class numbered_calls:  # noqa: N801 (used as a context manager)
    """Within the block, generated call ids come from `counter`. Re-usable, not re-entrant."""

    __slots__ = ("_counter", "_token")

    def __init__(self, counter: Iterator[int]) -> None:
        self._counter = counter
        self._token: Token[Iterator[int] | None] | None = None

    def __enter__(self) -> None:
        self._token = _call_counter.set(self._counter)

    def __exit__(self, *exception: object) -> None:
        if self._token is not None:
            _call_counter.reset(self._token)


class ToolCallFunction(BaseModel):
    """A tool's name with its arguments; dumped with the arguments as JSON text, as OpenAI does."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _read_arguments(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        arguments = fields.get("arguments")
        if isinstance(arguments, dict):
            return fields
        if not arguments:
            return {**fields, "arguments": {}}
        if not isinstance(arguments, str | bytes):
            return fields
        try:
            read = json.loads(arguments)
        except (ValueError, RecursionError):  # also numbers and nestings beyond what Python reads
            read = INVALID_TOOL_NAME
        if read is None or isinstance(read, dict):
            return {**fields, "arguments": read or {}}
        logger.warning(
            "Arguments of tool %r are no JSON object; the call is marked %s.", fields.get("name"), INVALID_TOOL_NAME
        )
        return {**fields, "name": INVALID_TOOL_NAME, "arguments": {}}

    @field_serializer("arguments")
    def _write_arguments(self, arguments: dict[str, Any]) -> str:
        return json.dumps(arguments, default=as_json)

    def __str__(self) -> str:
        arguments = ", ".join(f"{key}='{value}'" for key, value in self.arguments.items())
        return f"{self.name}({arguments})"

    def written(self) -> str:
        """The call as Python would write it, for people to read: `go(by=1)`."""
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        return f"{self.name}({arguments})"


class ToolCall(BaseModel):
    """One named request with arguments. `id` ties the answer to it and is unique only within one message."""

    id: str
    type: Literal["function"] = "function"
    function: ToolCallFunction

    @staticmethod
    def generate_id() -> str:
        """Nine letters and digits, the strictest form a provider asks for (Mistral: `[a-zA-Z0-9]{9}`).

        Random, except inside `numbered_calls`: there a counter, so that equal episodes give equal records.
        """
        counter = _call_counter.get()
        return uuid4().hex[:9] if counter is None else f"{next(counter):09d}"

    @classmethod
    def from_name(cls, function_name: str, /, id: str | None = None, **kwargs: Any) -> ToolCall:  # noqa: A002 (aviary's signature)
        """Call `function_name` with keyword arguments."""
        if cls is not ToolCall or not isinstance(function_name, str):
            return cls(id=id or cls.generate_id(), function=ToolCallFunction(name=function_name, arguments=kwargs))
        function = with_fields(_FUNCTION, {"name": function_name, "arguments": kwargs})
        return with_fields(_CALL, {"id": id or cls.generate_id(), "type": "function", "function": function})

    @classmethod
    def from_tool(cls, tool: Tool, *args: Any, id: str | None = None, **kwargs: Any) -> Self:  # noqa: A002 (aviary's signature)
        """Call `tool`; positional arguments follow the order of its schema.

        Raises:
            TypeError: If there are more positional arguments than parameters.
        """
        names = list(tool.info.get_properties())
        if len(args) > len(names):
            raise TypeError(f"Tool {tool.info.name!r} takes {len(names)} arguments, {len(args)} were given.")
        arguments = {**dict(zip(names, args, strict=False)), **kwargs}
        return cls(id=id or cls.generate_id(), function=ToolCallFunction(name=tool.info.name, arguments=arguments))

    def __str__(self) -> str:
        return str(self.function)


_FUNCTION = ToolCallFunction(name="", arguments={})
_CALL = ToolCall(id="", function=_FUNCTION)


class ToolRequestMessage(Message):
    """An assistant's message that calls tools."""

    role: Literal["assistant"] = "assistant"
    function_call: None = None
    tool_calls: list[ToolCall] = Field(default_factory=list)

    def __str__(self) -> str:
        if not self.tool_calls:
            return super().__str__()
        calls = "; ".join(f"{call} [id={call.id}]" for call in self.tool_calls)
        return f"Tool request message {self.content or ''!r} for tool calls: {calls}"


class ToolResponseMessage(Message):
    """A tool's answer to one call."""

    role: Literal["tool"] = "tool"
    content: str
    name: str = Field(description="Name of the tool that was called.")
    tool_call_id: str

    @classmethod
    def from_call(cls, call: ToolCall, content: str, **kwargs: Any) -> Self:
        """Answer `call` with `content`."""
        return cls(content=content, name=call.function.name, tool_call_id=call.id, **kwargs)

    @classmethod
    def from_request(cls, request: ToolRequestMessage, contents: Iterable[str]) -> list[Self]:
        """Answer all calls of `request`; raises ValueError if the numbers differ."""
        return [cls.from_call(call, content) for call, content in zip(request.tool_calls, contents, strict=True)]

    def __str__(self) -> str:
        return f"Tool response message {self.content!r} for tool call ID {self.tool_call_id} of tool {self.name!r}"


Messages = list[ToolRequestMessage | ToolResponseMessage | Message]
MessagesAdapter: TypeAdapter[Messages] = TypeAdapter(Messages)


def copy_message(message: Message) -> Message:
    """Copy that shares nothing the environment or agent could change later. Cheap: nothing is validated again."""
    fields = message.__dict__.copy()
    if fields["info"] is not None:
        fields["info"] = copy_json(fields["info"])
    if isinstance(message, ToolRequestMessage):
        fields["tool_calls"] = [_copy_call(call) for call in message.tool_calls]
    return with_fields(message, fields)


def _copy_call(call: ToolCall) -> ToolCall:
    function = call.function
    return with_fields(
        call,
        {
            **call.__dict__,
            "function": with_fields(function, {**function.__dict__, "arguments": copy_json(function.arguments)}),
        },
    )


_IMMUTABLE = (str, int, float, bool, type(None))


def copy_json(value: Any) -> Any:
    """Copy of a JSON value that shares nothing with it; arrays become lists, other objects are copied as they are."""
    if isinstance(value, _IMMUTABLE):
        return value
    if isinstance(value, dict):
        return {key: item if isinstance(item, _IMMUTABLE) else copy_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copy_json(item) for item in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    try:
        return copy.deepcopy(value)
    except TypeError:  # a lock, a socket: nothing that could be copied, nor changed in a record
        return value


def as_json(value: Any) -> Any:
    """Arrays and scalars of NumPy and the like as what JSON has for them; for `json.dumps(default=…)`.

    Raises:
        TypeError: If there is nothing of that kind.
    """
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a value of type {type(value).__name__} is no JSON")
