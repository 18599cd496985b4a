"""Tools: what an environment lets a player do, in words and as a model gets it, with the linter's remarks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from ldp_tui.tui.actions import bindings
from ldp_tui.tui.background import in_background
from ldp_tui.tui.importing import ONE_AT_A_TIME
from ldp_tui.tui.plain import plain, plain_line
from ldp_tui.tui.tool_words import call_words, parameter_lines, remark_lines
from ldp_tui.tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from ldp_tui.play.inspection import ToolSheet


def _sheets(environment: str) -> list[ToolSheet]:
    with ONE_AT_A_TIME:
        from ldp_tui.play.inspection import tool_sheets

    return tool_sheets(environment)


class ToolsScreen(Screen[None]):
    """The tools on the left, the one under the cursor on the right."""

    SCOPE: Literal["tools"] = "tools"
    HELP = (
        "Every tool of the environment after a reset with its default options. **Remarks** are the linter's: what a "
        "model would misread. The environment is looked at in a process of its own; `ldp-tui lint` says the same."
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("tools")]
    DEFAULT_CSS = """
    ToolsScreen #names { width: 30; }
    ToolsScreen #tool { width: 1fr; }
    ToolsScreen OptionList { height: 1fr; }
    ToolsScreen Static { height: auto; }
    ToolsScreen.-narrow #names { width: 24; }
    """

    def __init__(self, environment: str, *, sheets: Callable[[str], list[ToolSheet]] = _sheets) -> None:
        """`sheets` reads the tools, on a background thread; raises UsageError where there are none."""
        super().__init__()
        self._environment, self._read = environment, sheets
        self._sheets: Sequence[ToolSheet] = ()
        self._as_json = False

    def compose(self) -> ComposeResult:
        """The list, and the tool under its cursor."""
        yield TitleBar(f"Tools · {plain_line(self._environment)}")
        with Horizontal():
            with Vertical(classes="pane", id="names") as names:
                names.border_title = "Tools"
                yield OptionList(id="list")
            with VerticalScroll(classes="pane", id="tool") as tool:
                tool.border_title = "Description"
                yield Static(id="sheet")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Look at the environment."""
        self.query_one(OptionList).focus()
        self.action_again()

    def action_again(self) -> None:
        """Look at the environment anew."""
        self.query_one(TitleBar).state = "reading …"
        self.query_one("#sheet", Static).update(Content.styled("Looking at the environment …", "$foreground-muted"))
        in_background(self, partial(self._read, self._environment), done=self._show, failed=self._complain)

    def action_schema(self) -> None:
        """Between words and JSON."""
        self._as_json = not self._as_json
        self._show_current()

    def action_copy(self) -> None:
        """The schema of the tool under the cursor, to the clipboard."""
        if (sheet := self._current()) is not None:
            self.app.copy_to_clipboard(_json(sheet))
            self.notify(f"Schema of {plain_line(sheet.name)} copied.", markup=False)

    def _show(self, sheets: Sequence[ToolSheet]) -> None:
        self._sheets = sheets
        names = self.query_one(OptionList)
        before = names.highlighted or 0
        names.clear_options()
        names.add_options([Option(_label(sheet)) for sheet in sheets])
        if sheets:
            names.highlighted = min(before, len(sheets) - 1)
        remarks = sum(len(sheet.remarks) for sheet in sheets)
        counted = f"{len(sheets)} tool{'' if len(sheets) == 1 else 's'}"
        said = f"{remarks} remark{'' if remarks == 1 else 's'}" if remarks else "no remarks"
        self.query_one(TitleBar).state = f"{counted} · {said}"
        self._show_current()

    def _complain(self, error: Exception) -> None:
        self.query_one(TitleBar).state = "not readable"
        text = Content.assemble(("✗ ", "$error"), plain(str(error)))
        self.query_one("#sheet", Static).update(text)

    def _current(self) -> ToolSheet | None:
        at = self.query_one(OptionList).highlighted
        return self._sheets[at] if at is not None and at < len(self._sheets) else None

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._show_current()

    def _show_current(self) -> None:
        sheet = self._current()
        if sheet is None:
            if not self._sheets:
                self.query_one("#sheet", Static).update(Content.styled("It has no tools.", "$foreground-muted"))
            return
        self.query_one("#tool").border_title = "Schema" if self._as_json else "Description"
        text = Content(plain(_json(sheet))) if self._as_json else Content("\n").join(_lines(sheet))
        self.query_one("#sheet", Static).update(text)
        self.query_one("#tool", VerticalScroll).scroll_home(animate=False)


def _label(sheet: ToolSheet) -> Content:
    severities = {remark.severity for remark in sheet.remarks}
    sign = ("✗ ", "$error") if "error" in severities else ("! ", "$warning") if severities else ("  ", "")
    return Content.assemble(sign, plain_line(sheet.name))


def _json(sheet: ToolSheet) -> str:
    return json.dumps(dict(sheet.schema), indent=2, ensure_ascii=False)


def _lines(sheet: ToolSheet) -> Iterator[Content]:
    yield Content.styled(call_words(sheet.schema), "bold $accent")
    yield Content("")
    yield Content(plain(str(sheet.schema.get("description", ""))).strip())
    yield Content("")
    parameters = list(parameter_lines(sheet.schema))
    yield Content.styled("Parameters" if parameters else "No parameters", "$foreground-muted")
    yield from parameters
    yield Content("")
    yield Content.styled("Remarks", "$foreground-muted")
    if sheet.remarks:
        yield from remark_lines(sheet.remarks)
    else:
        yield Content.assemble(("✓ ", "$success"), "The linter has none.")
    if not sheet.concurrency_safe:
        yield Content("")
        yield Content("Runs alone: no other call of the same message runs beside it.")
    if sheet.source:
        yield Content("")
        yield Content.styled(plain_line(sheet.source), "$foreground-muted")
