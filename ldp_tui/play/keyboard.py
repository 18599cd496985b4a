"""What an environment offers to a person at a keyboard: keys, and a pace of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction, ToolRequestMessage
from ldp_tui.play.messages import Act, Call


@runtime_checkable
class Keyed(Protocol):
    """An environment that can be played by keys, as those of Gymnasium are."""

    def keys(self) -> Mapping[str, ToolCall]:
        """Calls by key, in Textual's spelling."""

    @property
    def noop(self) -> ToolCall | None:
        """What happens now in real time if no key is held; None: the environment waits for its player."""

    @property
    def realtime_fps(self) -> float | None:
        """Steps a second in real time."""


@dataclass(frozen=True, slots=True)
class Keyboard:
    """Keys of an environment as a front end shows them, and how it runs while none is pressed."""

    keys: Mapping[str, Call] = field(default_factory=dict)
    fps: float | None = None
    """Pace in real time; None where the environment waits for its player."""
    noop: Call | None = None
    """What happens first while no key is held."""
    idle: Callable[[], Message] = Message
    """The message of a player who does nothing now."""


def keyboard_of(env: Environment[Any]) -> Keyboard:
    """The keys of a reset environment; none if it is played by tools alone."""
    if not isinstance(env, Keyed):
        return Keyboard()
    keys = {key: _as_data(call) for key, call in env.keys().items()}
    fps, noop = env.realtime_fps, env.noop
    if fps is None or noop is None:
        return Keyboard(keys)
    return Keyboard(keys, fps, _as_data(noop), lambda: _idle(env))


def _idle(env: Keyed) -> Message:
    noop = env.noop
    return ToolRequestMessage(tool_calls=[] if noop is None else [noop])


def message_of(act: Act) -> Message:
    """What a person does, as the agent's message."""
    if not act.calls:
        return Message(role="assistant", content=act.text)
    functions = [ToolCallFunction(name=call["name"], arguments=dict(call["arguments"])) for call in act.calls]
    calls = [ToolCall(id=ToolCall.generate_id(), function=function) for function in functions]
    return ToolRequestMessage(content=act.text or None, tool_calls=calls)


def _as_data(call: ToolCall) -> Call:
    return {"name": call.function.name, "arguments": dict(call.function.arguments)}
