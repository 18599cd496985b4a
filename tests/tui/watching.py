"""Tests look at a screen as a person does: press keys, read what is there, wait until it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget

from tests.tui.screen_app import ScreenApp, rows_of


class Watched:
    """A screen in the smallest app, driven by its pilot."""

    def __init__(self, app: ScreenApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    def shows(self, text: str) -> bool:
        return any(text in row for row in rows_of(self.app))

    async def until(self, true: Callable[[], object], seconds: float = 15) -> None:
        """Wait until it is true; fails with the picture of the screen."""
        for _ in range(int(seconds / 0.02)):
            if true():
                return
            await self.pilot.pause(0.02)
        raise AssertionError("\n".join(rows_of(self.app)))

    async def until_shown(self, *texts: str) -> None:
        """Wait until all of these are on the screen."""
        await self.until(lambda: all(self.shows(text) for text in texts))

    def find(self, kind: type[Widget]) -> Any:
        """The first widget of a kind on the screen in front."""
        return self.app.screen.query(kind).first()


@asynccontextmanager
async def watch(screen: Screen[Any], size: tuple[int, int] = (120, 40)) -> AsyncIterator[Watched]:
    app = ScreenApp(screen)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        yield Watched(app, pilot)
