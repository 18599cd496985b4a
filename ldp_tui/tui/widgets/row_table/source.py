"""What a table shows: columns, and rows that are asked for by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from textual.content import Content

Cell = str | int | float | Content | None
"""Text is cleaned and shown on one line; a `Content` brings styles and is trusted; None is empty."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `width` is in cells, 0 hides it (for ids that a screen wants back with the row)."""

    key: str
    title: str
    width: int
    align: Literal["left", "right"] = "left"
    sortable: bool = False
    grow: bool = False
    """Takes a share of the cells that are left over."""


class RowSource(Protocol):
    """Rows by position; both methods are called from the table's reader thread and may block."""

    def count(self) -> int:
        """How many rows there are."""
        ...

    def rows(self, start: int, stop: int) -> Sequence[Sequence[Cell]]:
        """Rows `start` to `stop` (exclusive), one cell per column; fewer if the table has shrunk."""
        ...
