"""An episode as the conversation a language model would have had: what is trained on and what is exported as chat."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, ToolResponseMessage
from ldp_tui.engine.events import EpisodeStarted, StepTaken


def chat_messages(
    started: EpisodeStarted, steps: Iterable[StepTaken], *, reflections: bool = True
) -> list[dict[str, Any]]:
    """Messages in OpenAI's shape with arguments as objects, which chat templates expect.

    `reflections` puts the reasoning recorded for a step into the assistant's content, if it has none of its own; not
    where another action was played than the agent reasoned for. Notes to the agent are messages of the user.
    """
    return [message for message, _ in _conversation(started, steps, reflections=reflections)]


def overruled_messages(started: EpisodeStarted, steps: Iterable[StepTaken]) -> list[int]:
    """Places, in `chat_messages`, of the actions that somebody chose in the agent's place."""
    told = _conversation(started, steps, reflections=False)
    return [place for place, (_, overruled) in enumerate(told) if overruled]


def _conversation(
    started: EpisodeStarted, steps: Iterable[StepTaken], *, reflections: bool
) -> Iterator[tuple[dict[str, Any], bool]]:
    """Each message, and whether it is an action that the agent did not choose."""
    for message in started.observation:
        yield _plain(message), False
    for step in steps:
        for note in step.interventions:
            if note.kind == "noted":
                yield {"role": "user", "content": note.text}, False
        action, overruled = _plain(step.action), step.overseen is not None
        if reflections and step.reflection and not action["content"] and not overruled:
            action["content"] = step.reflection
        yield action, overruled
        for message in step.observation:
            yield _plain(message), False


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
