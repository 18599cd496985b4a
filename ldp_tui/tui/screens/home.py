"""Home: what to do, what to play, what was played, what this machine has. Painted before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input, OptionList, Static

from ldp_tui.tui import readiness
from ldp_tui.tui.actions import bindings, commands
from ldp_tui.tui.background import in_background
from ldp_tui.tui.lookups import (
    environment_choices,
    player_choices,
    recent_episodes,
    refusal,
    summaries,
    summary_of,
    tried_environment_choices,
)
from ldp_tui.tui.plain import plain_line
from ldp_tui.tui.preferences import Preferences
from ldp_tui.tui.requests import DEMO, Game, LibraryRequested, PlayRequested, ReplayRequested, ToolsRequested
from ldp_tui.tui.screens import picker, warm_up
from ldp_tui.tui.widgets.menu import Menu
from ldp_tui.tui.widgets.pick_field import PickField
from ldp_tui.tui.widgets.recent_list import RecentEpisode, RecentList
from ldp_tui.tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from ldp_tui.tui.screens.dialogs import Choice

MAX_LANES = 4
LOOK_AFTER = 0.15
"""Seconds after which threads may begin to load things: by then Home is painted."""
_START = ("home.play", "home.versus", "home.demo", "home.library", "home.replay")


class HomeScreen(Screen[None]):
    """The start menu and the game it starts."""

    SCOPE: Literal["home"] = "home"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("home")]
    HELP = (
        "**Start** lists what can be done. **Next game** is what Play starts: an environment, up to four players on "
        "the same seed, and a limit of steps. **Recent** replays; **Ready?** says what this machine has."
    )

    def __init__(
        self, preferences: Preferences, db: Path, *, facts: Callable[[], list[readiness.Fact]] = readiness.machine_facts
    ) -> None:
        """`facts` finds out what this machine has, on a background thread."""
        super().__init__()
        self._preferences, self._db, self._facts = preferences, db, facts
        self._looked = False
        self._newest: str | None = None
        self._summaries: Mapping[str, str] = {}

    def compose(self) -> ComposeResult:
        """Start and the next game on the left; recent episodes and the machine on the right."""
        chosen = {command.id: command for command in commands("home")}
        yield TitleBar("Home")
        with Horizontal():
            with Vertical(id="left"):
                with Vertical(classes="pane", id="start") as start:
                    start.border_title = "Start"
                    entries = [chosen[name] for name in _START]
                    yield Menu([(c.action[8:-2], c.keys, c.label, c.help) for c in entries], id="menu")
                with Vertical(classes="pane", id="game") as game:
                    game.border_title = "Next game"
                    yield from self._compose_game()
                with Vertical(classes="pane", id="about") as about:
                    about.border_title = "About"
                    yield Static(id="summaries")
            with Vertical(id="right"):
                with Vertical(classes="pane", id="recent") as recent:
                    recent.border_title = "Recent"
                    yield RecentList(id="episodes")
                with Vertical(classes="pane", id="ready") as ready:
                    ready.border_title = "Ready?"
                    yield Static(id="facts")
        yield Footer(compact=True, show_command_palette=True)

    def _compose_game(self) -> ComposeResult:
        yield PickField("environment", self._preferences.environment, id="environment")
        players = [*self._preferences.players, "", "", "", ""][:MAX_LANES]
        for number, player in enumerate(players, 1):
            yield PickField(f"player {number}", player, empty="nobody", id=f"player-{number}")
        with Horizontal(classes="numbers"):
            yield Static("seed", classes="label")
            yield Input("0", type="integer", id="seed", compact=True, max_length=19)
            yield Static("steps ≤", classes="label second")
            limit = str(self._preferences.max_steps or "")
            yield Input(limit, placeholder="any", restrict=r"\d*", id="steps", compact=True, max_length=9)

    def on_mount(self) -> None:
        """Put the cursor on Start; fetch the rest once this is painted."""
        self.query_one("#menu").focus()
        self.query_one(TitleBar).state = str(self._db)
        self.set_timer(LOOK_AFTER, self._look_around)

    def on_screen_resume(self) -> None:
        """Coming back: there may be new episodes."""
        if self._looked:
            self._fetch_recent()

    def _look_around(self) -> None:
        self._looked = True
        self._fetch_recent()
        in_background(self, summaries, done=self._take_summaries, failed=self._complain)
        in_background(self, self._facts, done=self._show_facts, failed=self._complain)
        in_background(self, warm_up, done=lambda _: None, failed=self._complain)

    def _fetch_recent(self) -> None:
        in_background(self, partial(recent_episodes, self._db), done=self._show_recent, failed=self._complain)

    def _show_recent(self, episodes: Sequence[RecentEpisode]) -> None:
        self.query_one(RecentList).show(episodes)
        self._newest = episodes[0].uid if episodes else None

    def _show_facts(self, facts: list[readiness.Fact]) -> None:
        system = self.app.console.color_system
        facts = [*readiness.terminal_facts(system, no_color=self.app.no_color), *facts]
        signs = {True: ("✓ ", "$success"), False: ("✗ ", "$foreground-muted"), None: ("· ", "$foreground-muted")}
        lines = [
            Content.assemble(signs[fact.present], (fact.text, "" if fact.present else "$foreground-muted"))
            for fact in facts
        ]
        self.query_one("#facts", Static).update(Content("\n").join(lines))

    def _take_summaries(self, known: Mapping[str, str]) -> None:
        self._summaries = known
        self._describe()

    def _describe(self) -> None:
        """What the chosen environment and players are, as far as they are in a list."""
        game = self.game()
        names = dict.fromkeys((game.environment, *game.players))
        found = {name: text for name in names if (text := summary_of(name, self._summaries))}
        lines = [Content.assemble((plain_line(name), "bold"), f"  {plain_line(text)}") for name, text in found.items()]
        self.query_one("#summaries", Static).update(Content("\n").join(lines))

    def _complain(self, error: Exception) -> None:
        self.notify(f"{type(error).__name__}: {error}", title="Home is incomplete", severity="warning", markup=False)

    # -- what is chosen ---------------------------------------------------------------------------------------------

    def game(self) -> Game:
        """The game as the fields say it."""
        players = tuple(value for n in range(1, MAX_LANES + 1) if (value := self._field(f"player-{n}").value))
        seed, steps = self.query_one("#seed", Input).value, self.query_one("#steps", Input).value
        return Game(
            self._field("environment").value,
            players or ("human",),
            seed=int(seed) if seed.strip("-+") else 0,
            max_steps=int(steps or 0) or None,
        )

    def _field(self, name: str) -> PickField:
        return self.query_one(f"#{name}", PickField)

    def action_choose(self, entry: str) -> None:
        """Do what an entry of the start menu says."""
        if entry == "play":
            self.post_message(PlayRequested(self.game()))
        elif entry == "demo":
            self.post_message(PlayRequested(DEMO))
        elif entry == "versus":
            self._versus()
        elif entry == "library":
            self.post_message(LibraryRequested())
        elif self._newest is None:
            self.notify("Nothing is recorded yet.")
        else:
            self.post_message(ReplayRequested(self._newest))

    def action_pick_environment(self) -> None:
        """Choose the environment."""
        self._field("environment").action_press()

    def action_tools(self) -> None:
        """Look at the tools of the chosen environment."""
        self.post_message(ToolsRequested(self._field("environment").value))

    def action_pick_players(self) -> None:
        """Go to the players' fields."""
        self._field("player-1").focus()

    def _versus(self) -> None:
        if len(self.game().players) > 1:
            self.post_message(PlayRequested(self.game()))
            return

        def start(name: str | None) -> None:
            if name:
                self._field("player-2").value = name
                self.post_message(PlayRequested(self.game()))

        self._pick("player-2", start)

    @on(OptionList.OptionSelected, "#menu")
    def _menu_chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_choose(event.option.id or "play")

    @on(OptionList.OptionSelected, "#episodes")
    def _recent_chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id:
            self.post_message(ReplayRequested(event.option.id))

    @on(PickField.Pressed)
    def _field_pressed(self, event: PickField.Pressed) -> None:
        event.stop()
        field = event.field

        def take(name: str | None) -> None:
            if name is None:
                return
            if reason := refusal(name, environment=field.id == "environment"):
                self.notify(reason, severity="error", markup=False)
                return
            field.value = name
            self._describe()

        self._pick(field.id or "", take)

    @on(PickField.Cleared)
    def _field_cleared(self, event: PickField.Cleared) -> None:
        event.stop()
        if event.field.id not in {"environment", "player-1"}:
            event.field.value = ""
            self._describe()

    @on(Input.Submitted)
    def _number_entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_choose("play")

    def _pick(self, field: str, take: Callable[[str | None], None]) -> None:
        """Open the list for a field; it is read when it is needed, for files come and go."""
        environments = field == "environment"
        title = "Environment" if environments else f"Player {field[-1]}"
        hint = "options follow a comma: FrozenLake-v1,is_slippery=false" if environments else "NAME:MODEL,key=value"
        current = self._field(field).value

        def show(choices: Sequence[Choice]) -> None:
            shown = picker(title, choices, current=current, hint=hint)
            self.app.push_screen(shown, take)
            if environments:  # importing own files takes its time; until then the list holds what they say they are
                in_background(shown, tried_environment_choices, done=shown.replace, failed=self._complain)

        in_background(self, environment_choices if environments else player_choices, done=show, failed=self._complain)
