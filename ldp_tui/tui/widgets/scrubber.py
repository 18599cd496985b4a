"""Scrubber: a place in a recording, and the way to others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget


class Scrubber(Widget, can_focus=True):
    """A timeline with a knob and marks; with one line of height, marks lie on the track.

    Only what a person does posts `Moved`; `show` does not.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "scrubber--played",
        "scrubber--ahead",
        "scrubber--knob",
        "scrubber--mark",
        "scrubber--label",
    }
    DEFAULT_CSS = """
    Scrubber {
        width: 1fr; height: 2;
        & > .scrubber--played { color: $primary; }
        & > .scrubber--ahead { color: $text-disabled; }
        & > .scrubber--knob { color: $foreground; text-style: bold; }
        & > .scrubber--mark { color: $warning; }
        & > .scrubber--label { color: $text-muted; }
        &:focus > .scrubber--knob { color: $accent; text-style: bold; }
        &:focus > .scrubber--played { color: $accent; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "Back", show=False),
        Binding("right,l", "move(1)", "On", show=False),
        Binding("shift+left,H", "move(-10)", "Back 10", show=False),
        Binding("shift+right,L", "move(10)", "On 10", show=False),
        Binding("home", "jump(0)", "Start", show=False),
        Binding("end", "jump(100)", "End", show=False),
        Binding("left_square_bracket", "mark(-1)", "Previous mark", show=False),
        Binding("right_square_bracket", "mark(1)", "Next mark", show=False),
        *(Binding(str(tenth), f"jump({tenth * 10})", f"To {tenth * 10} %", show=False) for tenth in range(10)),
    ]

    @dataclass
    class Moved(Message):
        """A person moved the knob to a position."""

        scrubber: Scrubber
        position: int

        @property
        def control(self) -> Scrubber:
            """The scrubber, for `@on(Scrubber.Moved, "#id")`."""
            return self.scrubber

        def can_replace(self, message: Message) -> bool:
            """While a person drags, only the newest position matters."""
            return isinstance(message, Scrubber.Moved) and message.scrubber is self.scrubber

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._last = 0
        self._position = 0
        self._marks: dict[int, str] = {}
        self._symbols: tuple[tuple[int, int], dict[int, str]] | None = None
        """The symbols by column, with the width and the last position that they were placed for."""

    @property
    def position(self) -> int:
        """Where the knob is, from 0 to the last position."""
        return self._position

    def show(self, last: int, position: int, marks: Mapping[int, str] | None = None) -> None:
        """Show positions 0 to `last`, the knob at `position`; `marks` gives positions a symbol, None keeps them."""
        self._last = max(0, last)
        self._position = max(0, min(position, self._last))
        if marks is not None:
            self._marks = dict(sorted(marks.items()))
            self._symbols = None
        self.refresh()

    def action_move(self, steps: int) -> None:
        """Move the knob by some positions."""
        self._move_to(self._position + steps)

    def action_jump(self, percent: int) -> None:
        """Move the knob to a share of the whole."""
        self._move_to(round(self._last * percent / 100))

    def action_mark(self, direction: int) -> None:
        """Move the knob to the next mark in a direction."""
        places = list(self._marks)
        found = bisect_right(places, self._position) if direction > 0 else bisect_left(places, self._position) - 1
        if 0 <= found < len(places):
            self._move_to(places[found])

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go where the mouse is, and follow it until it is released."""
        event.stop()
        self.capture_mouse()
        self._move_to_column(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse while its button is held."""
        if self.app.mouse_captured is self:
            event.stop()
            self._move_to_column(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let the mouse go."""
        event.stop()
        self.release_mouse()

    def render_line(self, y: int) -> Strip:
        """The marks above, the track below; both in one where there is one line."""
        height = self.size.height
        if y == height - 1:
            return self._track(marks_on_track=height == 1)
        return self._mark_line() if y == height - 2 else Strip.blank(self.size.width, self.rich_style)

    def _move_to(self, position: int) -> None:
        position = max(0, min(position, self._last))
        if position != self._position:
            self._position = position
            self.refresh()
            self.post_message(self.Moved(self, position))

    def _move_to_column(self, x: int) -> None:
        """Move the knob under the mouse, `x` cells from the widget's outer left edge."""
        x, columns = x - self.gutter.left, self._columns
        if columns > 1:
            self._move_to(round(max(0, min(x, columns - 1)) * self._last / (columns - 1)))

    @property
    def _label(self) -> str:
        return f" {self._position:>{len(str(self._last))}}/{self._last}"

    @property
    def _columns(self) -> int:
        """The track's cells; the label takes the rest."""
        return max(1, self.size.width - len(self._label))

    def _column(self, position: int) -> int:
        return round(position * (self._columns - 1) / self._last) if self._last else 0

    def _mark_symbols(self) -> dict[int, str]:
        """Column to symbol; of marks that share a column the last one shows."""
        placed_for = columns, last = self._columns, self._last
        if self._symbols is None or self._symbols[0] != placed_for:
            scale = (columns - 1) / last if last else 0.0
            symbols = {
                round(position * scale): symbol if cell_len(symbol) == 1 else "•"
                for position, symbol in self._marks.items()
                if 0 <= position <= last
            }
            self._symbols = placed_for, symbols
        return self._symbols[1]

    def _mark_line(self) -> Strip:
        symbols = self._mark_symbols()
        line = "".join(symbols.get(x, " ") for x in range(self._columns))
        return Strip([Segment(line, self._style("mark"))]).adjust_cell_length(self.size.width, self.rich_style)

    def _track(self, *, marks_on_track: bool) -> Strip:
        columns, knob = self._columns, self._column(self._position)
        symbols = self._mark_symbols() if marks_on_track else {}
        segments = []
        for x in range(columns):
            if x == knob:
                segments.append(Segment("●", self._style("knob")))
            elif x in symbols:
                segments.append(Segment(symbols[x], self._style("mark")))
            else:
                segments.append(Segment("━" if x < knob else "─", self._style("played" if x < knob else "ahead")))
        segments.append(Segment(self._label, self._style("label")))
        return Strip(segments).simplify().adjust_cell_length(self.size.width, self.rich_style)

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"scrubber--{part}")
