"""PickField: one line that shows a choice and opens a list when it is pressed."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import set_cell_size
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from ldp_tui.tui.plain import plain_line


class PickField(Widget, can_focus=True):
    """A label, a value and ▾. It does not know what can be chosen; it posts `Pressed`."""

    HELP = "Enter or a click opens a list; type part of a name to find it."
    DEFAULT_CSS = """
    PickField {
        height: 1; width: 1fr;
        &:focus { background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold; }
        &:hover { background: $block-hover-background; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", "Choose", show=False),
        Binding("delete,backspace", "clear", "Empty", show=False),
    ]
    ALLOW_SELECT = False

    value: reactive[str] = reactive("")

    class Asked(Message):
        """Something was asked of a field."""

        def __init__(self, field: PickField) -> None:
            super().__init__()
            self.field = field

        @property
        def control(self) -> PickField:
            """The field, for `@on` selectors."""
            return self.field

    class Pressed(Asked):
        """The list was asked for."""

    class Cleared(Asked):
        """The value was asked to go."""

    def __init__(self, label: str, value: str = "", *, empty: str = "–", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._label, self._empty = label, empty
        self.set_reactive(PickField.value, value)

    def render(self) -> Content:
        """`label  value ▾`, the value cut to fit."""
        room = max(1, self.size.width - 13 - 2)
        text = plain_line(self.value)
        shown = set_cell_size(text, room) if text else set_cell_size(self._empty, room)
        return Content.assemble(
            (f"{self._label:<13}", "" if self.has_focus else "$foreground-muted"),
            (shown, "" if text else "$foreground-muted"),
            (" ▾", "$accent"),
        )

    def action_press(self) -> None:
        """Ask for the list."""
        self.post_message(self.Pressed(self))

    def action_clear(self) -> None:
        """Ask for an empty value."""
        self.post_message(self.Cleared(self))

    def on_click(self) -> None:
        """The same as Enter."""
        self.action_press()
