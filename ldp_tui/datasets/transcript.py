"""An episode as the conversation a language model would have had: what is trained on and what is exported as chat."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, ToolResponseMessage
from ldp_tui.engine.events import EpisodeStarted, StepTaken


def chat_messages(
    started: EpisodeStarted, steps: Iterable[StepTaken], *, reflections: bool = True
) -> list[dict[str, Any]]:
    """Messages in OpenAI's shape with arguments as objects, which chat templates expect.

    `reflections` puts the reasoning recorded for a step into the assistant's content, if it has none of its own.
    """
    messages = [_plain(message) for message in started.observation]
    for step in steps:
        action = _plain(step.action)
        if reflections and step.reflection and not action["content"]:
            action["content"] = step.reflection
        messages.append(action)
        messages.extend(_plain(message) for message in step.observation)
    return messages


def tool_definitions(started: EpisodeStarted) -> list[dict[str, Any]]:
    """The episode's tools as providers and trainers take them."""
    return [{"type": "function", "function": dict(tool)} for tool in started.tools]


def _plain(message: Message) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if isinstance(message, ToolRequestMessage) and message.tool_calls:
        plain["tool_calls"] = [_call(call) for call in message.tool_calls]
    if isinstance(message, ToolResponseMessage):
        plain |= {"name": message.name, "tool_call_id": message.tool_call_id}
    return plain


def _content(message: Message) -> str | list[Any]:
    if message.is_multimodal:
        blocks: list[Any] = json.loads(message.content or "[]")
        return blocks
    return message.content or ""


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return {"id": call.id, "type": "function", "function": function}
