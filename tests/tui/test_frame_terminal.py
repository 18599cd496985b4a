import sys
from pathlib import Path

import numpy as np
import pyte
import pytest

from ldp_tui.tui.widgets.frame_view import encode
from tests.ptyterm import PtyTerm
from tests.tui.frame_app import film

ROOT = Path(__file__).parents[2]
FRAMES = 12


def wrong_cells(term: PtyTerm, pixels: encode.Pixels) -> list[tuple[int, int]]:
    """Cells of an 80×24 view inside the app's border that differ from the picture."""
    columns, rows = 80, 24
    width, height = encode.fit(pixels.shape[1], pixels.shape[0], columns, rows)
    fitted = encode.resize(pixels, width, height)
    left, top = 1 + (columns - width) // 2, term.find("╭")[1] + 1 + (rows - height // 2) // 2
    wrong = []
    for y in range(height // 2):
        for x in range(width):
            cell = term.cell(left + x, top + y)
            upper, lower = fitted[2 * y, x].tobytes().hex(), fitted[2 * y + 1, x].tobytes().hex()
            half = cell.data == encode.HALF and (cell.fg, cell.bg) == (upper, lower)
            if not half and not (cell.data == " " and cell.bg == upper == lower):
                wrong.append((x, y))
    return wrong


@pytest.mark.parametrize(
    ("kind", "fallback"), [("cart", None), ("noise", None), ("cart", "seg")], ids=["runs", "noise", "public-api"]
)
def test_film_with_a_toast_over_it(kind: str, fallback: str | None) -> None:
    """Every cell of the terminal shows the last frame's two pixels, whichever way it was encoded."""
    command = [sys.executable, "-m", "tests.tui.frame_app", kind, str(FRAMES)]
    with PtyTerm(command, columns=110, rows=32, env={"LDP_TUI_FRAME": fallback}, cwd=ROOT) as term:
        term.wait_for("DONE")
        term.settle()
        assert wrong_cells(term, film(FRAMES, noise=kind == "noise")[-1]) == []


def test_terminal_of_256_colours() -> None:
    """Every cell shows the palette's nearest colours of the last frame's two pixels."""
    command = [sys.executable, "-m", "tests.tui.frame_app", "cart", str(FRAMES)]
    with PtyTerm(command, columns=110, rows=32, env={"COLORTERM": None}, cwd=ROOT) as term:
        term.wait_for("DONE")
        term.settle()
        assert b"48;2;" not in term.output
        assert wrong_cells(term, in_palette(film(FRAMES)[-1])) == []


def in_palette(pixels: encode.Pixels) -> encode.Pixels:
    """The picture fitted to the view, each pixel in the palette's nearest colour."""
    fitted = encode.resize(pixels, *encode.fit(pixels.shape[1], pixels.shape[0], 80, 24))
    indices = np.stack(encode.pack_256(fitted), 1).reshape(fitted.shape[:2])
    palette = np.array([list(bytes.fromhex(colour)) for colour in pyte.graphics.FG_BG_256], np.uint8)
    return palette[indices]


def test_terminal_without_colour() -> None:
    """The picture is braille, and its cells have no colour of their own."""
    command = [sys.executable, "-m", "tests.tui.frame_app", "cart", str(FRAMES)]
    with PtyTerm(command, columns=110, rows=32, env={"NO_COLOR": "1"}, cwd=ROOT) as term:
        term.wait_for("DONE")
        term.settle()
        left, top = term.find("╭")
        inside = [term.cell(left + 1 + x, top + 1 + y) for x in range(80) for y in range(24)]
        dotted = [cell for cell in inside if "\u2801" <= cell.data <= "\u28ff"]
        assert len(dotted) > 40
        assert len({(cell.fg, cell.bg) for cell in inside}) == 1
