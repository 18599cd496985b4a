"""A row of a picture whose terminal text is already known."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from ldp_tui.tui.widgets.frame_view.encode import HALF, Colours, find_runs

StyleOf = Callable[[int, int], Style]


@functools.lru_cache(1 << 14)
def rgb_style(top: int, bottom: int) -> Style:
    """The style of a half-block cell with 24-bit colours."""
    upper = Color.from_rgb(top >> 16, top >> 8 & 255, top & 255)
    lower = Color.from_rgb(bottom >> 16, bottom >> 8 & 255, bottom & 255)
    return Style(color=upper, bgcolor=lower)


@functools.lru_cache(1 << 14)
def eight_bit_style(top: int, bottom: int) -> Style:
    """The style of a half-block cell with colours of the 256-colour palette."""
    return Style(color=Color.from_ansi(top), bgcolor=Color.from_ansi(bottom))


def row_segments(top: Colours, bottom: Colours, style_of: StyleOf) -> list[Segment]:
    """One row of cells (`top` and `bottom` are `[columns]`) as Rich segments, a run each."""
    runs = find_runs(top[np.newaxis], bottom[np.newaxis])
    return [
        Segment((" " if upper == lower else HALF) * length, style_of(upper, lower))
        for length, upper, lower in zip(runs.length, runs.top, runs.bottom, strict=True)
    ]


class FrameStrip(Strip):
    """A strip born with its terminal text; segments are built only if something cuts, filters or exports it.

    Textual writes an uncut strip from its render cache, so a frame costs no object per cell. This sets two private
    attributes of `Strip`; `LDP_TUI_FRAME=seg` avoids it, and a test compares the real terminal output.
    """

    __slots__ = ("_build", "_built")

    def __init__(self, ansi: str, cell_length: int, build: Callable[[], list[Segment]]) -> None:
        self._build = build
        self._built: list[Segment] | None = None
        super().__init__((), cell_length)
        self._built = None
        self._render_cache = ansi

    @property
    def _segments(self) -> list[Segment]:
        if self._built is None:
            self._built = self._build()
        return self._built

    @_segments.setter
    def _segments(self, segments: Sequence[Segment]) -> None:
        self._built = list(segments)
