"""A person as player: waits for the message that a front end submits, or plays at a fixed pace with the newest key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ldp_tui.core.agent import Agent, AgentKind, PlainAction, reflect
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool

FIRST_REPEAT_SECONDS = 0.4
"""How long a new key counts as held: terminals report no key-up, and the first repeat comes after 250 to 660 ms."""
REPEAT_SECONDS = 0.15
"""How long a repeated key counts as held after its newest repeat."""


@dataclass(frozen=True, slots=True)
class RealTime:
    """Play `fps` steps a second; `noop()` is what happens in a step while no key is held."""

    fps: float
    noop: Callable[[], Message]


class HumanAgent(Agent[None]):
    """Plays what `submit` is given. An instance sits in one lane; any thread may call `submit` and `pace`."""

    kind: ClassVar[AgentKind] = "human"

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._submitted: asyncio.Queue[tuple[Message, str] | None] = asyncio.Queue()
        self._real_time: RealTime | None = None
        self._held: Message | None = None
        self._held_until = 0.0
        self._next_tick = 0.0

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        """Forget what was submitted for an earlier episode."""
        self._loop = asyncio.get_running_loop()
        self._submitted = asyncio.Queue()
        self._held = None

    def submit(self, message: Message, note: str = "") -> None:
        """Play `message` next; `note` is the person's own reason, recorded as reflection."""
        self._put((message, note))

    def pace(self, real_time: RealTime | None) -> None:
        """Switch to real time, or back to one step per submitted message (None)."""
        self._real_time = real_time
        self._put(None)

    def _put(self, item: tuple[Message, str] | None) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._submitted.put_nowait, item)

    async def init_state(self, tools: list[Tool]) -> None:
        """People remember by themselves."""

    async def get_asv(self, agent_state: None, obs: list[Message]) -> tuple[PlainAction, None, float]:
        """The next message: submitted, or due by the clock."""
        while True:
            if self._real_time is not None:
                return PlainAction(_renumbered(await self._tick(self._real_time))), None, 0.0
            item = await self._submitted.get()
            if item is not None:
                message, note = item
                if note:
                    reflect(note)
                return PlainAction(_renumbered(message)), None, 0.0

    async def _tick(self, real_time: RealTime) -> Message:
        """Wait for the next tick; the newest key counts until it would have repeated."""
        now = time.monotonic()
        self._next_tick = max(self._next_tick + 1 / real_time.fps, now)
        await asyncio.sleep(self._next_tick - now)
        now = time.monotonic()
        while not self._submitted.empty():
            item = self._submitted.get_nowait()
            if item is not None:
                repeated = self._held is not None and _same(item[0], self._held) and now < self._held_until
                self._held, self._held_until = item[0], now + (REPEAT_SECONDS if repeated else FIRST_REPEAT_SECONDS)
        return self._held if self._held is not None and now < self._held_until else real_time.noop()


def _same(one: Message, other: Message) -> bool:
    """Whether two messages do the same, whatever the ids of their calls."""
    return one.content == other.content and _functions(one) == _functions(other)


def _functions(message: Message) -> list[object]:
    return [call.function for call in message.tool_calls] if isinstance(message, ToolRequestMessage) else []


def _renumbered(message: Message) -> Message:
    """The message with new call ids: a held key plays it more than once, and equal episodes have equal ids."""
    if not isinstance(message, ToolRequestMessage):
        return message
    calls = [call.model_copy(update={"id": ToolCall.generate_id()}) for call in message.tool_calls]
    return message.model_copy(update={"tool_calls": calls})
