"""Drawings of a graph as SVG."""

from __future__ import annotations

from typing import Any, Final
from xml.sax.saxutils import escape

from ldp_tui.graph import cells
from ldp_tui.graph.layout import Layout, Line, Place, lay_out
from ldp_tui.graph.results import OpResult
from ldp_tui.graph.sketch import HEIGHT, WIDTH, sketch

_CELL: Final = (8, 18)
"""Pixels of a cell: width, height."""
_MARGIN: Final = 12
_STYLE: Final = """
.box{fill:#fdfdfb;stroke:#5b6470}
.line{stroke:#5b6470;fill:none;stroke-linejoin:round}
.head{fill:#5b6470}
text{font:13px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#1c2128;white-space:pre}
.name{font-weight:bold}
@media (prefers-color-scheme:dark){
.box{fill:#1c2128;stroke:#98a2ae}.line{stroke:#98a2ae}.head{fill:#98a2ae}text{fill:#e6e9ec}
}
"""


def to_svg(result: OpResult[Any], *, max_label_height: int | None = HEIGHT, max_label_width: int | None = WIDTH) -> str:
    """SVG document of all that led to `result`: inputs above, `result` below. No script, no reference to elsewhere.

    For the arguments see `ldp_tui.graph.sketch.sketch`.

    Raises:
        NotRecorded: If the graph was not kept.
    """
    return draw(lay_out(sketch(result, max_label_height=max_label_height, max_label_width=max_label_width)))


def draw(layout: Layout) -> str:
    """SVG of a layout."""
    width, height = (size * cell + 2 * _MARGIN for size, cell in zip((layout.width, layout.height), _CELL, strict=True))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<style>{_STYLE}</style>",
        *map(_line, layout.lines),
        *map(_box, layout.places),
        *(_head(line) for line in layout.lines if line.head),
        "</svg>",
    ]
    return "\n".join(parts)


def _middle(x: int, y: int) -> tuple[float, float]:
    """Middle of a cell, in pixels."""
    return _MARGIN + (x + 0.5) * _CELL[0], _MARGIN + (y + 0.5) * _CELL[1]


def _line(line: Line) -> str:
    (x1, y1), (x2, y2) = _middle(line.x1, line.y1), _middle(line.x2, line.y2)
    return f'<path class="line" d="M{x1:g} {y1:g}L{x2:g} {y2:g}"/>'


def _head(line: Line) -> str:
    x, y = _middle(line.x2, line.y2)
    return f'<path class="head" d="M{x - 4:g} {y - 7:g}h8l-4 7z"/>'


def _box(place: Place) -> str:
    assert place.box is not None
    (left, top), (right, bottom) = (
        _middle(place.x, place.y),
        _middle(place.x + place.width - 1, place.y + place.height - 1),
    )
    parts = [f'<rect class="box" x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}" rx="3"/>']
    for index, line in enumerate(place.box.lines):
        name = ' class="name"' if index == 0 else ""
        y = top + (index + 1) * _CELL[1] + 4
        length = cells.width(line) * _CELL[0]
        # The length holds the text within its box whatever font there is.
        fitted = f' textLength="{length}" lengthAdjust="spacingAndGlyphs"' if length else ""
        parts.append(f'<text{name} x="{left + 1.5 * _CELL[0]:g}" y="{y:g}"{fitted}>{_text(line)}</text>')
    return "\n".join(parts)


def _text(line: str) -> str:
    """XML of a line; spaces stay, also without the style sheet."""
    return escape(line).replace(" ", "\N{NO-BREAK SPACE}")
