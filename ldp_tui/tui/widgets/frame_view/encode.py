"""Pictures as terminal text: fit, scale, and write half blocks (two pixels a cell) as pre-encoded rows.

Arrays are named by shape: `pixels` is `[2 * rows, columns, 3]` uint8; `top` and `bottom` are `[rows, columns]`
integer colours of a cell's upper and lower half, either 24-bit RGB or an index into the 256-colour palette.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Colours = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]

HALF = "▀"
RESET = "\x1b[0m"

# Above this share of cells that start a new run, writing every cell with numpy beats a loop over runs.
RUNS_WORTH_LOOPING = 0.5


def fit(
    width: int, height: int, columns: int, rows: int, *, cell_aspect: float = 2.0, crisp: bool = False
) -> tuple[int, int]:
    """The largest (width, height) in half-block pixels that keeps the picture's shape inside `columns` × `rows` cells.

    `cell_aspect` is a cell's height over its width. `crisp` grows a small picture by whole factors only, so that its
    pixels stay equal in size; without it the height is even, so that no cell is shared with the letterbox.
    """
    factor = min(columns // width, rows * 2 // height)
    if crisp and factor >= 1:
        return width * factor, height * factor
    pixel_aspect = cell_aspect / 2
    scale = min(columns / width, rows * 2 * pixel_aspect / height)
    fitted_width = max(1, min(columns, round(width * scale)))
    fitted_height = max(2, min(rows * 2, round(height * scale / pixel_aspect)))
    return fitted_width, fitted_height + fitted_height % 2


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Scale by area mean, which keeps small moving things visible; growing repeats pixels."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))


def even_rows(pixels: Pixels, background: tuple[int, int, int]) -> Pixels:
    """Add a row of `background` where the height is odd, so that every cell has two halves."""
    if pixels.shape[0] % 2 == 0:
        return pixels
    return np.concatenate([pixels, np.full((1, pixels.shape[1], 3), background, np.uint8)])


def pack(pixels: Pixels) -> tuple[Colours, Colours]:
    """The 24-bit colours of the upper and lower halves."""
    wide = pixels.astype(np.uint32)
    packed: Colours = (wide[..., 0] << np.uint32(16)) | (wide[..., 1] << np.uint32(8)) | wide[..., 2]
    return packed[0::2], packed[1::2]


_WEIGHTS = np.array([2, 4, 3], np.float32)
_CUBE_LEVELS = np.array([0, 95, 135, 175, 215, 255], np.float32)
_GREY_LEVELS = np.arange(8, 248, 10, dtype=np.float32)


@functools.cache
def _nearest_256() -> Pixels:
    """Palette index for each colour of 5 bits a channel, `[32, 32, 32]`: the nearer of the colour cube and the greys.

    Squared distances are weighted by channel roughly as eyes do; a weighted distance splits by channel, so the nearest
    colour of the cube is the nearest level of each channel, and the nearest grey that of the weighted mean.
    """
    steps = np.arange(32, dtype=np.float32) * (255 / 31)
    colours = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1)
    level = np.abs(colours[..., None] - _CUBE_LEVELS).argmin(-1)
    mean = colours @ _WEIGHTS / _WEIGHTS.sum()
    grey = np.abs(mean[..., None] - _GREY_LEVELS).argmin(-1)
    cube_distance = (colours - _CUBE_LEVELS[level]) ** 2 @ _WEIGHTS
    grey_distance = (colours - _GREY_LEVELS[grey][..., None]) ** 2 @ _WEIGHTS
    indices: Pixels = np.where(grey_distance < cube_distance, 232 + grey, 16 + level @ np.array([36, 6, 1])).astype(
        np.uint8
    )
    return indices


def pack_256(pixels: Pixels) -> tuple[Colours, Colours]:
    """The 256-colour palette indices of the upper and lower halves."""
    coarse = pixels >> 3
    indices = _nearest_256()[coarse[..., 0], coarse[..., 1], coarse[..., 2]].astype(np.uint32)
    return indices[0::2], indices[1::2]


def keys(top: Colours, bottom: Colours) -> Keys:
    """One number per cell; equal numbers are equal cells."""
    return (top.astype(np.uint64) << np.uint64(24)) | bottom


@dataclass(frozen=True, slots=True)
class Palette:
    """How a colour is written: the SGR parameters of a foreground and of a background."""

    foreground: Callable[[int], str]
    background: Callable[[int], str]


@functools.lru_cache(1 << 16)
def _rgb_foreground(colour: int) -> str:
    return f"38;2;{colour >> 16};{colour >> 8 & 255};{colour & 255}"


@functools.lru_cache(1 << 16)
def _rgb_background(colour: int) -> str:
    return f"48;2;{colour >> 16};{colour >> 8 & 255};{colour & 255}"


TRUECOLOR = Palette(_rgb_foreground, _rgb_background)
EIGHT_BIT = Palette(
    [f"38;5;{index}" for index in range(256)].__getitem__, [f"48;5;{index}" for index in range(256)].__getitem__
)


@dataclass(frozen=True, slots=True)
class Runs:
    """Stretches of equal cells, row by row; each field has one entry per run."""

    row: list[int]
    length: list[int]
    top: list[int]
    bottom: list[int]


def find_runs(top: Colours, bottom: Colours) -> Runs:
    """Split every row where a cell differs from the one before it."""
    rows, columns = top.shape
    starts = np.ones((rows, columns), bool)
    starts[:, 1:] = (top[:, 1:] != top[:, :-1]) | (bottom[:, 1:] != bottom[:, :-1])
    flat = np.flatnonzero(starts)
    lengths = np.diff(flat, append=rows * columns)
    return Runs((flat // columns).tolist(), lengths.tolist(), top.ravel()[flat].tolist(), bottom.ravel()[flat].tolist())


def write_runs(runs: Runs, rows: int, palette: Palette) -> list[str]:
    """Rows as text, sending only the half whose colour changed; a cell of one colour is a space."""
    lines: list[list[str]] = [[] for _ in range(rows)]
    current = foreground = background = -1
    line = lines[0] if lines else []
    for row, length, top, bottom in zip(runs.row, runs.length, runs.top, runs.bottom, strict=True):
        if row != current:
            line, current, foreground, background = lines[row], row, -1, -1
        plain = top == bottom
        if plain or foreground == top:
            if background != bottom:
                line.append(f"\x1b[{palette.background(bottom)}m")
        elif background == bottom:
            line.append(f"\x1b[{palette.foreground(top)}m")
        else:
            line.append(f"\x1b[{palette.foreground(top)};{palette.background(bottom)}m")
        background = bottom
        if plain:
            line.append(" " * length)
        else:
            foreground = top
            line.append(HALF * length)
    return ["".join(line) + RESET for line in lines]


_CELL = np.frombuffer(f"\x1b[38;2;000;000;000;48;2;000;000;000m{HALF}".encode(), np.uint8)
_DIGITS = np.array([[ord(digit) for digit in f"{value:03d}"] for value in range(256)], np.uint8)
_CHANNELS = ((7, 16, 0xFF), (11, 8, 0xFF), (15, 0, 0xFF))
_LOWER_HALF = 17


def write_cells(top: Colours, bottom: Colours) -> list[str]:
    """Rows of 24-bit colour as text, every cell in full, without a Python loop over cells: for noisy pictures."""
    rows, columns = top.shape
    cells = np.empty((rows, columns, _CELL.size), np.uint8)
    cells[:] = _CELL
    for offset, shift, mask in _CHANNELS:
        cells[..., offset : offset + 3] = _DIGITS[(top >> shift) & mask]
        cells[..., offset + _LOWER_HALF : offset + _LOWER_HALF + 3] = _DIGITS[(bottom >> shift) & mask]
    return [row.tobytes().decode() + RESET for row in cells.reshape(rows, -1)]


def encode(top: Colours, bottom: Colours, palette: Palette = TRUECOLOR) -> list[str]:
    """Rows as text by the cheaper of the two writers."""
    starts = np.count_nonzero((top[:, 1:] != top[:, :-1]) | (bottom[:, 1:] != bottom[:, :-1]))
    if palette is TRUECOLOR and starts > RUNS_WORTH_LOOPING * top.size:
        return write_cells(top, bottom)
    return write_runs(find_runs(top, bottom), top.shape[0], palette)


BRAILLE = 0x2800
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)
_BAYER = (np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) + 0.5) / 16


def braille(pixels: Pixels) -> Colours:
    """Braille code points `[rows, columns]`: brightness of `[4 * rows, 2 * columns, 3]` by ordered dots."""
    height, width = pixels.shape[:2]
    luma = pixels @ np.array([0.299, 0.587, 0.114], np.float32) / 255
    low, high = float(luma.min()), float(luma.max())
    if high > low:
        luma = (luma - low) / (high - low)
    # Most of a rendering is its background: dots are spent on what stands out from it.
    if float(np.median(luma)) > 0.5:
        luma = 1 - luma
    # The square root is about how bright a share of lit dots looks: thin lines stay visible.
    lit = np.sqrt(luma) > np.tile(_BAYER, (height // 4 + 1, width // 4 + 1))[:height, :width]
    dots = lit.reshape(height // 4, 4, width // 2, 2) * _DOTS[None, :, None, :]
    codes = dots.sum((1, 3), dtype=np.uint32)
    # A space rather than the blank pattern: fonts without braille draw that as a box.
    return np.where(codes == 0, np.uint32(ord(" ")), codes + np.uint32(BRAILLE))
