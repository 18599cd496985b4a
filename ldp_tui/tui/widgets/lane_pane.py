"""LanePane: one player in one environment, everything about it in one frame."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from rich.cells import cell_len, set_cell_size
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ldp_tui.engine.events import CHOSEN_BY_OVERSEER, EpisodeStarted, Rendering
from ldp_tui.engine.session import LogEntry, SessionState
from ldp_tui.play.messages import LaneFailed, LaneReady
from ldp_tui.tui import lane_words as words
from ldp_tui.tui.bridge import LaneView
from ldp_tui.tui.plain import plain_line
from ldp_tui.tui.widgets.action_pad import ActionPad
from ldp_tui.tui.widgets.approval_bar import ApprovalBar
from ldp_tui.tui.widgets.asking_pane import AskingPane
from ldp_tui.tui.widgets.braille_plot import BraillePlot, Series
from ldp_tui.tui.widgets.frame_view import FrameView
from ldp_tui.tui.widgets.lane_result import Hints, LaneResult
from ldp_tui.tui.widgets.step_log import StepLine, StepLog
from ldp_tui.tui.widgets.tail_text import TailText
from ldp_tui.tui.widgets.tool_form import ToolForm
from ldp_tui.tui.widgets.transcript import Block, Transcript
from ldp_tui.tui.wrapping import wrap

BROAD, LOW = 92, 26
"""Columns from which two columns fit; rows below which one of the lower sections is shown at a time."""
SECTIONS = {"steps": "Steps", "reflection": "Reflection", "curve": "Return"}
"""Lower sections by style class, with their titles."""


class LanePane(AskingPane, can_focus=False):
    """Shows a LaneView. A person's choice is posted as `Acted`; a new size for pictures as `Sized`."""

    HELP = (
        "The title says who plays and, at its right end, what the player is at. Below the picture: steps, return and "
        "the newest reward. Your lane takes the keys shown in brackets; **v** turns to steps, reflection or return."
    )

    class Acted(Message):
        """The person in this lane did something."""

        def __init__(self, lane: int, name: str, arguments: Mapping[str, Any]) -> None:
            super().__init__()
            self.lane, self.name, self.arguments = lane, name, arguments

    class Began(Message):
        """An episode has begun, and the pane is laid out for it."""

        def __init__(self, lane: int) -> None:
            super().__init__()
            self.lane = lane

    class Sized(Message):
        """The picture has this many cells now."""

        def __init__(self, lane: int, columns: int, rows: int) -> None:
            super().__init__()
            self.lane, self.columns, self.rows = lane, columns, rows

    def __init__(self, lane: int, environment: str, agent: str, *, recorded: bool) -> None:
        super().__init__(lane)
        self._names = environment, agent
        self._recorded = recorded
        self._rendering: Rendering = None
        self._charted: tuple[float, ...] = ()
        self._ready: LaneReady | None = None
        self._failed: LaneFailed | None = None
        self._drawn: tuple[object, ...] = ()
        self._logged: LogEntry | None = None
        self._reflected: tuple[int, str] | None = None
        self._began = False
        self._section = 0
        self._result_lines: tuple[str, ...] = ()
        self._observation_rows = 0

    def compose(self) -> ComposeResult:
        """What is seen, then what is said and done."""
        with Vertical(classes="stage"):
            yield FrameView()
            yield Transcript()
            yield Static(classes="figures")
        with Vertical(classes="talk"):
            with Vertical(classes="section observation") as observation:
                observation.border_title = " Observation "
                yield TailText(hint="nothing seen yet")
            with Vertical(classes="section controls") as controls:
                controls.border_title = " Actions "
                yield ActionPad(classes="moves")
                yield ApprovalBar()
                yield ToolForm()
                yield LaneResult()
            with Vertical(classes="section lower steps"):
                yield StepLog()
            with Vertical(classes="section lower reflection"):
                yield TailText(hint="no reflection yet")
            with Vertical(classes="section lower curve"):
                yield BraillePlot(hint="no reward yet")

    def on_mount(self) -> None:
        """Keep what is updated often at hand."""
        self._frame, self._transcript = self.query_one(FrameView), self.query_one(Transcript)
        self._figures = self.query_one(".figures", Static)
        self._observation = self.query_one(".observation TailText", TailText)
        self._reflection = self.query_one(".reflection TailText", TailText)
        self._pad, self._result = self.query_one(".moves", ActionPad), self.query_one(LaneResult)
        self._steps, self._curve = self.query_one(StepLog), self.query_one(BraillePlot)
        self._turn_to(0)

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout that this size allows."""
        broad, low = event.size.width >= BROAD, event.size.height < LOW
        self.set_class(broad, "-broad")
        self.set_class(low and not broad, "-low")
        for name, title in SECTIONS.items():
            self.query_one(f".{name}").border_title = f" {title} · v turns " if low and not broad else f" {title} "
        self.call_after_refresh(self.tell_size)
        self.show_title(self.shown)
        self.entitle()

    def mark(self, *, current: bool) -> None:
        """Show whether the keys go here. No style below the pane depends on it, so the pane alone is styled anew."""
        self.set_class(current, "-current", update=False)
        self.app.stylesheet.update_nodes([self])
        self.refresh(layout=self.screen.has_class("-narrow") or self.screen.has_class("-zoomed"))

    def take_focus(self) -> None:
        """Put the focus where this lane is played, or read."""
        if (self.has_class("-form") or self.editing) and not self.form.disabled:
            self.form.focus_first()
        elif self.has_class("-asked"):
            self.bar.pad.focus()
        elif self._pad.display:
            self._pad.focus()
        else:
            (self._transcript if self._transcript.display else self._steps).focus()

    # -- what the screen hands over ---------------------------------------------------------------------------------

    def show_picture(self, view: LaneView) -> None:
        """The newest rendering."""
        if view.rendering is self._rendering:
            return
        self._rendering = view.rendering
        if isinstance(view.rendering, str):
            self._frame.set_text(view.rendering)
        else:
            self._frame.set_frame(view.rendering)

    async def show_text(self, view: LaneView) -> None:
        """Observation, steps, reflection, controls and figures, as far as they changed."""
        shown, self.shown = self.shown, view
        before, session = shown.session, view.session
        if view.failed is not None and view.failed is not self._failed:
            self._show_failure(view.failed)
        self._failed = view.failed
        if session.started is not None and session.started is not before.started:
            await self._begin(session, session.started, view)
        if session is before and view.ready is self._ready and view.oversight is shown.oversight:
            return
        if session.observation is not before.observation:
            self._show_observation(words.observation_text(session.observation))
        fresh = _after(session.log, self._logged)
        if fresh:
            self._logged = fresh[-1]
            self._steps.append([_line(entry) for entry in fresh])
            if self.has_class("-spoken"):
                self._transcript.append(block for entry in fresh for block in words.exchange(entry))
        if session.ended is not None and session.ended is not before.ended and self._talks_alone:
            self._transcript.append(words.closing(view))
        if self.has_class("-spoken"):
            self._transcript.show_pending(tuple(words.pending(session, proposal=not view.asks)))
        self._reflect(session, fresh)
        self._figures.update(self._figures_line(session), layout=False)
        await self._show_controls(view)
        await self.ask(view, marked=self._pad.last is not None)
        if self._began:
            self._began = False
            self.post_message(self.Began(self.lane))

    def show_curve(self, view: LaneView) -> None:
        """The return so far, step by step."""
        rewards = view.session.rewards
        if rewards is not self._charted:
            self._charted = rewards
            self._curve.show([Series("return", list(accumulate(rewards)))] if rewards else [])

    def show_title(self, view: LaneView) -> None:
        """Who plays what, and what the lane is at, at the two ends of the frame."""
        recording = self._recorded and view.session.started is not None and not view.over
        drawn = words.titles(view, *self._names), words.state(view), recording, self.size.width
        if self._drawn != drawn:
            self._drawn = drawn
            ended = view.session.ended
            self.set_class(view.failed is not None or (ended is not None and ended.reason == "failed"), "-failed")
            self.set_class(drawn[1] == words.WAITING, "-waiting")
            self.border_title = self._title(drawn[0], drawn[1], recording=recording)

    def show_result(self, view: LaneView, hints: Hints) -> None:
        """All lanes are over: how this one ended takes the place of its actions, and nothing else moves."""
        ended = view.session.ended
        failure = words.state(view) if ended is None or ended.reason == "failed" else ""
        self._result.show(hints, failure=failure)
        self._result_lines = words.result_lines(view)
        self.entitle()
        self.add_class("-ended")

    def clear_result(self) -> None:
        """Another episode begins."""
        self._result_lines = ()
        self.entitle()
        self.remove_class("-ended")

    # -- inside -----------------------------------------------------------------------------------------------------

    @property
    def _talks_alone(self) -> bool:
        """Whether there is a conversation, and no form or pad that the result could cover."""
        return self.has_class("-spoken") and not self.has_class("-form")

    def _show_failure(self, failed: LaneFailed) -> None:
        """Why this lane cannot play, where its conversation would be."""
        self.set_classes("pane lane -spoken -gathering -failed" + (" -current" if self.has_class("-current") else ""))
        advice = "Choose another environment or player on Home, or press r to try again. The engine log (F12) has more."
        self._transcript.clear()
        self._transcript.append([Block("loss", failed.message), Block("reflection", advice)])

    async def _begin(self, session: SessionState, started: EpisodeStarted, view: LaneView) -> None:
        """A new episode: forget the last one and lay out what this environment has."""
        self._logged = self._reflected = None
        self._observation_rows = 0
        self._steps.clear()
        self._transcript.clear()
        self._reflection.clear()
        visual, keyed = words.is_drawing(session.rendering), started.environment.kind == "gymnasium"
        human = view.ready is not None and view.ready.human
        self.set_class(visual, "-visual")
        self.set_class(not (visual and keyed), "-spoken")
        self.remove_class("-gathering")
        self.set_class(human and not keyed, "-form")
        self.call_after_refresh(self.tell_size)
        if self.has_class("-spoken"):
            self._transcript.append(words.opening(session))
        self._began = True

    def _show_observation(self, text: str) -> None:
        """The newest observation, in as many lines as any needed so far, within bounds: layouts are dear."""
        self._observation.show(text)
        width = self._observation.size.width or max(20, self.size.width - 6)
        lines = sum(len(wrap(line, width)) for line in text[:2000].split("\n"))
        height = max(2, min(lines, 3 if self.has_class("-low") else 5))
        if self._observation_rows < height:
            self._observation_rows = self._observation.styles.height = height

    async def _show_controls(self, view: LaneView) -> None:
        self._ready = view.ready
        session, ready = view.session, view.ready
        if session.started is None or ready is None:
            return
        if self.has_class("-form"):
            await self.form.show_tools(session.started.tools)
            self.form.disabled = view.over
            return
        pad = self._pad
        choices = words.pad_choices(ready.keys if view.by_hand or ready.human else {}, session.legal_actions)
        if choices != pad.choices:
            pad.choices = choices
        pad.legal = words.legal_indices(choices, session.legal_actions)
        pad.probabilities = words.chances(choices, session.probabilities)
        newest = session.proposed.action if session.proposed else session.log[-1].action if session.log else None
        pad.last = words.chosen_index(choices, newest)
        pad.can_focus = ready.human or view.by_hand
        pad.set_class(not choices, "-empty")
        pad.disabled = ready.human and view.over

    def _reflect(self, session: SessionState, fresh: tuple[LogEntry, ...]) -> None:
        for entry in fresh:
            told = "\n".join(f"✎ {line}" for _, line in words.interventions(entry))
            self._add_reflection(entry.index, "\n".join(filter(None, (entry.reflection, told))))
        if not session.log or session.reflection_index > session.log[-1].index:
            self._add_reflection(session.reflection_index, session.reflection)

    def _add_reflection(self, index: int, text: str) -> None:
        if not text:
            return
        if self._reflected is not None and self._reflected[0] == index:
            shown = self._reflected[1]
            self._reflection.append(text[len(shown) :] if text.startswith(shown) else f"\n{text}")
        else:
            gap = "" if self._reflected is None else "\n"
            self._reflection.append(f"{gap}{index + 1}  {text}")
        self._reflected = index, text

    def _figures_line(self, session: SessionState) -> Content:
        reward = session.last_reward or 0.0
        colour = "$reward-up" if reward > 0 else "$reward-down" if reward < 0 else "$reward-none"
        line = words.figures(session)
        at = line.find("last ") + len("last ")
        newest = words.signed(session.last_reward)
        return Content.assemble(line[:at], (newest, colour), line[at + len(newest) :])

    def _title(self, titles: tuple[str, ...], state: str, *, recording: bool) -> Content:
        """Both ends of the frame's upper edge, joined by the edge itself."""
        mark = " ● REC" if recording else ""
        room = max(0, self.size.width - 2)
        state = set_cell_size(state, min(cell_len(state), max(0, room - 12)))
        left_room = max(0, room - cell_len(state) - cell_len(mark) - 3)
        plain_titles = [plain_line(title) for title in titles]
        left = next((title for title in plain_titles if cell_len(title) <= left_room), plain_titles[-1])
        left = set_cell_size(left, min(cell_len(left), left_room))
        edge = "─" * max(1, left_room + 1 - cell_len(left))
        waiting = "$accent" if self.has_class("-waiting") else "$foreground-muted"
        colour = "$error" if self.has_class("-failed") else waiting
        return Content.assemble(left, (f" {edge} ", "$pane-border"), (state, colour), (mark, "$error"))

    def entitle(self) -> None:
        """What can be done, or how it ended, in the longest words that fit."""
        width = self.size.width  # this pane's: its parts may not be laid out yet
        room = (width * 2 // 5 if self.has_class("-broad") else width) - 6
        asked = ("Waits for you",) if self.asks else ("Actions",)
        lines = self._result_lines or asked
        line = next((line for line in lines if cell_len(line) <= room), lines[-1])
        self.query_one(".controls").border_title = Content(f" {plain_line(line)} ")

    def turn(self) -> None:
        """Show the next of the lower sections where only one fits."""
        self._turn_to(self._section + 1)

    def _turn_to(self, section: int) -> None:
        self._section = section % len(SECTIONS)
        for index, name in enumerate(SECTIONS):
            self.query_one(f".{name}").set_class(index == self._section, "-turned")

    def tell_size(self) -> None:
        """Say how many cells the picture has."""
        if self._frame.display:
            self.post_message(self.Sized(self.lane, *self._frame.size))

    def on_key(self, event: events.Key) -> None:
        """The environment's keys come before everything else, wherever in this pane the focus is."""
        ready = self.shown.ready
        if ready is None or not self.shown.by_hand or self.has_class("-form") or self.editing:
            return
        if self.asks and any(self.bar.pad.press(key) for key in event.aliases):
            event.stop()
            event.prevent_default()
            return
        call = next((ready.keys[key] for key in event.aliases if key in ready.keys), None)
        if call is not None:
            event.stop()
            event.prevent_default()
            self.post_message(self.Acted(self.lane, call["name"], call["arguments"]))

    @on(ActionPad.Chosen)
    def _chosen(self, event: ActionPad.Chosen) -> None:
        event.stop()
        if self.shown.by_hand:
            self.post_message(self.Acted(self.lane, event.name, event.arguments))

    @on(ToolForm.Submitted)
    def _submitted(self, event: ToolForm.Submitted) -> None:
        event.stop()
        if self.shown.oversight is None or not self.shown.oversight.taken_over:
            self.stop_editing()
        self.post_message(self.Acted(self.lane, event.name, event.arguments))


def _after(log: tuple[LogEntry, ...], last: LogEntry | None) -> tuple[LogEntry, ...]:
    """The entries that follow `last`."""
    if last is None:
        return log
    missing = 0
    while missing < len(log) and log[-1 - missing] is not last:
        missing += 1
    return log[len(log) - missing :]


def _line(entry: LogEntry) -> StepLine:
    seen = plain_line(words.observation_text(entry.observation)[:400])
    mark = " ✎" if any(one.kind in CHOSEN_BY_OVERSEER for one in entry.interventions) else ""
    return StepLine(
        entry.index + 1, words.action_text(entry.action) + mark, entry.reward, words.signed(entry.reward), seen
    )
