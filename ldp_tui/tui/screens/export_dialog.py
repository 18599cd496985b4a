"""Asks for the format and the file of an export."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, RadioButton, RadioSet, Static

from ldp_tui.datasets.files import Exported
from ldp_tui.datasets.lossless import write_lossless
from ldp_tui.datasets.sft import write_sft
from ldp_tui.store.reader import Reader
from ldp_tui.tui.plain import plain_line

Write = Callable[[Reader, Iterable[int], Path], Exported]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write episodes."""

    name: str
    about: str
    file: str
    write: Write


FORMATS: Final = (
    Format("sft-jsonl", "chat messages and tools, to train on", "episodes.sft.jsonl", write_sft),
    Format("jsonl", "everything, to keep and to import", "episodes.jsonl", write_lossless),
)


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What was asked for."""

    write: Write
    path: Path


class ExportDialog(ModalScreen[ExportOrder | None]):
    """Returns the order, or None. A file that exists is named before it is replaced."""

    CSS_PATH = "dialogs.tcss"
    DEFAULT_CSS = """
    ExportDialog {
        align: center middle; background: $background 60%;
        RadioSet { border: none; padding: 0; margin-bottom: 1; background: $surface; width: 1fr; }
        .problem { color: $warning; height: auto; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close", show=False)]

    def __init__(self, subject: str) -> None:
        """`subject`: what is exported, in words."""
        super().__init__()
        self._subject = subject
        self._confirmed: Path | None = None

    def compose(self) -> ComposeResult:
        """Formats, file and buttons."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(plain_line(f"Export {self._subject}"))
            with RadioSet(compact=True):
                for index, each in enumerate(FORMATS):
                    label = Content.assemble(f"{each.name:<10}", (f" {each.about}", "$foreground-muted"))
                    yield RadioButton(label, value=index == 0)
            yield Input(FORMATS[0].file, id="file", compact=True)
            yield Static(classes="problem")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Export", id="export", variant="primary", compact=True)

    @on(RadioSet.Changed)
    def _format_changed(self, event: RadioSet.Changed) -> None:
        file = self.query_one(Input)
        if file.value in {each.file for each in FORMATS}:
            file.value = FORMATS[event.index].file

    @on(Input.Submitted)
    @on(Button.Pressed, "#export")
    def _order(self) -> None:
        index = self.query_one(RadioSet).pressed_index
        path = Path(self.query_one(Input).value.strip()).expanduser()
        problem = self._problem(path)
        self.query_one(".problem", Static).update(Content(plain_line(problem)))
        if not problem:
            self.dismiss(ExportOrder(FORMATS[max(0, index)].write, path))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

    def _problem(self, path: Path) -> str:
        """Why the file cannot be written yet; empty if it can."""
        if not path.name or path.is_dir():
            return "Name a file."
        if not path.parent.is_dir():
            return f"There is no folder {path.parent}."
        if path.exists() and path != self._confirmed:
            self._confirmed = path
            return f"{path.name} exists. Export again to replace it."
        return ""
