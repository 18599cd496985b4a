"""The application: it holds the screens together, and knows nothing of what they show."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import App
from textual.binding import BindingType

from ldp_tui.tui import crashes, screens
from ldp_tui.tui.actions import bindings
from ldp_tui.tui.engine_pool import EnginePool
from ldp_tui.tui.importing import ONE_AT_A_TIME
from ldp_tui.tui.log_book import LogBook
from ldp_tui.tui.preferences import (
    Preferences,
    PreferencesError,
    load_preferences,
    log_path,
    preferences_path,
    save_preferences,
)
from ldp_tui.tui.requests import DEMO, Game, LibraryRequested, PlayRequested, ReplayRequested, ToolsRequested
from ldp_tui.tui.terminal import own_terminal, why_no_terminal
from ldp_tui.tui.themes import DEFAULT_THEME, THEMES, VARIABLES

if TYPE_CHECKING:
    from textual.command import Provider

    from ldp_tui.play.session_spec import SessionSpec
    from ldp_tui.tui.bridge import Engine
SMALLEST = (60, 18)
"""Columns and rows below which only a notice fits."""


def _registered_commands() -> type[Provider]:
    from ldp_tui.tui.palette import RegisteredCommands  # the palette is loaded when it is opened

    return RegisteredCommands


class LdpTuiApp(App[None]):
    """Home at the bottom of the stack; Play, Library, Replay and help are pushed over it."""

    TITLE = "ldp-tui"
    CSS_PATH = ["app.tcss", "screens/home.tcss"]  # noqa: RUF012 (a default screen loads no style file of its own)
    COMMANDS: ClassVar[set[Any]] = {_registered_commands}
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("app")]
    COMMAND_PALETTE_BINDING = "ctrl+p"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-huge")]  # noqa: RUF012 (Textual's declaration)
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012

    def __init__(
        self,
        *,
        db: Path,
        make_engine: Callable[[], Engine] | None = None,
        session: SessionSpec | None = None,
        screen: str = "home",
        uid: str | None = None,
        log_file: Path | None = None,
    ) -> None:
        """`session` starts at once; else `screen` (home, library, replay of `uid`) is shown over Home.

        `make_engine` gives an engine that is not started yet; None: a process of its own.
        """
        super().__init__()
        self.db = db
        self.log_file = log_file
        self.log_book = LogBook()
        self.farewell = ""
        """What is printed once the terminal is given back."""
        self.engines = EnginePool(make_engine)
        self._first = (session, screen, uid)
        self._preferences_path = preferences_path()
        self._warning = ""
        for theme in THEMES:
            self.register_theme(theme)
        try:
            self.preferences = load_preferences(self._preferences_path)
        except PreferencesError as error:
            self.preferences, self._warning = Preferences(), str(error)
        self.theme = self.preferences.theme if self.preferences.theme in self.available_themes else DEFAULT_THEME

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours that only this app knows, for themes that do not define them."""
        return dict(VARIABLES)

    def get_default_screen(self) -> screens.AnyScreen:
        """Home, so that it is what is painted first."""
        return screens.home_screen(self.preferences, self.db)

    def on_mount(self) -> None:
        """Show what was asked for."""
        if not self.is_headless:
            crashes.watch_threads_and_tasks(self)
        self.theme_changed_signal.subscribe(self, lambda _: self.remember(theme=self.theme))
        if self._warning:
            self.notify(self._warning, title="Preferences not read", severity="warning", markup=False)
        session, screen, uid = self._first
        if session is not None:
            self.open_play(session)
        elif screen == "library":
            self.open_library()
        elif screen == "replay" and uid is not None:
            self.open_replay(uid)

    def on_resize(self, event: events.Resize) -> None:
        """Say so politely while nothing fits."""
        small = event.size.width < SMALLEST[0] or event.size.height < SMALLEST[1]
        shown = screens.is_notice(self.screen)
        if small and not shown:
            self.push_screen(screens.too_small_notice(*SMALLEST))
        elif shown and not small:
            self.pop_screen()

    def remember(self, **choices: Any) -> None:
        """Keep choices for the next start."""
        preferences = replace(self.preferences, **choices)
        if preferences == self.preferences:
            return
        self.preferences = preferences
        try:
            save_preferences(preferences, self._preferences_path)
        except PreferencesError as error:
            self.notify(str(error), title="Choice not remembered", severity="warning", markup=False)

    # -- screens ----------------------------------------------------------------------------------------------------

    def open_game(self, game: Game) -> None:
        """Play a game, and remember it for Home."""
        with ONE_AT_A_TIME:
            from ldp_tui.play.session_spec import LaneSpec, SessionSpec

        if game != DEMO:
            self.remember(environment=game.environment, players=game.players, max_steps=game.max_steps or 0)
        lanes = tuple(LaneSpec(game.environment, player) for player in game.players)
        self.open_play(SessionSpec(lanes=lanes, seed=game.seed, max_steps=game.max_steps, db=str(self.db)))

    def open_play(self, session: SessionSpec) -> None:
        """Play a session; the screen is there before the engine is."""
        self.push_screen(screens.play_screen(session, self.engines, self.log_book))

    def open_library(self) -> None:
        """Show the recorded episodes."""
        self.push_screen(screens.library_screen(self.db))

    def open_replay(self, uid: str) -> None:
        """Show a recorded episode."""
        self.push_screen(screens.replay_screen(self.db, uid))

    @on(PlayRequested)
    def _play_requested(self, event: PlayRequested) -> None:
        self.open_game(event.game)

    @on(LibraryRequested)
    def _library_requested(self) -> None:
        self.open_library()

    @on(ReplayRequested)
    def _replay_requested(self, event: ReplayRequested) -> None:
        self.open_replay(event.uid)

    @on(ToolsRequested)
    def _tools_requested(self, event: ToolsRequested) -> None:
        self.push_screen(screens.tools_screen(event.environment))

    # -- actions ----------------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """Keys and explanations of the current screen."""
        self.push_screen(screens.help_screen(self.screen))

    def action_engine_log(self) -> None:
        """What engines and libraries printed."""
        self.push_screen(screens.engine_log_screen(self.log_book, self.log_file))

    def action_library(self) -> None:
        """The recorded episodes."""
        self.open_library()

    def action_home(self) -> None:
        """Leave every screen but Home."""
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dialogs keep the keys for themselves."""
        if self.screen.is_modal and action in {"help", "engine_log", "library", "home", "change_theme"}:
            return False
        return super().check_action(action, parameters)

    async def action_quit(self) -> None:
        """End the engines within their limit, then leave."""
        await self.engines.close()
        self.exit()

    async def run_action(self, *args: Any, **keywords: Any) -> bool:
        """An action that fails says so, and costs nothing else."""
        try:
            return await super().run_action(*args, **keywords)
        except Exception as error:
            if self.is_headless:
                raise
            crashes.apologise(self, error)
            return True

    def _handle_exception(self, error: Exception) -> None:
        """A fault in a screen costs that screen, not the app; one in the app itself ends it in words."""
        if self.is_headless:
            super()._handle_exception(error)
        else:
            crashes.survive(self, error)


def run_app(
    *, session: SessionSpec | None = None, db: Path | None = None, screen: str = "home", uid: str | None = None
) -> int:
    """Open the app and wait until it is left; the exit status. `session` starts at once, else `screen` is shown."""
    if reason := why_no_terminal():
        print(f"ldp-tui: {reason}; try `ldp-tui play --plain` or `ldp-tui run`.", file=sys.stderr)  # noqa: T201
        return 2
    from ldp_tui.store import default_path

    log_file = log_path()
    app = LdpTuiApp(db=default_path(db), session=session, screen=screen, uid=uid, log_file=log_file)
    with own_terminal(log_file):
        app.run()
    if app.farewell:
        print(app.farewell, file=sys.stderr)  # noqa: T201
    return app.return_code or 0
