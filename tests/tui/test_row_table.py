import threading
from collections.abc import Sequence

import pytest
from textual import on
from textual.app import App, ComposeResult
from textual.content import Content
from textual.message import Message

from ldp_tui.tui.widgets.row_table import Cell, Column, RowTable

COLUMNS = [
    Column("uid", "", 0),
    Column("env", "environment", 12, sortable=True),
    Column("return", "return", 8, align="right", sortable=True),
    Column("note", "note", 6, grow=True),
]


class Numbered:
    """Rows made from their number; reading waits while `gate` is closed."""

    def __init__(self, rows: int, *, gate: threading.Event | None = None) -> None:
        self.total = rows
        self.gate = gate
        self.read: list[tuple[int, int]] = []
        self.threads: set[str] = set()

    def count(self) -> int:
        return self.total

    def rows(self, start: int, stop: int) -> Sequence[Sequence[Cell]]:
        if self.gate is not None:
            self.gate.wait(10)
        self.read.append((start, stop))
        self.threads.add(threading.current_thread().name)
        return [(f"uid-{row}", f"env-{row}", float(row), f"note {row}") for row in range(start, min(stop, self.total))]


class Broken(Numbered):
    def rows(self, start: int, stop: int) -> Sequence[Sequence[Cell]]:
        raise OSError("disk is [gone]")


class OneTable(App[None]):
    def __init__(self, source: Numbered, columns: Sequence[Column] = COLUMNS) -> None:
        super().__init__()
        self.source = source
        self.columns = columns
        self.heard: list[Message] = []

    def compose(self) -> ComposeResult:
        yield RowTable(self.columns, self.source, id="rows")

    @on(RowTable.Highlighted, "#rows")
    @on(RowTable.Selected, "#rows")
    @on(RowTable.SortRequested, "#rows")
    @on(RowTable.SourceFailed, "#rows")
    def hear(self, message: Message) -> None:
        self.heard.append(message)

    @property
    def table(self) -> RowTable:
        return self.query_one(RowTable)

    def rows(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]

    def heard_of(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.heard if isinstance(message, kind)]


async def until(pilot, condition) -> None:
    """Let the app work until a reader thread's news has arrived; the test's own limit bounds it."""
    for _ in range(500):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(f"still: {pilot.app.rows()}")


async def read(pilot) -> None:
    await until(pilot, lambda: any("env-" in row for row in pilot.app.rows()))


async def test_first_rows() -> None:
    """Titles and rows stand in their columns, numbers at the right, hidden columns not at all."""
    async with OneTable(Numbered(3)).run_test(size=(40, 5)) as pilot:
        await read(pilot)
        assert pilot.app.rows() == [
            " environment     return  note",
            " env-0              0.0  note 0",
            " env-1              1.0  note 1",
            " env-2              2.0  note 2",
            "",
        ]


async def test_a_million_rows() -> None:
    """Only pages near the view are read, by a thread that is not the app's."""
    source = Numbered(1_000_000)
    async with OneTable(source).run_test(size=(40, 10)) as pilot:
        await read(pilot)
        pilot.app.table.focus()
        await pilot.press("G")
        await until(pilot, lambda: "env-999999" in pilot.app.rows()[9])
        assert len(source.read) <= 6
        assert source.threads == {"row-table-reader"}


async def test_rows_not_read_yet() -> None:
    """Dots stand for them and the cursor moves on; the rows come when they are read."""
    gate = threading.Event()
    async with OneTable(Numbered(1000, gate=gate)).run_test(size=(40, 4)) as pilot:
        await until(pilot, lambda: "·" in pilot.app.rows()[1] and pilot.app.table.row_count)
        pilot.app.table.focus()
        await pilot.press("j", "j")
        assert pilot.app.table.cursor == 2
        assert not pilot.app.heard_of(RowTable.Highlighted)
        gate.set()
        await until(pilot, lambda: pilot.app.heard_of(RowTable.Highlighted))
        assert pilot.app.heard[-1].cells[0] == "uid-2"


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        (["j", "down", "k"], 1),
        (["G"], 99),
        (["G", "g"], 0),
        (["pagedown"], 3),
        (["end", "up", "pageup"], 95),
        (["k"], 0),
    ],
)
async def test_keys(keys: list[str], row: int) -> None:
    """They move the cursor and stop at the ends; the row under it is visible and told."""
    async with OneTable(Numbered(100)).run_test(size=(40, 5)) as pilot:
        await read(pilot)
        pilot.app.table.focus()
        await pilot.press(*keys)
        await pilot.pause()
        assert pilot.app.table.cursor == row
        assert any(f" env-{row} " in line for line in pilot.app.rows())
        assert pilot.app.heard_of(RowTable.Highlighted)[-1].row == row


async def test_enter() -> None:
    """It selects the row with all its cells, hidden ones too."""
    async with OneTable(Numbered(9)).run_test(size=(40, 5)) as pilot:
        await read(pilot)
        pilot.app.table.focus()
        await pilot.press("down", "enter")
        (selected,) = pilot.app.heard_of(RowTable.Selected)
        assert (selected.row, selected.cells[0]) == (1, "uid-1")


async def test_click_and_second_click() -> None:
    """The first puts the cursor there, the second selects."""
    async with OneTable(Numbered(9)).run_test(size=(40, 5)) as pilot:
        await read(pilot)
        await pilot.click(RowTable, offset=(5, 3))
        assert pilot.app.table.cursor == 2
        assert not pilot.app.heard_of(RowTable.Selected)
        await pilot.click(RowTable, offset=(5, 3), times=2)
        assert pilot.app.heard_of(RowTable.Selected)[-1].row == 2


async def test_click_on_a_title() -> None:
    """A sortable column asks to be sorted; another does not; the sorted one shows an arrow."""
    async with OneTable(Numbered(9)).run_test(size=(40, 5)) as pilot:
        await read(pilot)
        await pilot.click(RowTable, offset=(18, 0))
        await pilot.click(RowTable, offset=(26, 0))
        assert [message.column for message in pilot.app.heard_of(RowTable.SortRequested)] == ["return"]
        pilot.app.table.sort = ("return", True)
        await pilot.pause()
        assert "return ▼" in pilot.app.rows()[0]


async def test_scrolled_without_keys() -> None:
    """The cursor stays where it was; a key brings it back into view."""
    async with OneTable(Numbered(100)).run_test(size=(40, 5)) as pilot:
        await read(pilot)
        pilot.app.table.focus()
        pilot.app.table.scroll_to(y=50, animate=False)
        await until(pilot, lambda: "env-50" in pilot.app.rows()[1])
        assert pilot.app.table.cursor == 0
        await pilot.press("j")
        assert pilot.app.rows()[1].startswith(" env-1 ")


async def test_narrow_terminal() -> None:
    """Columns keep their widths and scroll sideways, titles with them."""
    async with OneTable(Numbered(3)).run_test(size=(20, 6)) as pilot:
        await read(pilot)
        assert pilot.app.rows()[:2] == [" environment     ret", " env-0"]
        pilot.app.table.focus()
        await pilot.press("l")
        await pilot.pause()
        assert pilot.app.rows()[:2] == ["ment     return  not", "            0.0  not"]


async def test_long_wide_and_hostile_cells() -> None:
    """They are cut with an ellipsis at their width, on one line, as plain text; a Content keeps its style."""

    class Cells(Numbered):
        def rows(self, start: int, stop: int) -> Sequence[Sequence[Cell]]:
            return [
                ("", "[red]a\nb\x1b[0m long", None, Content.styled("bad", "bold")),
                ("", "中文中文中文中文", -2, "x"),
            ]

    async with OneTable(Cells(2)).run_test(size=(40, 4)) as pilot:
        await until(pilot, lambda: "中" in pilot.app.rows()[2])
        first, second = pilot.app.rows()[1:3]
        assert first == " [red]a b␛[0…            bad"
        assert second == " 中文中文中 …        −2  x"
        styled = [segment for segment in pilot.app.screen._compositor.render_strips()[1] if segment.text == "bad"]
        assert styled[0].style.bold


async def test_reload_after_rows_were_added() -> None:
    """The new rows appear and the cursor stays."""
    source = Numbered(3)
    async with OneTable(source).run_test(size=(40, 8)) as pilot:
        await read(pilot)
        pilot.app.table.focus()
        await pilot.press("down")
        source.total = 5
        pilot.app.table.reload()
        await until(pilot, lambda: "env-4" in pilot.app.rows()[5])
        assert pilot.app.table.cursor == 1


async def test_reload_after_rows_were_deleted() -> None:
    """The cursor goes to the last row that is left, and it is visible."""
    source = Numbered(600)
    async with OneTable(source).run_test(size=(40, 8)) as pilot:
        await read(pilot)
        pilot.app.table.focus()
        await pilot.press("G")
        await until(pilot, lambda: "env-599" in pilot.app.rows()[7])
        source.total = 4
        pilot.app.table.reload()
        await until(pilot, lambda: "env-3" in pilot.app.rows()[4] and pilot.app.rows()[5] == "")
        assert pilot.app.table.cursor == 3
        assert pilot.app.heard_of(RowTable.Highlighted)[-1].row == 3


async def test_another_source() -> None:
    """Its rows replace the old ones, from the top."""
    async with OneTable(Numbered(300)).run_test(size=(40, 4)) as pilot:
        await read(pilot)
        pilot.app.table.focus()
        await pilot.press("G")
        pilot.app.table.show(Numbered(2))
        await until(pilot, lambda: pilot.app.rows()[3] == "" and "env-1" in pilot.app.rows()[2])
        assert pilot.app.table.cursor == 0


async def test_another_source_that_takes_long() -> None:
    """The old rows stay in sight but cannot be chosen; then the new ones take their place."""
    gate = threading.Event()
    async with OneTable(Numbered(100)).run_test(size=(40, 5)) as pilot:
        await read(pilot)
        pilot.app.table.focus()
        pilot.app.table.show(Numbered(7, gate=gate))
        await until(pilot, lambda: pilot.app.table.row_count == 7)
        await pilot.press("down", "enter")
        assert "env-1" in pilot.app.rows()[2]
        assert pilot.app.table.row_at(1) is None
        assert not pilot.app.heard_of(RowTable.Selected)
        gate.set()
        await until(pilot, lambda: pilot.app.table.row_at(1) is not None)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.heard_of(RowTable.Selected))


async def test_no_rows() -> None:
    """The hint says so; keys do nothing."""
    async with OneTable(Numbered(0)).run_test(size=(40, 5)) as pilot:
        await until(pilot, lambda: any("no rows" in row for row in pilot.app.rows()))
        pilot.app.table.focus()
        await pilot.press("j", "G", "enter", "pageup")
        assert pilot.app.heard == []


async def test_source_that_fails() -> None:
    """Its message is shown as plain text and told."""
    async with OneTable(Broken(3)).run_test(size=(40, 5)) as pilot:
        await until(pilot, lambda: any("OSError: disk is [gone]" in row for row in pilot.app.rows()))
        assert isinstance(pilot.app.heard_of(RowTable.SourceFailed)[0].error, OSError)


async def test_app_that_ends_while_a_read_blocks() -> None:
    """It ends at once; the reader thread goes with its read."""
    gate = threading.Event()
    async with OneTable(Numbered(10, gate=gate)).run_test(size=(40, 5)) as pilot:
        await until(pilot, lambda: pilot.app.table.row_count)
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "row-table-reader":
            thread.join(5)
            assert not thread.is_alive()
