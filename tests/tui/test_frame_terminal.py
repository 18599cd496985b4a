import sys
from pathlib import Path

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
