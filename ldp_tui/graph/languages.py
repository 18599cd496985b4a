"""Graphs in the languages of drawing programs: Graphviz's dot, and Mermaid."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from ldp_tui.graph.results import OpResult
from ldp_tui.graph.sketch import HEIGHT, WIDTH, sketch

_NOT_PLAIN: Final = re.compile(r"[^\w .,:→←…=+*/()\[\]'-]")


def to_dot(result: OpResult[Any], *, max_label_height: int | None = HEIGHT, max_label_width: int | None = WIDTH) -> str:
    """Graphviz's text for all that led to `result`, to be given to `dot -Tsvg`.

    For the arguments see `ldp_tui.graph.sketch.sketch`.

    Raises:
        NotRecorded: If the graph was not kept.
    """
    drawn = sketch(result, max_label_height=max_label_height, max_label_width=max_label_width)
    lines = ["digraph compute_graph {", '  node [shape=box, fontname="monospace"];', '  edge [fontname="monospace"];']
    lines += [f"  {box.id} [label={quoted(box.lines)}];" for box in drawn.boxes]
    lines += [f"  {arrow.source} -> {arrow.target} [label={quoted([arrow.label])}];" for arrow in drawn.arrows]
    return "\n".join([*lines, "}", ""])


def to_mermaid(
    result: OpResult[Any], *, max_label_height: int | None = HEIGHT, max_label_width: int | None = WIDTH
) -> str:
    """Mermaid's text for all that led to `result`, as Markdown shows in a `mermaid` block.

    For the arguments see `ldp_tui.graph.sketch.sketch`.

    Raises:
        NotRecorded: If the graph was not kept.
    """
    drawn = sketch(result, max_label_height=max_label_height, max_label_width=max_label_width)
    lines = ["flowchart TB"]
    lines += [f'  {box.id}["{"<br/>".join(map(_entities, box.lines))}"]' for box in drawn.boxes]
    lines += [f'  {arrow.source} -->|"{_entities(arrow.label)}"| {arrow.target}' for arrow in drawn.arrows]
    return "\n".join([*lines, ""])


def quoted(lines: Iterable[str]) -> str:
    """A dot string of lines, flush left."""
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\l".join([*escaped, ""]) + '"'


def _entities(line: str) -> str:
    """Mermaid's entities for whatever might be markup, a comment or a directive there."""
    return _NOT_PLAIN.sub(lambda match: f"#{ord(match.group())};", line)
