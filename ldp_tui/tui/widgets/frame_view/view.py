"""FrameView: an environment's picture or text render, centred, repainting only the rows that changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.text import Text
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from ldp_tui.tui.plain import plain_except_colours
from ldp_tui.tui.widgets.frame_view import encode
from ldp_tui.tui.widgets.frame_view.strip import FrameStrip, StyleOf, eight_bit_style, rgb_style, row_segments


class PictureLike(Protocol):
    """A picture as the core defines it: row-major RGB, 8 bits a channel."""

    @property
    def width(self) -> int: ...  # noqa: D102
    @property
    def height(self) -> int: ...  # noqa: D102
    @property
    def rgb(self) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class FrameStats:
    """What the view has done: frames shown and dropped since the start; the rest is of the newest frame."""

    shown: int = 0
    dropped: int = 0
    encode_ms: float = 0.0
    rows: int = 0
    kilobytes: float = 0.0


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A fitted frame: where it lies, a number per cell that tells whether it changed, and how rows become strips."""

    x: int
    y: int
    cells: npt.NDArray[Any]
    strips: Callable[[npt.NDArray[np.intp]], list[Strip]]
    pre_encoded: bool = False
    """Whether the strips bring their terminal text, so that Textual need not style them."""

    def covers_same_cells(self, other: _Drawing) -> bool:
        return (self.x, self.y, self.cells.shape) == (other.x, other.y, other.cells.shape)


class FrameView(Widget):
    """Shows the latest frame given by `set_frame` or `set_text`, scaled to fit.

    Frames may come at any rate: one that comes while the view is hidden is kept, not drawn, and a resize fits the kept
    frame anew. Colours follow the console: 24-bit, the 256-colour palette, or braille where colour is refused.
    A border or padding belongs to a parent: rows of a picture pass Textual's styling by.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    FrameView { width: 1fr; height: 1fr; }
    """
    FALLBACK_VARIABLE: ClassVar[str] = "LDP_TUI_FRAME"

    crisp = reactive(default=True, repaint=False, init=False)
    """Grow pictures smaller than the view by whole factors only, so that pixel art stays even."""
    cell_aspect = reactive(default=2.0, repaint=False, init=False)
    """Height of a terminal cell over its width."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.stats = FrameStats()
        self._pixels: encode.Pixels | None = None
        self._text: Text | None = None
        self._hidden = True
        self._drawing: _Drawing | None = None
        self._strips: list[Strip] = []
        self._public_api_only = os.environ.get(self.FALLBACK_VARIABLE) == "seg"

    def set_frame(self, picture: PictureLike | encode.Pixels | None) -> None:
        """Show a picture, or nothing; an array `[height, width, 3]` of uint8 is kept: do not change it afterwards."""
        self._pixels = None if picture is None else _pixels_of(picture)
        self._text = None
        self._receive()

    def set_text(self, text: str | Text) -> None:
        """Show a text render; in a `str`, ANSI colours are interpreted and every other control sequence is removed."""
        self._text = Text.from_ansi(plain_except_colours(text), no_wrap=True) if isinstance(text, str) else text
        self._pixels = None
        self._receive()

    def on_resize(self) -> None:
        """Fit the kept frame to the new size; this also arrives when a hidden view is shown again."""
        self._hidden = False
        self._redraw()

    def on_hide(self) -> None:
        """Stop drawing until the next resize."""
        self._hidden = True

    def notify_style_update(self) -> None:
        """Draw the letterbox again in the new background."""
        super().notify_style_update()
        if self.is_mounted:
            self._redraw()

    def watch_crisp(self) -> None:
        """Fit the kept frame by the other rule."""
        self._redraw()

    def watch_cell_aspect(self) -> None:
        """Fit the kept frame to the new shape of a pixel."""
        self._redraw()

    def render_line(self, y: int) -> Strip:
        """A row as segments, for the modes whose styles Textual's filters must see."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The visible rows; pre-encoded ones pass straight to the terminal."""
        if self._drawing is None or not self._drawing.pre_encoded:
            return super().render_lines(crop)
        strips = self._strips[crop.y : crop.bottom]
        strips += [Strip.blank(self.size.width, self.rich_style)] * (crop.height - len(strips))
        if (crop.x, crop.right) == (0, self.size.width):
            return strips
        return [strip.crop(crop.x, crop.right) for strip in strips]

    def _receive(self) -> None:
        if self._can_draw:
            self._draw()
        else:
            self.stats = replace(self.stats, dropped=self.stats.dropped + 1)

    def _redraw(self) -> None:
        self._drawing = None
        if self._can_draw:
            self._draw()

    @property
    def _can_draw(self) -> bool:
        # A view that is being hidden loses its size before it is told.
        return not self._hidden and bool(self.size)

    def _draw(self) -> None:
        started = time.perf_counter()
        if self._pixels is not None:
            self._draw_picture(self._pixels)
        elif self._text is not None or self._strips:
            self._drawing = None
            self._strips = [] if self._text is None else self._text_strips(self._text)
            self.refresh()
        else:
            return
        elapsed = (time.perf_counter() - started) * 1e3
        self.stats = replace(self.stats, shown=self.stats.shown + 1, encode_ms=elapsed)

    def _draw_picture(self, pixels: encode.Pixels) -> None:
        width, height = self.size
        drawing = self._drawing_of(pixels)
        kept = self._drawing
        self._drawing = drawing
        if kept is None or not kept.covers_same_cells(drawing):
            changed = np.arange(len(drawing.cells))
            self._strips = [self._blank(width)] * height
            self.refresh()
        else:
            changed = np.flatnonzero((kept.cells != drawing.cells).any(1))
            if changed.size:
                groups = np.split(changed, np.flatnonzero(np.diff(changed) > 1) + 1)
                self.refresh(*(Region(0, drawing.y + int(group[0]), width, len(group)) for group in groups))
        size = 0
        for row, strip in zip(changed.tolist(), drawing.strips(changed), strict=True):
            self._strips[drawing.y + row] = strip
            size += len(strip.render(self.app.console)) if isinstance(strip, FrameStrip) else 0
        self.stats = replace(self.stats, rows=changed.size, kilobytes=size / 1e3)

    def _drawing_of(self, pixels: encode.Pixels) -> _Drawing:
        if self.app.no_color or self.app.console.color_system is None:
            return self._braille(pixels)
        return self._half_blocks(pixels)

    def _half_blocks(self, pixels: encode.Pixels) -> _Drawing:
        columns, rows = self.size
        height, width = pixels.shape[:2]
        size = encode.fit(width, height, columns, rows, cell_aspect=self.cell_aspect, crisp=self.crisp)
        fitted = encode.even_rows(encode.resize(pixels, *size), self.background_colors[1].rgb)
        eight_bit = self.app.console.color_system == "256"
        top, bottom = encode.pack_256(fitted) if eight_bit else encode.pack(fitted)
        x, y = (columns - top.shape[1]) // 2, (rows - top.shape[0]) // 2
        pads = self._blank(x), self._blank(columns - x - top.shape[1])
        style_of = eight_bit_style if eight_bit else rgb_style
        palette = encode.EIGHT_BIT if eight_bit else encode.TRUECOLOR
        pre_encoded = not self._public_api_only and self.app.console.color_system in {"256", "truecolor"}

        def strips(changed: npt.NDArray[np.intp]) -> list[Strip]:
            uppers, lowers = top[changed], bottom[changed]
            builders = [
                partial(_framed, pads, upper, lower, style_of) for upper, lower in zip(uppers, lowers, strict=True)
            ]
            if not pre_encoded:
                return [Strip(build(), columns) for build in builders]
            left, right = (pad.render(self.app.console) for pad in pads)
            lines = encode.encode(uppers, lowers, palette)
            return [
                FrameStrip(left + line + right, columns, build) for line, build in zip(lines, builders, strict=True)
            ]

        return _Drawing(x, y, encode.keys(top, bottom), strips, pre_encoded)

    def _braille(self, pixels: encode.Pixels) -> _Drawing:
        columns, rows = self.size
        height, width = pixels.shape[:2]
        # A braille dot has the shape of a half block's pixel: half as wide and half as high.
        dot_columns, dot_rows = encode.fit(width, height, columns * 2, rows * 2, cell_aspect=self.cell_aspect)
        cell_columns, cell_rows = -(-dot_columns // 2), -(-dot_rows // 4)
        codes = encode.braille(encode.resize(pixels, cell_columns * 2, cell_rows * 4))
        x, y = (columns - cell_columns) // 2, (rows - cell_rows) // 2
        style = self.rich_style

        def strips(changed: npt.NDArray[np.intp]) -> list[Strip]:
            lines = ["".join(map(chr, row)) for row in codes[changed].tolist()]
            return [
                Strip([Segment(" " * x + line + " " * (columns - x - cell_columns), style)], columns) for line in lines
            ]

        return _Drawing(x, y, codes, strips)

    def _text_strips(self, text: Text) -> list[Strip]:
        columns, rows = self.size
        lines = text.split("\n", allow_blank=True)
        while lines and not lines[-1].plain.strip():
            lines.pop()
        width = max((line.cell_len for line in lines), default=0)
        x, y = max(0, columns - width) // 2, max(0, rows - len(lines)) // 2
        base = self.rich_style
        blank = Strip.blank(columns, base)
        strips = [blank] * y
        for line in lines[:rows]:
            segments = Segment.apply_style(line.render(self.app.console), base)
            strip = Strip([Segment(" " * x, base), *segments], x + line.cell_len)
            strips.append(strip.crop_extend(0, columns, base))
        return strips

    def _blank(self, width: int) -> Strip:
        return Strip.blank(width, self.rich_style)


def _framed(pads: tuple[Strip, Strip], top: encode.Colours, bottom: encode.Colours, style_of: StyleOf) -> list[Segment]:
    """A row of cells between its letterbox."""
    return [*pads[0], *row_segments(top, bottom, style_of), *pads[1]]


def _pixels_of(picture: PictureLike | encode.Pixels) -> encode.Pixels | None:
    """The picture as `[height, width, 3]`; None if it has no pixels."""
    if not isinstance(picture, np.ndarray):
        picture = np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"a frame is [height, width, 3] of uint8, not {picture.shape} of {picture.dtype}")
    return picture if picture.size else None
