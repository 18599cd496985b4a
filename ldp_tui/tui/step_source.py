"""The steps of one stored episode as rows of a table, read a page at a time whatever its length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from textual.content import Content

from ldp_tui.engine.events import StepTaken
from ldp_tui.engine.replay import read_steps
from ldp_tui.store.reader import Reader
from ldp_tui.tui.lane_words import action_text, observation_text, signed
from ldp_tui.tui.lazy_reader import LazyReader
from ldp_tui.tui.widgets.row_table import Cell, Column

LONGEST: Final = 200
"""Characters of a cell; more never fit."""


def step_columns(width: int) -> tuple[Column, ...]:
    """The columns that fit a table of `width` cells; what was seen is left out of a narrow one."""
    return (
        Column("step", "step", 6, align="right"),
        Column("action", "action", 10, grow=True),
        Column("reward", "reward", 9, align="right"),
        Column("seen", "seen then", 12 if width >= 50 else 0, grow=True),
    )


class StepSource:
    """A RowSource with a connection of its own, opened and used on the table's reader thread. Row 0 is step 1."""

    def __init__(self, open_reader: Callable[[], Reader], episode: int, steps: int) -> None:
        self._reader = LazyReader(open_reader)
        self._episode = episode
        self._steps = steps

    def count(self) -> int:
        """How many steps were there when the table was made."""
        return self._steps

    def rows(self, start: int, stop: int) -> Sequence[Sequence[Cell]]:
        """Some of them."""
        return [_row(step) for step in read_steps(self._reader.get(), self._episode, start, min(stop, self._steps))]

    def close(self) -> None:
        """Interrupt what is being read, and read no more."""
        self._reader.close()


def _row(step: StepTaken) -> tuple[Cell, ...]:
    colour = "$reward-up" if step.reward > 0 else "$reward-down" if step.reward < 0 else "$foreground-muted"
    return (
        f"{step.index + 1:,}",
        action_text(step.action)[:LONGEST],
        Content.styled(signed(step.reward), colour),
        observation_text(step.observation)[:LONGEST],
    )
