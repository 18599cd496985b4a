"""One module per screen. The functions here import a screen when it is first shown, so that Home paints early."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

if TYPE_CHECKING:
    from ldp_tui.play.session_spec import SessionSpec
    from ldp_tui.tui.engine_pool import EnginePool
    from ldp_tui.tui.log_book import LogBook
    from ldp_tui.tui.preferences import Preferences

AnyScreen = Screen[Any]


def home_screen(preferences: Preferences, db: Path) -> AnyScreen:
    """The start menu."""
    from ldp_tui.tui.screens.home import HomeScreen

    return HomeScreen(preferences, db)


def play_screen(session: SessionSpec, engines: EnginePool, log_book: LogBook) -> AnyScreen:
    """A session being played."""
    from ldp_tui.tui.screens.play import PlayScreen

    return PlayScreen(session, engines, log_book)


def library_screen(db: Path) -> AnyScreen:
    """The recorded episodes."""
    from ldp_tui.tui.screens.library import LibraryScreen

    return LibraryScreen(db)


def replay_screen(db: Path, uid: str) -> AnyScreen:
    """One recorded episode."""
    from ldp_tui.tui.screens.replay import ReplayScreen

    return ReplayScreen(db, uid)


def help_screen(screen: AnyScreen) -> AnyScreen:
    """Keys and explanations of `screen`."""
    from ldp_tui.tui.screens.help import HelpScreen

    return HelpScreen(screen)


def engine_log_screen(log_book: LogBook, log_file: Path | None) -> AnyScreen:
    """What the engine and its libraries said."""
    from ldp_tui.tui.screens.engine_log import EngineLogScreen

    return EngineLogScreen(log_book, log_file)


def too_small_notice(columns: int, rows: int) -> AnyScreen:
    """A notice that covers everything while the terminal is too small."""
    from ldp_tui.tui.screens.notice import TooSmallNotice

    return TooSmallNotice(columns, rows)


def is_notice(screen: Screen[Any]) -> bool:
    """Whether `screen` is that notice."""
    return type(screen).__name__ == "TooSmallNotice"


def warm_up(modules: Sequence[str] = ("ldp_tui.tui.screens.play", "ldp_tui.play.supervisor")) -> None:
    """Import what the next screens need; meant for a background thread."""
    from importlib import import_module

    for module in modules:
        import_module(module)
