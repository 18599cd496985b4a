"""What every drawing of a graph shows: a box of lines for each op call, and an arrow for each result that was used."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.graph import cells
from ldp_tui.graph.results import OpResult
from ldp_tui.graph.values import Described

HEIGHT = 4
"""Lines that a value may take."""
WIDTH = 44
"""Cells that a line may take."""
_ITEMS = 20


@dataclass(frozen=True, slots=True)
class Box:
    """One op call: its name, its kind, then a line for each input that is a value, the output, and the gradient."""

    id: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A result that was an input; `label` is the parameter's name, or a number within `*args`."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Sketch:
    """Boxes in topological order (what uses a result comes before it), and arrows from result to use."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def as_json(self) -> dict[str, Any]:
        """`{"boxes": [[id, [line, …]], …], "arrows": [[source, target, label], …]}`."""
        return {
            "boxes": [[box.id, list(box.lines)] for box in self.boxes],
            "arrows": [[arrow.source, arrow.target, arrow.label] for arrow in self.arrows],
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Sketch:
        """The sketch that `as_json` wrote, made safe to show.

        Raises:
            ValueError: If it is none.
        """
        try:
            boxes = tuple(
                Box(str(key), tuple(cells.plain(str(line)) for line in lines)) for key, lines in written["boxes"]
            )
            arrows = tuple(Arrow(str(a), str(b), str(label)) for a, b, label in written["arrows"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"This is no sketch of a graph: {error!r}.") from error
        order = {box.id: index for index, box in enumerate(boxes)}
        if not boxes or len(order) < len(boxes) or not all(box.lines for box in boxes):
            raise ValueError("This is no sketch of a graph: a box is missing, empty or there twice.")
        if any(order.get(arrow.source, -1) <= order.get(arrow.target, len(boxes)) for arrow in arrows):
            raise ValueError("This is no sketch of a graph: an arrow leads nowhere, or in a circle.")
        return cls(boxes, arrows)


def sketch(
    result: OpResult[Any], *, max_label_height: int | None = HEIGHT, max_label_width: int | None = WIDTH
) -> Sketch:
    """Sketch of all that led to `result`.

    Args:
        result: Where to start.
        max_label_height: Lines of a value (None: all).
        max_label_width: Cells of a line (None: all).

    Raises:
        NotRecorded: If the graph was not kept: an op ran in evaluation mode.
    """
    results = list(result.traverse())
    names = {each.call_id: f"n{index}" for index, each in enumerate(results)}
    boxes, arrows = [], []
    for each in results:
        lines = heading(each)
        for label, value in named_inputs(each):
            if isinstance(value, OpResult):
                arrows.append(Arrow(names[value.call_id], names[each.call_id], label))
                lines.append(f"{label} ← {value.op_name}")
            else:
                lines += labelled(f"{label} = ", summary(value), max_label_height)
        lines += labelled("→ ", summary(each.value), max_label_height)
        if each.grad is not None:
            lines += labelled("grad ", summary(each.grad), max_label_height)
        boxes.append(Box(names[each.call_id], tuple(_shown(line, max_label_width) for line in lines)))
    return Sketch(tuple(boxes), tuple(arrows))


def heading(result: OpResult[Any]) -> list[str]:
    """The op's name, and what it is if the name does not tell."""
    kind = result.op_class_name.rpartition(".")[2]
    label = result.op_label
    return [label] if result.op_name.startswith(f"{kind}-") else [result.op_name, label]


def named_inputs(result: OpResult[Any]) -> list[tuple[str, Any]]:
    """Inputs with the names of their parameters; those of `*args` are numbered."""
    args, kwargs = result.inputs
    return [*((str(index), value) for index, value in enumerate(args)), *kwargs.items()]


def labelled(label: str, lines: Sequence[str], height: int | None) -> list[str]:
    """`lines` behind `label`, at most `height` of them."""
    if height is not None and len(lines) > height:
        lines = [*lines[: height - 1], f"… {len(lines) - height + 1} more lines"]
    indent = " " * cells.width(label)
    return [f"{indent if index else label}{line}" for index, line in enumerate(lines)]


def summary(value: Any) -> list[str]:
    """`value` in lines for people: messages by role, tools by name, anything else as `repr` has it, bounded."""
    if isinstance(value, OpResult):
        return summary(value.value)
    if isinstance(value, str | Described):
        return _lines(str(value))
    if isinstance(value, ToolRequestMessage):
        calls = [str(call) for call in value.tool_calls]
        return [*(_lines(f"{value.role}: {value.text}") if value.text or not calls else []), *calls]
    if isinstance(value, Message):
        return _lines(f"{value.role}: {value.text}")
    if isinstance(value, Tool):
        return [f"tool {value.info.name}"]
    if isinstance(value, list | tuple) and value and all(isinstance(item, Message | Tool) for item in value[:_ITEMS]):
        shown = [line for item in value[:_ITEMS] for line in summary(item)]
        return [*shown, f"… {len(value) - _ITEMS} more"] if len(value) > _ITEMS else shown
    return _lines(_bounded.repr(value))


def _lines(text: str) -> list[str]:
    return text.splitlines() or [""]


def _shown(line: str, max_width: int | None) -> str:
    if max_width is None:
        return cells.plain(line).rstrip()
    return cells.cut(cells.plain(line[: 4 * max_width + 1]).rstrip(), max_width)


class _Bounded(reprlib.Repr):
    """`repr` of bounded length, whatever the value: strings and containers are cut before they are written."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 2_000
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = _ITEMS
        self.maxlevel = 4

    def repr_instance(self, x: Any, level: int) -> str:
        shape = getattr(x, "shape", None)
        if isinstance(shape, tuple) and shape and hasattr(x, "dtype"):
            return f"{type(x).__name__} {x.dtype} {'×'.join(map(str, shape))}"
        if isinstance(x, BaseModel):
            fields: Iterable[str] = (f"{name}={self.repr1(item, level - 1)}" for name, item in x.__dict__.items())
            return f"{type(x).__name__}({', '.join(fields) if level > 0 else '…'})"
        if isinstance(x, Described):
            return x.text
        return super().repr_instance(x, level)


_bounded = _Bounded()
