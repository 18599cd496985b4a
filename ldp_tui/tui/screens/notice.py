"""What covers everything while the terminal is too small."""

from __future__ import annotations

from typing import Literal

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static


class TooSmallNotice(ModalScreen[None]):
    """Says which size is needed; the app takes it away once there is room."""

    SCOPE: Literal["app"] = "app"
    DEFAULT_CSS = """
    TooSmallNotice { align: center middle; background: $background; }
    TooSmallNotice > Static { width: auto; text-align: center; }
    """

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__()
        self._needed = f"{columns}×{rows}"

    def compose(self) -> ComposeResult:
        """The notice."""
        yield Static(f"A little more room, please:\nldp-tui needs {self._needed}.\n\nctrl+q leaves.")
