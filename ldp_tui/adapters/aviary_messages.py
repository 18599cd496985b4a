"""Messages and tools of aviary as ours, and ours as aviary's. Nothing is shared between the two sides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from ldp_tui.adapters import aviary_core as aviary
from ldp_tui.core.messages import ENV_STATE_INFO_KEY, EnvStateMessage, Message
from ldp_tui.core.tool_calls import (
    ToolCall,
    ToolCallFunction,
    ToolRequestMessage,
    ToolResponseMessage,
    copy_json,
    copy_message,
)
from ldp_tui.core.tools import FunctionInfo, Parameters, Tool


def message_from_aviary(message: Any) -> Message:
    """Our copy of `message`, with what aviary's dumps leave out: info, cache mark, whether the content is JSON.

    Raises:
        TypeError: If it is no message.
    """
    if isinstance(message, Message):  # an environment that mixes both packages
        return copy_message(message)
    if not isinstance(message, aviary.Message):
        raise TypeError(f"a message was expected, not a {type(message).__name__}")
    fields: dict[str, Any] = {
        "content": message.content,
        "content_is_json_str": message.content_is_json_str,
        "info": copy_json(message.info),
        "cache_breakpoint": message.cache_breakpoint,
    }
    if isinstance(message, aviary.ToolRequestMessage):
        return ToolRequestMessage(**fields, tool_calls=[_call_from_aviary(call) for call in message.tool_calls])
    if isinstance(message, aviary.ToolResponseMessage):
        return ToolResponseMessage(**fields, name=message.name, tool_call_id=message.tool_call_id)
    kind = EnvStateMessage if isinstance(message, aviary.EnvStateMessage) else Message
    return kind(**fields, role=message.role)


def messages_from_aviary(messages: Iterable[Any]) -> list[Message]:
    """Our copies of `messages`; raises TypeError as `message_from_aviary` does."""
    return [message_from_aviary(message) for message in messages]


def message_to_aviary(message: Message) -> aviary.Message:
    """Aviary's copy of `message`. An `EnvStateMessage` becomes a message with the mark, as aviary now prefers."""
    fields: dict[str, Any] = {
        "content": message.content,
        "content_is_json_str": message.content_is_json_str,
        "info": copy_json(message.info),
        "cache_breakpoint": message.cache_breakpoint,
    }
    if isinstance(message, ToolRequestMessage):
        return aviary.ToolRequestMessage(**fields, tool_calls=[_call_to_aviary(call) for call in message.tool_calls])
    if isinstance(message, ToolResponseMessage):
        return aviary.ToolResponseMessage(**fields, name=message.name, tool_call_id=message.tool_call_id)
    if message.is_env_state:
        fields["info"] = {**fields["info"], ENV_STATE_INFO_KEY: True}
    return aviary.Message(**fields, role=message.role)


def messages_to_aviary(messages: Iterable[Message]) -> list[aviary.Message]:
    """Aviary's copies of `messages`."""
    return [message_to_aviary(message) for message in messages]


def tool_from_aviary(tool: aviary.Tool) -> Tool:
    """A description of `tool` that cannot be called: its function belongs to the environment, whose `step` calls it.

    It still shows where that function is written.
    """
    parameters = tool.info.parameters
    return Tool(
        tool_fn=_uncallable(tool._tool_fn),
        info=FunctionInfo(
            name=tool.info.name,
            description=tool.info.description,
            parameters=None if parameters is None else Parameters.model_validate(copy_json(parameters.model_dump())),
        ),
        concurrency_safe=tool.concurrency_safe,
    )


def tool_to_aviary(tool: Tool) -> aviary.Tool:
    """Aviary's description of `tool`, which cannot be called either: `step` calls tools."""
    parameters = tool.info.parameters
    info = aviary.FunctionInfo(
        name=tool.info.name,
        description=tool.info.description,
        parameters=None
        if parameters is None
        else aviary.Parameters.model_validate({"required": [], **copy_json(parameters.model_dump())}),
    )
    return aviary.Tool(info=info, concurrency_safe=tool.concurrency_safe)


def _uncallable(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError("Please step the environment, which calls its tools itself.")

    return refuse


def _call_from_aviary(call: aviary.ToolCall) -> ToolCall:
    function = ToolCallFunction(name=call.function.name, arguments=copy_json(call.function.arguments))
    return ToolCall(id=call.id, function=function)


def _call_to_aviary(call: ToolCall) -> aviary.ToolCall:
    function = aviary.ToolCallFunction(name=call.function.name, arguments=copy_json(call.function.arguments))
    return aviary.ToolCall(id=call.id, function=function)
