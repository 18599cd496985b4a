"""Drawings of a graph for the terminal, in box-drawing characters."""

from __future__ import annotations

from typing import Any, Final

from ldp_tui.graph import cells
from ldp_tui.graph.layout import Layout, Line, Place, lay_out
from ldp_tui.graph.results import OpResult
from ldp_tui.graph.sketch import HEIGHT, WIDTH, sketch

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_CHARACTERS: Final = {
    _UP | _DOWN: "│",
    _LEFT | _RIGHT: "─",
    _DOWN | _RIGHT: "┌",
    _DOWN | _LEFT: "┐",
    _UP | _RIGHT: "└",
    _UP | _LEFT: "┘",
    _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT: "┤",
    _LEFT | _RIGHT | _DOWN: "┬",
    _LEFT | _RIGHT | _UP: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
    _UP: "│",
    _DOWN: "│",
}


def to_text(
    result: OpResult[Any], *, max_label_height: int | None = HEIGHT, max_label_width: int | None = WIDTH
) -> str:
    """Drawing of all that led to `result`, for a terminal: inputs above, `result` below.

    Lines of different results cross as `─│─`; where they join, they are one result's. There are no control
    characters, and no spaces at the ends of lines. For the arguments see `ldp_tui.graph.sketch.sketch`.

    Raises:
        NotRecorded: If the graph was not kept.
    """
    return draw(lay_out(sketch(result, max_label_height=max_label_height, max_label_width=max_label_width)))


def draw(layout: Layout) -> str:
    """Characters of a layout."""
    grid = [[" "] * layout.width for _ in range(layout.height)]
    for place in layout.places:
        _draw_box(grid, place)
    directions: dict[tuple[int, int], tuple[str, int]] = {}
    for line in layout.lines:
        _add(directions, line)
    for (x, y), (_, direction) in directions.items():
        grid[y][x] = "┬" if grid[y][x] == "─" else _CHARACTERS[direction]
    for line in layout.lines:
        if line.head:
            grid[line.y2][line.x2] = "▼"
    return "\n".join("".join(row).rstrip() for row in grid)


def _draw_box(grid: list[list[str]], place: Place) -> None:
    assert place.box is not None
    inner = place.width - 2
    rows = [f"┌{'─' * inner}┐", *(f"│ {cells.pad(line, inner - 2)} │" for line in place.box.lines), f"└{'─' * inner}┘"]
    for y, row in enumerate(rows, place.y):
        # A wide character fills two cells, a combining mark none: each cell holds the text that starts in it.
        x = place.x
        for character in row:
            size = cells.width(character)
            if size:
                grid[y][x] = character
            else:
                grid[y][x - 1] += character
            if size == 2:
                grid[y][x + 1] = ""
            x += size


def _add(directions: dict[tuple[int, int], tuple[str, int]], line: Line) -> None:
    vertical = line.x1 == line.x2
    cells_of_line = (
        [(line.x1, y) for y in range(line.y1, line.y2 + 1)]
        if vertical
        else [(x, line.y1) for x in range(line.x1, line.x2 + 1)]
    )
    before, behind = (_UP, _DOWN) if vertical else (_LEFT, _RIGHT)
    for index, cell in enumerate(cells_of_line):
        direction = (before if index else 0) | (behind if index < len(cells_of_line) - 1 else 0)
        net, known = directions.get(cell, (line.net, 0))
        if net == line.net:
            directions[cell] = (net, known | direction)
        elif vertical:  # a crossing: the vertical line is the one that is seen
            directions[cell] = (line.net, direction)
