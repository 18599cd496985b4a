"""ActionPad: the actions a person can take, each with its key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from ldp_tui.tui.plain import plain_line

KEY_LABELS = {
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "full_stop": ".",
    "comma": ",",
    "minus": "-",
    "plus": "+",
    "slash": "/",
    "space": "space",
    "enter": "⏎",
}
EIGHTHS = " ▏▎▍▌▋▊▉█"
HEIGHTS = " ▁▂▃▄▅▆▇█"
BAR_CELLS = 10
GAP = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """One action: its key (as Textual names keys; empty: mouse only), its label, and the tool call it stands for."""

    key: str
    label: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Chip:
    """Where a choice lies in the pad."""

    index: int
    x: int
    y: int
    width: int


class ActionPad(Widget, can_focus=True):
    """Shows choices side by side, or as a list with bars where probabilities are known and there is room.

    A key or a click on a legal choice posts `Chosen`. `press` does the same for keys that arrive elsewhere.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "action-pad--key",
        "action-pad--label",
        "action-pad--illegal",
        "action-pad--last",
        "action-pad--bar",
    }
    DEFAULT_CSS = """
    ActionPad {
        width: 1fr; height: auto; min-height: 1;
        & > .action-pad--key { color: $accent; text-style: bold; }
        & > .action-pad--label { color: $foreground; }
        & > .action-pad--illegal { color: $text-disabled; }
        & > .action-pad--last { background: $foreground 15%; color: $foreground; text-style: bold; }
        & > .action-pad--bar { color: $primary; }
        &:disabled > .action-pad--key { color: $text-disabled; text-style: none; }
        &:disabled > .action-pad--label { color: $text-disabled; }
    }
    """

    choices: reactive[tuple[Choice, ...]] = reactive((), layout=True)
    """What can be done, in order."""
    legal: reactive[frozenset[int] | None] = reactive(None)
    """Indices of the choices that are allowed now; None: all."""
    last: reactive[int | None] = reactive(None)
    """Index of the choice taken last."""
    probabilities: reactive[tuple[float, ...] | None] = reactive(None, layout=True)
    """How likely a policy takes each choice."""

    @dataclass
    class Chosen(Message):
        """A person chose an action."""

        pad: ActionPad
        index: int
        name: str
        arguments: dict[str, Any]

        @property
        def control(self) -> ActionPad:
            """The pad, for `@on(ActionPad.Chosen, "#id")`."""
            return self.pad

    def press(self, key: str) -> bool:
        """Take the choice of a key; whether the key belongs to the pad, legal or not."""
        for index, choice in enumerate(self.choices):
            if choice.key and choice.key == key:
                self._choose(index)
                return True
        return False

    def on_key(self, event: events.Key) -> None:
        """Take the choice of the key."""
        if any(self.press(key) for key in event.aliases):
            event.stop()
            event.prevent_default()

    def on_click(self, event: events.Click) -> None:
        """Take the choice under the mouse."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        for chip in self._chips(self.size.width, self.size.height):
            if chip.y == offset.y and chip.x <= offset.x < chip.x + chip.width:
                event.stop()
                self._choose(chip.index)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The rows the choices need; a list if there are probabilities."""
        listed = len(self.choices) if self.probabilities is not None else 1
        return max([chip.y + 1 for chip in self._chips(width, listed)], default=1)

    def render_line(self, y: int) -> Strip:
        """A row of choices."""
        width, height = self.size
        base = self.rich_style
        segments: list[Segment] = []
        x = 0
        for chip in self._chips(width, height):
            if chip.y != y:
                continue
            segments.append(Segment(" " * (chip.x - x), base))
            segments += self._chip_segments(chip, listed=self._listed(height))
            x = chip.x + chip.width
        return Strip(segments).adjust_cell_length(width, base)

    def _choose(self, index: int) -> None:
        if self._is_legal(index) and not self.disabled:
            choice = self.choices[index]
            self.post_message(self.Chosen(self, index, choice.name, dict(choice.arguments)))

    def _is_legal(self, index: int) -> bool:
        return self.legal is None or index in self.legal

    def _listed(self, height: int) -> bool:
        return self.probabilities is not None and 1 < len(self.choices) <= height

    def _chips(self, width: int, height: int) -> Iterator[Chip]:
        """Choices from left to right, row by row; or one a row."""
        listed = self._listed(height)
        x = y = 0
        for index in range(len(self.choices)):
            size = width if listed else min(width, self._chip_width(index))
            if x and (listed or x + size > width):
                x, y = 0, y + 1
            yield Chip(index, x, y, size)
            x += size + GAP

    def _chip_width(self, index: int) -> int:
        choice = self.choices[index]
        chance = 0 if self.probabilities is None else len(self._percent(index)) + 2
        return 1 + len(self._key_label(choice)) + cell_len(plain_line(choice.label)) + chance + 1

    def _chip_segments(self, chip: Chip, *, listed: bool) -> list[Segment]:
        choice = self.choices[chip.index]
        legal, taken = self._is_legal(chip.index), chip.index == self.last
        key = self._style("key" if legal else "illegal")
        label = self._style("label" if legal else "illegal")
        if taken:
            key, label = key + self._background("last"), label + self._style("last")
        key_text = self._key_label(choice)
        parts = [
            Segment("▸" if taken else " ", label),
            Segment(key_text if legal else " " * len(key_text), key),
        ]
        text = plain_line(choice.label)
        if listed:
            longest = max(cell_len(plain_line(other.label)) for other in self.choices)
            key_width = max(len(self._key_label(other)) for other in self.choices)
            parts.append(Segment(" " * (key_width - len(key_text)) + set_cell_size(text, longest) + " ", label))
            parts += self._bar(chip.index)
        else:
            parts.append(Segment(text, label))
            if self.probabilities is not None:
                level = HEIGHTS[round(self._probability(chip.index) * 8)]
                parts += [Segment(f" {level}", self._style("bar")), Segment(self._percent(chip.index), label)]
            parts.append(Segment(" ", label))
        return list(Strip(parts).adjust_cell_length(chip.width, self.rich_style))

    def _bar(self, index: int) -> list[Segment]:
        eighths = round(self._probability(index) * BAR_CELLS * 8)
        bar = "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
        return [Segment(f"{bar:<{BAR_CELLS}} ", self._style("bar")), Segment(self._percent(index), self.rich_style)]

    def _probability(self, index: int) -> float:
        known = self.probabilities or ()
        return min(1.0, max(0.0, known[index])) if index < len(known) else 0.0

    def _percent(self, index: int) -> str:
        return f"{self._probability(index):4.0%}"

    @staticmethod
    def _key_label(choice: Choice) -> str:
        return f"[{KEY_LABELS.get(choice.key, choice.key)}] " if choice.key else ""

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"action-pad--{part}")

    def _background(self, part: str) -> Style:
        return Style(bgcolor=self._style(part).bgcolor)
