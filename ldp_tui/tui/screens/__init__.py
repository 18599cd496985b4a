"""One module per screen. The functions here import a screen when it is first shown, so that Home paints early."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from ldp_tui.tui.importing import ONE_AT_A_TIME

if TYPE_CHECKING:
    from ldp_tui.play.session_spec import SessionSpec
    from ldp_tui.tui.engine_pool import EnginePool
    from ldp_tui.tui.log_book import LogBook
    from ldp_tui.tui.preferences import Preferences
    from ldp_tui.tui.screens.dialogs import Choice, Picker

AnyScreen = Screen[Any]


def home_screen(preferences: Preferences, db: Path) -> AnyScreen:
    """The start menu."""
    with ONE_AT_A_TIME:
        from ldp_tui.tui.screens.home import HomeScreen

    return HomeScreen(preferences, db)


def play_screen(session: SessionSpec, engines: EnginePool, log_book: LogBook) -> AnyScreen:
    """A session being played."""
    with ONE_AT_A_TIME:
        from ldp_tui.tui.screens.play import PlayScreen

    return PlayScreen(session, engines, log_book)


def library_screen(db: Path) -> AnyScreen:
    """The recorded episodes."""
    with ONE_AT_A_TIME:
        from ldp_tui.tui.screens.library import LibraryScreen

    return LibraryScreen(db)


def replay_screen(db: Path, uid: str) -> AnyScreen:
    """One recorded episode."""
    with ONE_AT_A_TIME:
        from ldp_tui.tui.screens.replay import ReplayScreen

    return ReplayScreen(db, uid)


def tools_screen(environment: str) -> AnyScreen:
    """The tools of an environment."""
    with ONE_AT_A_TIME:
        from ldp_tui.tui.screens.tools import ToolsScreen

    return ToolsScreen(environment)


def help_screen(screen: AnyScreen) -> AnyScreen:
    """Keys and explanations of `screen`."""
    with ONE_AT_A_TIME:
        from ldp_tui.tui.screens.help import HelpScreen

    return HelpScreen(screen)


def engine_log_screen(log_book: LogBook, log_file: Path | None) -> AnyScreen:
    """What the engine and its libraries said."""
    with ONE_AT_A_TIME:
        from ldp_tui.tui.screens.engine_log import EngineLogScreen

    return EngineLogScreen(log_book, log_file)


def picker(title: str, choices: Sequence[Choice], *, current: str, hint: str) -> Picker:
    """A list to choose a name from."""
    with ONE_AT_A_TIME:
        from ldp_tui.tui.screens.dialogs import Picker as Dialog

    return Dialog(title, choices, current=current, hint=hint)


def too_small_notice(columns: int, rows: int) -> AnyScreen:
    """A notice that covers everything while the terminal is too small."""
    with ONE_AT_A_TIME:
        from ldp_tui.tui.screens.notice import TooSmallNotice

    return TooSmallNotice(columns, rows)


def is_notice(screen: Screen[Any]) -> bool:
    """Whether `screen` is that notice."""
    return type(screen).__name__ == "TooSmallNotice"


def warm_up() -> None:
    """Import what the next screens need; meant for a background thread."""
    for module in ("ldp_tui.registry", "ldp_tui.play.supervisor", "ldp_tui.tui.screens.play"):
        with ONE_AT_A_TIME:
            import_module(module)
