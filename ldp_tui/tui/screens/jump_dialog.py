"""Asks for a step to go to."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ldp_tui.tui.plain import plain_line


def read_position(text: str, last: int) -> int:
    """The position that `118`, `1,180` or `50%` means, of 0 to `last`; raises ValueError with the reason."""
    value = text.strip().replace(",", "")
    try:
        position = round(last * float(value[:-1]) / 100) if value.endswith("%") else int(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{text.strip() or 'nothing'} is neither a step nor a share such as 50%") from None
    if not 0 <= position <= last:
        raise ValueError(f"the steps are 0 to {last:,}")
    return position


class JumpDialog(ModalScreen[int | None]):
    """Returns the position, or None."""

    CSS_PATH = "dialogs.tcss"
    DEFAULT_CSS = """
    JumpDialog { align: center middle; background: $background 60%; }
    JumpDialog .dialog { width: 44; }
    JumpDialog .problem { color: $error; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close", show=False)]

    def __init__(self, last: int) -> None:
        super().__init__()
        self._last = last

    def compose(self) -> ComposeResult:
        """The field, and what is wrong with it."""
        with Vertical(classes="dialog") as box:
            box.border_title = f"Go to step 0–{self._last:,}, or 50%"
            yield Input(compact=True)
            yield Static(classes="problem")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self.dismiss(read_position(event.value, self._last))
        except ValueError as error:
            self.query_one(".problem", Static).update(Content(plain_line(str(error))))
