"""The engines of the app: started for a screen, closed on threads, so that leaving takes no longer than its limit."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ldp_tui.play.session_spec import SessionSpec
    from ldp_tui.tui.bridge import Engine

CLOSE_SECONDS = 1.2
"""How long an engine gets to end its episodes; then it is killed, and what is committed stays."""
KILL_SECONDS = 0.5
"""How long the killing may take before the app leaves all the same."""


class EnginePool:
    """Starts engines and sees to their end."""

    def __init__(self, make: Callable[[], Engine] | None = None) -> None:
        """`make` gives an engine that is not started yet; None: a process of its own."""
        self._make = make or _process
        self._running: list[Engine] = []
        self._closing: list[threading.Thread] = []

    def start(self, session: SessionSpec) -> Engine:
        """An engine that is told to play `session`; raises OSError where no process can be made."""
        from ldp_tui.play.messages import Start

        engine = self._make()
        engine.start()
        self._running.append(engine)
        engine.send(Start(session))
        return engine

    def release(self, engine: Engine) -> None:
        """End an engine, in the background."""
        if engine in self._running:
            self._running.remove(engine)
            thread = threading.Thread(target=engine.close, args=(CLOSE_SECONDS,), name="engine-close", daemon=True)
            thread.start()
            self._closing = [*(other for other in self._closing if other.is_alive()), thread]

    async def close(self) -> None:
        """End all engines; returns when they have ended, or after their limit."""
        for engine in tuple(self._running):
            self.release(engine)
        deadline = time.monotonic() + CLOSE_SECONDS + KILL_SECONDS
        for thread in self._closing:
            await asyncio.to_thread(thread.join, max(0.0, deadline - time.monotonic()))


def _process() -> Engine:
    from ldp_tui.play.supervisor import EngineHandle

    return EngineHandle()
