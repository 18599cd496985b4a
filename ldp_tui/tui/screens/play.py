"""Play: up to four players side by side, live."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Footer, Tab, Tabs

from ldp_tui.play.messages import (
    Act,
    Command,
    Pace,
    Pause,
    Restart,
    Resume,
    Speed,
    StepOnce,
    Stop,
    View,
)
from ldp_tui.play.session_spec import SessionSpec
from ldp_tui.tui import lane_words as words
from ldp_tui.tui.actions import bindings
from ldp_tui.tui.bridge import Bridge, LaneView
from ldp_tui.tui.engine_pool import EnginePool
from ldp_tui.tui.log_book import LogBook
from ldp_tui.tui.plain import plain_line
from ldp_tui.tui.pump import HERTZ, Cadence, Due, writer_backlog
from ldp_tui.tui.requests import ReplayRequested, ToolsRequested
from ldp_tui.tui.screens.dialogs import Trouble, TroubleDialog
from ldp_tui.tui.screens.overseeing import OverseeingScreen
from ldp_tui.tui.widgets.lane_pane import LanePane
from ldp_tui.tui.widgets.title_bar import TitleBar
from ldp_tui.tui.widgets.tool_form import ToolForm

SPEEDS: tuple[float | None, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, None)
"""None: as fast as the lanes can."""


AGAIN, HOME = "Start again", "Home"


class PlayScreen(OverseeingScreen):
    """Hands the engine's reports to the lanes' panes, and what people do to the engine."""

    SCOPE: Literal["play"] = "play"
    CSS_PATH = "play.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("play")]
    HELP = (
        "Every lane plays the same seed; what it shows is already recorded. Keys go to the lane in focus, and Tab "
        "changes it. Space holds all lanes, **.** lets them take one step, **+** and **-** change the speed."
    )

    def __init__(self, session: SessionSpec, engines: EnginePool, log_book: LogBook) -> None:
        super().__init__()
        self._session, self._engines, self._log_book = session, engines, log_book
        self._bridge: Bridge | None = None
        self._cadence = Cadence()
        self._paused = False
        self._speed = SPEEDS.index(session.speed) if session.speed in SPEEDS else 2
        self._real_time: set[int] = set()
        self._current = 0
        self._over = False
        self._mourned = False

    def compose(self) -> ComposeResult:
        """The lanes; tabs where only one fits."""
        yield TitleBar("Play", "starting the engine …")
        lanes = self._session.lanes
        if len(lanes) > 1:
            yield Tabs(*(Tab(self._tab_label(n), id=f"tab-{n}") for n in range(len(lanes))))
        with Horizontal(id="lanes"):
            for number, lane in enumerate(lanes):
                yield LanePane(number, lane.environment, lane.agent, recorded=self._session.db is not None)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Start the engine; paint at its pace from now on."""
        self._panes = list(self.query(LanePane))
        self.set_class(len(self._panes) > 1, "-several")
        self._panes[0].mark(current=True)
        self._go_to(0)
        self._launch()
        self.set_interval(1 / HERTZ, self._beat)

    def on_unmount(self) -> None:
        """Let go of the engine; it commits what was played."""
        if self._bridge is not None:
            self._engines.release(self._bridge.engine)

    def _launch(self) -> None:
        self._mourned = self._paused = False
        self._real_time.clear()
        try:
            engine = self._engines.start(self._session)
        except OSError as error:
            self._mourn(f"it could not be started: {error}")
            return
        self._bridge = Bridge(engine, len(self._panes), self._log_book)
        self.call_after_refresh(self._tell_sizes)

    def _tell_sizes(self) -> None:
        for pane in self._panes:
            pane.tell_size()

    # -- from the engine to the panes -------------------------------------------------------------------------------

    async def _beat(self) -> None:
        bridge = self._bridge
        if bridge is None:
            return
        bridge.drain()
        self.oversee(bridge)
        if not self.is_current and not self.app.screen.is_modal:
            return
        due = self._cadence.beat(backlog=writer_backlog(self.app))
        for pane, view in zip(self._panes, bridge.lanes, strict=True):
            if pane.display:
                await self._paint(pane, view, due)
        if due.clocks or bridge.over != self._over:
            self._paint_state(bridge)

    @staticmethod
    async def _paint(pane: LanePane, view: LaneView, due: Due) -> None:
        if due.text:
            await pane.show_text(view)
        if due.pictures:
            pane.show_picture(view)
        if due.charts:
            pane.show_curve(view)
            pane.show_title(view)

    def _paint_state(self, bridge: Bridge) -> None:
        state, speed = bridge.engine.state, SPEEDS[self._speed]
        parts = [
            state.text,
            "paused, . steps" if self._paused else "",
            "full speed" if speed is None else f"speed ×{speed:g}",
        ]
        self.query_one(TitleBar).state = " · ".join(part for part in parts if part)
        if state.kind == "ended" and not self._mourned:
            self._mourn("\n".join([state.text, *state.lines[-5:]]))
        if bridge.over != self._over:
            self._over = bridge.over
            self.set_class(self._over, "-over")
            if self._over:
                self._show_result(bridge)
            else:
                self._clear_result()
            self.refresh_bindings()

    def _show_result(self, bridge: Bridge) -> None:
        replay = [("⏎", "replay")] if any(view.session.ended for view in bridge.lanes) else []
        hints = [*replay, ("n", "next seed"), ("r", "again"), ("l", "library"), ("esc", "home")]
        for pane, view in zip(self._panes, bridge.lanes, strict=True):
            pane.show_result(view, hints)
        self._label_tabs(bridge)
        if isinstance(self.focused, Tabs) or self.focused is None or self.focused.disabled:
            self.set_focus(None)

    def _clear_result(self) -> None:
        for pane in self._panes:
            pane.clear_result()
        self._label_tabs(None)

    def _label_tabs(self, bridge: Bridge | None) -> None:
        """Who plays in each lane, and how it ended there, for only one lane can be seen beside tabs."""
        for tab in self.query(Tab):
            lane = int((tab.id or "tab-0").removeprefix("tab-"))
            tab.label = self._tab_label(lane, None if bridge is None else bridge.lanes[lane])

    def _tab_label(self, lane: int, over: LaneView | None = None) -> Content:
        label = f"{lane + 1} {self._session.lanes[lane].agent}"
        if over is not None and over.session.ended is not None:
            label += f": {words.result(over)[0]}"
        return Content(plain_line(label))

    def _mourn(self, why: str) -> None:
        """The engine is gone without being asked: say so once, and offer what can be done."""
        self._mourned = True
        for line in why.splitlines():
            self._log_book.add("error", line)
        trouble = Trouble(
            "The engine died", why, "Every step shown is recorded. The engine log (F12) has what it printed last."
        )

        def go_on(way: str | None) -> None:
            if way == AGAIN:
                self._again()
            elif way == HOME:
                self.dismiss()

        self.app.push_screen(TroubleDialog(trouble, ways=("Stay", AGAIN, HOME)), go_on)

    def _again(self) -> None:
        """A new engine for the same session."""
        if self._bridge is not None:
            self._engines.release(self._bridge.engine)
            self._bridge = None
        self._launch()

    # -- from people to the engine ----------------------------------------------------------------------------------

    def send(self, command: Command) -> None:
        """Hand a command to the engine; without one it is lost."""
        if self._bridge is not None:
            self._bridge.engine.send(command)

    @on(LanePane.Acted)
    def _acted(self, event: LanePane.Acted) -> None:
        event.stop()
        self.send(Act(event.lane, calls=({"name": event.name, "arguments": dict(event.arguments)},)))

    @on(LanePane.Began)
    def _began(self, event: LanePane.Began) -> None:
        event.stop()
        if event.lane == self._current:
            self.call_after_refresh(self._panes[event.lane].take_focus)

    @on(LanePane.Sized)
    def _sized(self, event: LanePane.Sized) -> None:
        event.stop()
        self.send(View(event.lane, event.columns, event.rows))

    @on(Tabs.TabActivated)
    def _tab_chosen(self, event: Tabs.TabActivated) -> None:
        event.stop()
        lane = int((event.tab.id or "tab-0").removeprefix("tab-"))
        if lane != self._current:
            self._go_to(lane)

    def on_descendant_focus(self) -> None:
        """The lane that has the focus is the current one."""
        if (focused := self.focused) is None:
            return
        for pane in self._panes:
            if pane in focused.ancestors and pane.lane != self._current:
                self._go_to(pane.lane, take_focus=False)

    def go_to(self, lane: int) -> None:
        """Give the keys to a lane."""
        if lane != self._current:
            self._go_to(lane, take_focus=False)

    def _go_to(self, lane: int, *, take_focus: bool = True) -> None:
        lane %= len(self._panes)
        if lane != self._current:
            self._panes[self._current].mark(current=False)
            self._current = lane
            self._panes[lane].mark(current=True)
            self._show_tab()
            self.refresh_bindings()
        if take_focus:
            self.call_after_refresh(self._panes[lane].take_focus)

    def _show_tab(self) -> None:
        """Mark the current lane's tab, where there are tabs."""
        for tabs in self.query(Tabs):
            if tabs.display:
                with tabs.prevent(Tabs.TabActivated):
                    tabs.active = f"tab-{self._current}"

    def on_resize(self) -> None:
        """Tabs may have come into sight."""
        self.call_after_refresh(self._show_tab)

    @property
    def lane(self) -> int:
        """The lane that has the keys."""
        return self._current

    @property
    def pane(self) -> LanePane:
        """Its pane."""
        return self._panes[self._current]

    @property
    def player(self) -> str:
        """Who plays in it now, as people type it."""
        overseen = self.view.oversight
        return overseen.player if overseen is not None else self._session.lanes[self._current].agent

    @property
    def view(self) -> LaneView:
        """What is known of it."""
        return self._bridge.lanes[self._current] if self._bridge is not None else LaneView()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        view = self.view
        match action:
            case "replay":
                return self._over and view.session.ended is not None and view.session.started is not None
            case "real_time":
                return view.ready is not None and view.ready.human and view.ready.real_time_fps is not None
            case "zoom" | "lane":
                return len(self._session.lanes) > 1 or action == "lane"
            case "pause" | "step" | "stop":
                return not self._over
            case _:
                return super().check_action(action, parameters)

    def action_pause(self) -> None:
        """Hold all lanes, or let them go on."""
        self._paused = not self._paused
        self.send(Pause() if self._paused else Resume())

    def action_step(self) -> None:
        """One step, then hold."""
        self._paused = True
        self.send(StepOnce())

    def action_speed(self, change: int) -> None:
        """Shorter or longer waits between steps."""
        self._speed = max(0, min(len(SPEEDS) - 1, self._speed + change))
        self.send(Speed(SPEEDS[self._speed]))

    def action_real_time(self) -> None:
        """The person's lane at its pace, or waiting for keys."""
        self._real_time ^= {self._current}
        self.send(Pace(self._current, real_time=self._current in self._real_time))
        self.notify("Real time" if self._current in self._real_time else "One step for each key", timeout=2)

    def action_lane(self, change: int) -> None:
        """Give the keys to another lane; within a form, to its next field."""
        if self.focused is not None and any(isinstance(node, ToolForm) for node in self.focused.ancestors):
            self.focus_next() if change > 0 else self.focus_previous()
        else:
            self._go_to(self._current + change)

    def action_turn(self) -> None:
        """The next of the sections that share one place."""
        self._panes[self._current].turn()

    def action_zoom(self) -> None:
        """Only the current pane, or all."""
        self.toggle_class("-zoomed")

    def action_restart(self) -> None:
        """The same seed again."""
        self._play_seed(self._seed())

    def action_next_seed(self) -> None:
        """The seed after this one."""
        seed = self._seed()
        self._play_seed(None if seed is None else seed + 1)

    def _seed(self) -> int | None:
        started = self.view.session.started
        return self._session.seed if started is None else started.seed

    def _play_seed(self, seed: int | None) -> None:
        self._session = replace(self._session, seed=seed)
        if self._bridge is None or self._bridge.engine.state.kind in {"off", "ended"}:
            self._again()
            return
        self.send(Restart(seed=seed))
        if self._paused:
            self.action_pause()
        self._go_to(self._current)

    def action_stop(self) -> None:
        """End the running episodes."""
        self.send(Stop())

    def action_tools(self) -> None:
        """Look at the tools of the environment in focus."""
        self.post_message(ToolsRequested(self._session.lanes[self._current].environment))

    def action_replay(self) -> None:
        """Look at the finished episode of the current lane."""
        if (started := self.view.session.started) is not None:
            self.post_message(ReplayRequested(started.uid))

    def action_back(self) -> None:
        """Close the form of an agent's lane; else back to where this was started from."""
        if self.pane.editing:
            self.pane.stop_editing()
        else:
            self.dismiss()
