"""Engine log: what the engine and its libraries said, live."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Footer

from ldp_tui.tui.actions import bindings
from ldp_tui.tui.log_book import LogBook
from ldp_tui.tui.widgets.tail_text import TailText
from ldp_tui.tui.widgets.title_bar import TitleBar


class EngineLogScreen(Screen[None]):
    """Follows the log book; scrolling back holds the place."""

    SCOPE: Literal["log"] = "log"
    HELP = (
        "Lines of the engine, of environments and of models, and faults of the app itself. The file named at the top "
        "has what libraries print past them."
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("log")]
    DEFAULT_CSS = """
    EngineLogScreen TailText { padding: 0 1; }
    """

    def __init__(self, log_book: LogBook, log_file: Path | None) -> None:
        super().__init__()
        self._log_book, self._log_file = log_book, log_file
        self._seen = 0

    def compose(self) -> ComposeResult:
        """The lines, newest at the end."""
        yield TitleBar("Engine log", str(self._log_file or ""))
        yield TailText(hint="Nothing has been said yet.")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Look for new lines twice a second."""
        self.query_one(TailText).focus()
        self._look()
        self.set_interval(0.5, self._look)

    def _look(self) -> None:
        fresh = list(self._log_book.since(self._seen))
        self._seen = self._log_book.written
        self.query_one(TailText).append("".join(f"{line}\n" for line in fresh))
