"""The app under Pilot with fake engines: settings in a temporary folder, no clocks but the app's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from ldp_tui.play.session_spec import LaneSpec, SessionSpec
from ldp_tui.tui.app import LdpTuiApp
from tests.tui.fake_engine import FakeEngine

SIZES = ((80, 24), (120, 40), (200, 60))


class Stage:
    """An app with the engines that it has started, in order."""

    def __init__(self, folder: Path, *, session: SessionSpec | None = None, close_seconds: float = 0.0) -> None:
        self.engines: list[FakeEngine] = []
        self._close_seconds = close_seconds
        self.app = LdpTuiApp(db=folder / "test.db", make_engine=self._make, session=session)

    @property
    def engine(self) -> FakeEngine:
        """The newest engine."""
        return self.engines[-1]

    def _make(self) -> FakeEngine:
        self.engines.append(FakeEngine(close_seconds=self._close_seconds))
        return self.engines[-1]


def session(*players: str, environment: str = "Blackjack-v1", db: str | None = "test.db") -> SessionSpec:
    return SessionSpec(lanes=tuple(LaneSpec(environment, player) for player in players), seed=7, db=db)


@asynccontextmanager
async def running(stage: Stage, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[None]]:
    async with stage.app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        yield pilot


async def until(pilot: Pilot[None], condition: Callable[[], object], *, tries: int = 200) -> None:
    """Let the app run until a condition holds."""
    for _ in range(tries):
        if condition():
            return
        await pilot.pause(0.02)
    pytest.fail("the condition did not come to hold")


def shown(app: LdpTuiApp) -> str:
    """The screen as text."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())
