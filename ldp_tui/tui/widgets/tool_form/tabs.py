"""The tools to choose from, side by side in as many rows as they need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from ldp_tui.tui.plain import plain_line


class ToolTabs(Widget, can_focus=True):
    """One name is current; arrows, a digit, a first letter or a click choose another."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"tool-tabs--current", "tool-tabs--other", "tool-tabs--focused"}
    DEFAULT_CSS = """
    ToolTabs {
        width: 1fr; height: auto;
        & > .tool-tabs--current { color: $accent; text-style: bold underline; }
        & > .tool-tabs--other { color: $text-muted; }
        & > .tool-tabs--focused { color: $background; background: $accent; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", "Previous tool", show=False),
        Binding("right", "turn(1)", "Next tool", show=False),
        Binding("down,enter", "app.focus_next", "Fill in", show=False),
    ]

    current = reactive(0)
    """Index of the tool whose form is shown."""

    @dataclass
    class Chosen(Message):
        """A person chose the tool at an index."""

        index: int

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = tuple(names)
        self._labels = tuple(f"{number} {plain_line(name)}" for number, name in enumerate(names, 1))

    def choose(self, index: int) -> None:
        """Make a tool the current one, and tell."""
        self.current = index
        self.post_message(self.Chosen(index))

    def action_turn(self, step: int) -> None:
        """Choose the next or previous tool, around the ends."""
        self.choose((self.current + step) % len(self._names))

    def on_key(self, event: events.Key) -> None:
        """Choose by number, or the next name with that first letter."""
        found = self._meant(event.character or "")
        if found is not None:
            event.stop()
            event.prevent_default()
            self.choose(found)

    def on_click(self, event: events.Click) -> None:
        """Choose the name under the mouse."""
        offset = event.get_content_offset(self)
        for index, place in enumerate(self._places(self.size.width)):
            if offset is not None and place.contains_point(offset):
                event.stop()
                self.choose(index)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The rows that the names need."""
        return max((place.bottom for place in self._places(width)), default=1)

    def render_line(self, y: int) -> Strip:
        """A row of names."""
        other, current = self.get_component_rich_style("tool-tabs--other"), "focused" if self.has_focus else "current"
        marked = self.get_component_rich_style(f"tool-tabs--{current}")
        segments: list[Segment] = []
        x = 0
        for index, place in enumerate(self._places(self.size.width)):
            if place.y == y:
                segments.append(Segment(" " * (place.x - x), self.rich_style))
                segments.append(Segment(self._labels[index], marked if index == self.current else other))
                x = place.right
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _places(self, width: int) -> Iterator[Region]:
        x, y = 1, 0
        for label in self._labels:
            size = cell_len(label)
            if x > 1 and x + size > width:
                x, y = 1, y + 1
            yield Region(x, y, size, 1)
            x += size + 2

    def _meant(self, character: str) -> int | None:
        if character.isdecimal() and 0 < int(character) <= len(self._names):
            return int(character) - 1
        order = [*range(self.current + 1, len(self._names)), *range(self.current + 1)]
        initial = character.casefold()
        return next((index for index in order if initial and self._names[index].casefold().startswith(initial)), None)
