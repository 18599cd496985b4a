"""ReplayLane: one recorded episode at one moment — picture, what was said and done, return curve and all steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ldp_tui.core.environment import Picture
from ldp_tui.engine.replay import RecordedEpisode
from ldp_tui.engine.session import SessionState
from ldp_tui.tui import lane_words as words
from ldp_tui.tui.episode_text import duration, number
from ldp_tui.tui.plain import plain_line
from ldp_tui.tui.step_source import step_columns
from ldp_tui.tui.timeline import Floats
from ldp_tui.tui.widgets.braille_plot import BraillePlot, Series
from ldp_tui.tui.widgets.frame_view import FrameView
from ldp_tui.tui.widgets.row_table import RowSource, RowTable
from ldp_tui.tui.widgets.transcript import Block, Transcript


class ReplayLane(Container, can_focus=False):
    """Shows the states it is given. A click on a step is posted as `StepChosen`."""

    @dataclass
    class StepChosen(Message):
        """A person wants to see the moment after this many steps."""

        lane: ReplayLane
        position: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes="pane")
        self._row = 0
        self._returns: Floats = np.zeros(1)
        self._frame, self._words = FrameView(), Transcript()
        self._info, self._figures = Static(classes="info"), Static(classes="figures")
        self._curve = BraillePlot(hint="no steps")
        self._steps = RowTable(step_columns(0), hint="no steps")
        self._steps.can_focus = False

    def compose(self) -> ComposeResult:
        """The moment above, the whole episode below."""
        yield Horizontal(self._frame, Vertical(self._words, self._info, classes="words"), classes="moment")
        yield self._figures
        yield Horizontal(self._curve, self._steps, classes="whole")

    def on_resize(self) -> None:
        """Show the columns that fit."""
        self._steps.set_columns(step_columns(self._steps.size.width))

    def show_episode(self, episode: RecordedEpisode) -> None:
        """Whose episode it is, and how it ended."""
        started, ended, summary = episode.started, episode.ended, episode.header.summary
        seed = "" if started.seed is None else f" · seed {started.seed}"
        self.border_title = Content(plain_line(f"{started.agent.name} · {started.environment.name}{seed}"))
        outcome = "running" if ended is None else words.reason(ended)
        took = f" · {duration(summary.wall_us / 1e6)}" if summary.wall_us else ""
        self.border_subtitle = Content(
            plain_line(f"{outcome} · return {number(summary.return_)} · {summary.steps:,} steps{took}")
        )

    def show_steps(self, source: RowSource, returns: Floats) -> None:
        """The rows of all steps, and the return at each position."""
        self._returns = returns
        self._row = 0
        self._steps.show(source)

    def show_state(self, state: SessionState) -> None:
        """One moment. A conversation ends at its newest step; beside a picture only the newest step is told."""
        match state.rendering:
            case Picture() as picture:
                self._frame.set_frame(picture)
            case str() as text:
                self._frame.set_text(text)
            case None:
                pass
        visual = state.rendering is not None
        self.set_class(visual, "-visual")
        told = state.log[-1:] if visual else state.log
        begins = not told or (not visual and len(told) == state.steps)
        blocks = [
            *(words.opening(state) if begins else ()),
            *(block for entry in told for block in words.exchange(entry)),
        ]
        self._say(blocks)
        if visual:
            self._words.call_after_refresh(self._words.scroll_home, animate=False, immediate=True)
        self._figures.update(_figures_line(state))
        self._info.update(_info_line(state.info))
        self._show_position(state.steps)

    def show_problem(self, reason: str) -> None:
        """Say why there is nothing to show."""
        self.border_title = "Not shown"
        self._say([Block("observation", reason)])

    def _say(self, blocks: Iterable[Block]) -> None:
        self._words.clear()
        self._words.append(blocks)

    def _show_position(self, position: int) -> None:
        so_far = self._returns.copy()
        so_far[position + 1 :] = np.nan
        if len(so_far) > 1:
            self._curve.show([Series("whole", self._returns, 3), Series("return", so_far, 0)])
        self._row = max(0, position - 1)
        self._steps.cursor = self._row

    @on(RowTable.Highlighted)
    def _highlighted(self, event: RowTable.Highlighted) -> None:
        """A cursor that this lane did not put there was put by a person; late messages of earlier rows say nothing."""
        event.stop()
        if event.row == event.table.cursor != self._row:
            self.post_message(self.StepChosen(self, event.row + 1))

    @on(RowTable.Selected)
    def _selected(self, event: RowTable.Selected) -> None:
        event.stop()


def _figures_line(state: SessionState) -> Content:
    reward = state.last_reward or 0.0
    colour = "$reward-up" if reward > 0 else "$reward-down" if reward < 0 else "$foreground-muted"
    before, newest, after = words.figures(state).partition(words.signed(state.last_reward))
    return Content.assemble(before, (newest, colour), after)


def _info_line(info: Mapping[str, Any]) -> Content:
    pairs = [
        Content.assemble((f"{plain_line(name)} ", "$foreground-muted"), plain_line(str(value)))
        for name, value in info.items()
    ]
    return Content("  ").join(pairs)
