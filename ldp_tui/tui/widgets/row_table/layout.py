"""Where the columns of a table lie, and how a cell becomes text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip
from textual.style import Style

from ldp_tui.tui.plain import plain_line
from ldp_tui.tui.widgets.row_table.source import Cell, Column

GAP = 2


@dataclass(frozen=True, slots=True)
class Placed:
    """A visible column: its index among all columns, where it begins, and its width."""

    index: int
    column: Column
    x: int
    width: int


def place(columns: Sequence[Column], width: int) -> tuple[Placed, ...]:
    """Visible columns from left to right with a gap between them; growing ones share what `width` leaves over."""
    visible = [(index, column) for index, column in enumerate(columns) if column.width]
    growing = [index for index, column in visible if column.grow]
    spare = max(0, width - total_width(columns))
    placed: list[Placed] = []
    x = 1
    for index, column in visible:
        extra = spare // len(growing) + (growing.index(index) < spare % len(growing)) if index in growing else 0
        placed.append(Placed(index, column, x, column.width + extra))
        x += column.width + extra + GAP
    return tuple(placed)


def total_width(columns: Sequence[Column]) -> int:
    """The cells that the columns need, with a margin of one at both sides."""
    widths = [column.width for column in columns if column.width]
    return sum(widths) + GAP * max(0, len(widths) - 1) + 2


def fitted(text: str, placed: Placed) -> str:
    """`text` in the column's width: padded by its alignment, or cut with an ellipsis."""
    size = cell_len(text)
    if size > placed.width:
        return set_cell_size(text, placed.width - 1) + "…"
    padding = " " * (placed.width - size)
    return padding + text if placed.column.align == "right" else text + padding


def cell_segments(cell: Cell, placed: Placed, style: Style) -> list[Segment]:
    """One cell of a row, `placed.width` cells wide."""
    if not isinstance(cell, Content):
        return [Segment(fitted(_text_of(cell), placed), style.rich_style)]
    content = cell.truncate(placed.width, ellipsis=True)
    padding = Segment(" " * (placed.width - content.cell_length), style.rich_style)
    segments = content.render_segments(style)
    return [padding, *segments] if placed.column.align == "right" else [*segments, padding]


def row_strip(cells: Sequence[Sequence[Segment]], placed: Sequence[Placed], width: int, style: Style) -> Strip:
    """A row from the segments of its visible cells, at least `width` cells long."""
    blank = style.rich_style
    segments: list[Segment] = []
    x = 0
    for cell, at in zip(cells, placed, strict=True):
        segments += [Segment(" " * (at.x - x), blank), *cell]
        x = at.x + at.width
    return Strip([*segments, Segment(" " * max(0, width - x), blank)], max(x, width))


def _text_of(cell: str | float | None) -> str:
    if cell is None:
        return ""
    return plain_line(cell) if isinstance(cell, str) else str(cell).replace("-", "−")
