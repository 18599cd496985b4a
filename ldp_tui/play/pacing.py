"""Pause, single steps and speed: one clock for the session, one gate for each lane."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

from ldp_tui.play.messages import Pause, Resume, Speed, StepOnce

TURN_RATE: Final = 4.0
"""Steps a second, at speed 1, of an agent in an environment that has no pace of its own."""

Holding = Literal["paused", "between steps"]
ClockCommand = Pause | Resume | StepOnce | Speed


class SessionClock:
    """What holds for all lanes: paused or not, and how fast. Any thread may change it."""

    def __init__(self, speed: float | None = 1.0) -> None:
        self._lock = threading.Lock()
        self._gates: list[LaneGate] = []
        self.paused = False
        self.speed = speed

    def obey(self, command: ClockCommand) -> None:
        """Hold the lanes before their next step, let them go on, let each take one step, or change their pace."""
        match command:
            case Pause():
                self.paused = True
            case Resume():
                self.paused = False
            case Speed(factor):
                self.speed = factor
            case StepOnce():
                self.paused = True
                self._tell(LaneGate.allow_one)
                return
        self._tell(LaneGate.poke)

    def add(self, gate: LaneGate) -> None:
        """Tell `gate` of every change from now on."""
        with self._lock:
            self._gates.append(gate)

    def _tell(self, what: Callable[[LaneGate], None]) -> None:
        with self._lock:
            for gate in self._gates:
                what(gate)


class LaneGate:
    """Asked by the rollout before each step (`engine.rollout.Gate`). Lives in the lane's loop.

    Steps keep an even beat: one that comes late does not make up for lost time by hurrying the next ones.
    """

    def __init__(
        self, clock: SessionClock, loop: asyncio.AbstractEventLoop, *, holding: Callable[[Holding], None]
    ) -> None:
        self._clock = clock
        self._loop = loop
        self._holding = holding
        self._changed = asyncio.Event()
        self._allowed = 0
        self._last = 0.0
        self._closed = False
        self.rate: float | None = TURN_RATE
        """Steps a second at speed 1; None: never held back, as the lane's player sets the pace."""
        clock.add(self)

    async def __call__(self, index: int) -> bool:
        """Wait until step `index` is due; False once the gate is closed."""
        if index == 0:
            self._allowed = 0
            self._last = time.monotonic()
        await asyncio.sleep(0)  # a lane that never waits for anything must still hear of commands
        while True:
            self._changed.clear()
            if self._closed:
                return False
            if not self._clock.paused:
                self._allowed = 0
                delay = self._delay()
                if delay <= 0:
                    return True
                self._holding("between steps")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), delay)
            elif self._allowed:
                self._allowed -= 1
                self._last = time.monotonic()
                return True
            else:
                self._holding("paused")
                await self._changed.wait()

    def open(self) -> None:
        """Before an episode. Call in the lane's loop, as `close`."""
        self._closed = False

    def close(self) -> None:
        """End the episode before its next step."""
        self._closed = True
        self._changed.set()

    def poke(self) -> None:
        """Look again at the clock; from any thread."""
        self._in_loop(self._changed.set)

    def allow_one(self) -> None:
        """Let one step through, paused or not; from any thread."""
        self._in_loop(self._allow_one)

    def _allow_one(self) -> None:
        self._allowed += 1
        self._changed.set()

    def _in_loop(self, function: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    def _delay(self) -> float:
        """Seconds until the next step is due; when it is, its beat is noted."""
        if self.rate is None or self._clock.speed is None:
            return 0.0
        interval = 1 / (self.rate * self._clock.speed)
        now = time.monotonic()
        due = self._last + interval
        if now >= due:
            self._last = due if now - due < interval else now
        return due - now
