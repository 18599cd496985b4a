"""BraillePlot: lines of numbers in 2×4 dots a cell, drawn so that no spike is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from ldp_tui.tui.plain import plain_line

Values = npt.NDArray[np.float64]
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint16)
_BLANK = 0x2800


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its values at equal distances (NaN or infinite: a gap)."""

    name: str
    values: Sequence[float] | Values = field(repr=False)
    colour: int = 0
    """Which of the plot's series colours, counted from 0."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A horizontal reference line."""

    value: float
    label: str


def spans(values: Values, columns: int) -> tuple[Values, Values]:
    """The lowest and highest value in each of `columns` dot columns, NaN where there is a gap; both `[columns]`.

    With more values than columns, a column covers the extremes of its values; with fewer, neighbours are joined by a
    straight line, and a value between two gaps still is a dot.
    """
    values = np.where(np.isfinite(values), values, np.nan)
    count = len(values)
    if count >= columns:
        starts = np.arange(columns) * count // columns
        return np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
    at = np.arange(count) * ((columns - 1) / max(1, count - 1))
    line = np.interp(np.arange(columns), at, values)
    nearest = at.round().astype(np.intp)
    line[nearest] = np.where(np.isfinite(values), values, line[nearest])
    if count == 1:
        line[1:] = np.nan
    return line, line


def dots(values: Values, columns: int, rows: int, low: float, high: float) -> npt.NDArray[np.bool_]:
    """Which dots of a `[rows, columns]` field a line covers, top row first; neighbouring columns are joined."""
    shares = _share(np.where(np.isfinite(values), values, np.nan), low, high)
    lows, highs = (np.ceil(edge * (rows - 1) - 0.5) for edge in spans(shares, columns))
    joined_lows, joined_highs = lows.copy(), highs.copy()
    # A line that falls starts just below where the column before ended, one that rises just above.
    with np.errstate(invalid="ignore"):
        falls, rises = highs[1:] < lows[:-1], lows[1:] > highs[:-1]
    joined_highs[1:][falls] = lows[:-1][falls] - 1
    joined_lows[1:][rises] = highs[:-1][rises] + 1
    height = np.arange(rows)[::-1, np.newaxis]
    with np.errstate(invalid="ignore"):
        covered: npt.NDArray[np.bool_] = (height >= joined_lows) & (height <= joined_highs)
    return covered


def _share(values: Values, low: float, high: float) -> Values:
    """How far up from `low` to `high` values are, from 0 to 1; half way where there is no range."""
    # Halved, so that the range of the largest floats does not overflow.
    reach = high / 2 - low / 2
    return (values / 2 - low / 2) / reach if reach > 0 else np.where(np.isnan(values), np.nan, 0.5)


def number(value: float) -> str:
    """A short label: at most four significant digits, a true minus sign."""
    text = f"{value:.4g}" if abs(value) < 1e4 or abs(value) >= 1e7 else f"{value:,.0f}"
    return text.replace("-", "−")


class BraillePlot(Widget):
    """Lines with their range at the left, their newest values on top and, where there is room, the x range below."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "braille-plot--axis",
        "braille-plot--marker",
        *(f"braille-plot--series-{index}" for index in range(4)),
    }
    DEFAULT_CSS = """
    BraillePlot {
        width: 1fr; height: 1fr; min-height: 2;
        & > .braille-plot--axis { color: $text-muted; }
        & > .braille-plot--marker { color: $text-muted; }
        & > .braille-plot--series-0 { color: $primary; }
        & > .braille-plot--series-1 { color: $warning; }
        & > .braille-plot--series-2 { color: $success; }
        & > .braille-plot--series-3 { color: $secondary; }
    }
    """

    def __init__(
        self,
        *,
        hint: str = "no values yet",
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """`hint` shows while no series has a finite value."""
        super().__init__(id=id, classes=classes)
        self._hint = plain_line(hint)
        self._series: tuple[Series, ...] = ()
        self._markers: tuple[Marker, ...] = ()
        self._x: tuple[float, float] | None = None
        self._drawn: list[Strip] | None = None

    def show(
        self, series: Sequence[Series], *, markers: Sequence[Marker] = (), x: tuple[float, float] | None = None
    ) -> None:
        """Draw these lines; `x` gives the positions of the first and last value (default: their count from 0)."""
        self._series, self._markers, self._x = tuple(series), tuple(markers), x
        self._forget()

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._forget()

    def notify_style_update(self) -> None:
        """Draw in the new colours."""
        super().notify_style_update()
        self._drawn = None

    def render_line(self, y: int) -> Strip:
        """A row of the drawing."""
        if self._drawn is None:
            self._drawn = self._draw()
        return self._drawn[y] if y < len(self._drawn) else Strip.blank(self.size.width, self.rich_style)

    def _forget(self) -> None:
        self._drawn = None
        self.refresh()

    def _draw(self) -> list[Strip]:
        width, height = self.size
        series = [Series(line.name, np.asarray(line.values, np.float64), line.colour) for line in self._series]
        finite = [values[np.isfinite(values)] for values in (np.asarray(line.values) for line in series)]
        known = np.concatenate([*finite, [marker.value for marker in self._markers]]) if any(map(len, finite)) else None
        if known is None:
            margin = " " * max(0, (width - cell_len(self._hint)) // 2)
            line = Strip([Segment(margin + self._hint, self._style("axis"))]).adjust_cell_length(width, self.rich_style)
            return [Strip.blank(width, self.rich_style)] * ((height - 1) // 2) + [line]
        low, high = float(known.min()), float(known.max())
        legend, footer = height >= 3, height >= 5
        rows = max(1, height - legend - footer)
        gutter = max(len(number(low)), len(number(high)))
        gutter = gutter if width - gutter >= 8 else 0
        columns = max(1, width - gutter - (1 if gutter else 0))
        strips = [self._legend(series, width)] if legend else []
        labels = {0: high, rows - 1: low} if high > low else {rows // 2: low}
        field_ = self._field(series, columns, rows, low, high)
        for row, cells in enumerate(field_):
            label = number(labels[row]) if row in labels else ""
            axis = [Segment(f"{label:>{gutter}}{'┤' if label else '│'}", self._style("axis"))] if gutter else []
            strips.append(Strip([*axis, *cells], width))
        return [*strips, self._footer(series, gutter, columns)] if footer else strips

    def _field(self, series: list[Series], columns: int, rows: int, low: float, high: float) -> list[list[Segment]]:
        codes = np.full((rows, columns), _BLANK, np.uint32)
        owner = np.full((rows, columns), -1)
        for line in series:
            values = np.asarray(line.values)
            if not np.isfinite(values).any():
                continue
            covered = dots(values, columns * 2, rows * 4, low, high)
            cells = (covered.reshape(rows, 4, columns, 2) * _DOTS[None, :, None, :]).sum((1, 3), dtype=np.uint32)
            codes |= cells
            owner[cells > 0] = line.colour % 4
        # A space rather than the blank pattern: fonts without braille draw that as a box.
        characters = [[" " if code == _BLANK else chr(code) for code in row] for row in codes.tolist()]
        owners = owner.tolist()
        for marker in self._markers:
            self._place_marker(marker, characters, owners, low, high)
        styles = [self._style(f"series-{index}") for index in range(4)]
        return [
            _segments(text, owned, styles, self._style("marker"))
            for text, owned in zip(characters, owners, strict=True)
        ]

    def _place_marker(
        self, marker: Marker, characters: list[list[str]], owners: list[list[int]], low: float, high: float
    ) -> None:
        rows = len(characters)
        share = float(_share(np.array([marker.value]), low, high)[0])
        row = rows - 1 - min(rows - 1, int(share * rows))
        line, owned = characters[row], owners[row]
        line[:] = [character if owner >= 0 else "┄" for character, owner in zip(line, owned, strict=True)]
        label = f" {plain_line(marker.label)} {number(marker.value)} "
        if cell_len(label) != len(label) or len(label) > len(line) // 2:
            return
        # At the left, where curves begin and values are oldest, unless the right end is free and the left is not.
        start, end = 1, len(line) - len(label) - 1
        free_right = all(owner < 0 for owner in owned[end : end + len(label)])
        if free_right and any(owner >= 0 for owner in owned[start : start + len(label)]):
            start = end
        line[start : start + len(label)] = label
        owned[start : start + len(label)] = [-1] * len(label)

    def _legend(self, series: list[Series], width: int) -> Strip:
        segments: list[Segment] = []
        for line in series:
            values = np.asarray(line.values)
            finite = values[np.isfinite(values)]
            last = float(finite[-1]) if len(finite) else math.nan
            segments += [
                Segment(f"━ {plain_line(line.name)} ", self._style(f"series-{line.colour % 4}")),
                Segment(f"{number(last)}  ", self.rich_style),
            ]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _footer(self, series: list[Series], gutter: int, columns: int) -> Strip:
        first, last = self._x or (0, max(0, max(len(line.values) for line in series) - 1))
        left, right = number(first), number(last)
        text = f"{left}{right:>{max(0, columns - len(left))}}" if first != last else left
        return Strip([Segment(" " * (gutter + bool(gutter)) + text, self._style("axis"))]).adjust_cell_length(
            self.size.width, self.rich_style
        )

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"braille-plot--{part}")


def _segments(text: list[str], owned: list[int], styles: list[Style], unowned: Style) -> list[Segment]:
    """A row's characters, cut where the owner changes; owner -1 is the background."""
    segments: list[Segment] = []
    start = 0
    for x in range(1, len(text) + 1):
        if x == len(text) or owned[x] != owned[start]:
            style = styles[owned[start]] if owned[start] >= 0 else unowned
            segments.append(Segment("".join(text[start:x]), style))
            start = x
    return segments
