"""The smallest app that a screen can be shown in: the colours of the real one, and none of its other screens."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import App
from textual.screen import Screen

from ldp_tui.tui.requests import ReplayRequested
from ldp_tui.tui.themes import DEFAULT_THEME, THEMES, VARIABLES


class ScreenApp(App[None]):
    """Shows one screen, if it is given one; keeps what it was asked for."""

    CSS_PATH: ClassVar[Any] = "../../ldp_tui/tui/app.tcss"

    def __init__(self, screen: Screen[Any] | None = None) -> None:
        super().__init__()
        self.first = screen
        self.replays: list[str] = []
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DEFAULT_THEME

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLES)

    def on_mount(self) -> None:
        if self.first is not None:
            self.push_screen(self.first)

    @on(ReplayRequested)
    def _remember(self, event: ReplayRequested) -> None:
        self.replays.append(event.uid)


def rows_of(app: App[Any]) -> list[str]:
    """What is on the screen, line by line."""
    return [strip.text for strip in app.screen._compositor.render_strips()]
