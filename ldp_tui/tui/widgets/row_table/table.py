"""RowTable: a cursor over a million rows, of which only the visible pages are ever read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from ldp_tui.tui.plain import plain_line
from ldp_tui.tui.widgets.row_table.layout import cell_segments, fitted, place, row_strip, total_width
from ldp_tui.tui.widgets.row_table.pages import (
    PAGE_ROWS,
    Counted,
    News,
    PageCache,
    PageRead,
    PageReader,
    ReadFailed,
    Row,
)
from ldp_tui.tui.widgets.row_table.source import Column, RowSource

HEADER_ROWS = 1
NOT_READ = "·"


@dataclass
class TableMessage(Message):
    """What a table tells; `control` makes `@on(RowTable.Selected, "#id")` work."""

    table: RowTable

    @property
    def control(self) -> RowTable:
        """The table that sent it."""
        return self.table


class RowTable(ScrollView, can_focus=True):
    """Shows a window over a `RowSource`; rows that are not read yet show a dot, so that scrolling never waits."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-table--header",
        "row-table--header-sorted",
        "row-table--even",
        "row-table--odd",
        "row-table--cursor",
        "row-table--muted",
    }
    DEFAULT_CSS = """
    RowTable {
        width: 1fr; height: 1fr; overflow-x: auto; overflow-y: auto;
        scrollbar-size-horizontal: 1; scrollbar-size-vertical: 1;
        & > .row-table--header { color: $text-muted; text-style: bold; }
        & > .row-table--header-sorted { color: $accent; text-style: bold; }
        & > .row-table--odd { background: $foreground 4%; }
        & > .row-table--cursor { background: $foreground 15%; }
        & > .row-table--muted { color: $text-disabled; }
        &:focus > .row-table--cursor { background: $primary; color: $text; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("left,h", "shift(-8)", "Left", show=False),
        Binding("right,l", "shift(8)", "Right", show=False),
        Binding("pageup", "move_pages(-1.0)", "Page up", show=False),
        Binding("pagedown", "move_pages(1.0)", "Page down", show=False),
        Binding("ctrl+u", "move_pages(-0.5)", "Half page up", show=False),
        Binding("ctrl+d", "move_pages(0.5)", "Half page down", show=False),
        Binding("home,g", "move_to(0)", "First", show=False),
        Binding("end,G", "move_to(-1)", "Last", show=False),
        Binding("enter", "select", "Open", show=False),
    ]

    cursor = reactive(0, repaint=False, init=False)
    """The row under the cursor."""
    sort: reactive[tuple[str, bool] | None] = reactive(None)
    """Which column the rows are sorted by, and whether descending; shown in the header, nothing more."""

    @dataclass
    class Highlighted(TableMessage):
        """The cursor is on a row whose cells are known; again after a reload that changed them."""

        row: int
        cells: Row

        def can_replace(self, message: Message) -> bool:
            """A later highlight makes an unhandled earlier one moot."""
            return isinstance(message, RowTable.Highlighted) and message.table is self.table

    @dataclass
    class Selected(TableMessage):
        """A row was chosen, by enter or by two clicks."""

        row: int
        cells: Row

    @dataclass
    class SortRequested(TableMessage):
        """The title of a sortable column was clicked."""

        column: str

    @dataclass
    class Loaded(TableMessage):
        """The rows have been counted."""

        rows: int

    @dataclass
    class SourceFailed(TableMessage):
        """The source raised while counting or reading; the table shows the message until the next reload."""

        error: Exception

    def __init__(
        self,
        columns: Sequence[Column],
        source: RowSource | None = None,
        *,
        hint: str = "no rows",
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """`hint` shows where the source has no rows."""
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._source = source
        self._hint = plain_line(hint)
        self._reader: PageReader | None = None
        self._cache = PageCache()
        self._count: int | None = None
        self._failure: str | None = None
        self._announced: tuple[int, Row] | None = None
        self._passing = False
        """Whether the rows on the screen are those of the source before."""

    @property
    def row_count(self) -> int:
        """How many rows there are; 0 until they are counted."""
        return self._count or 0

    def row_at(self, row: int) -> Row | None:
        """The cells of a row, if they have been read."""
        return None if self._passing else self._cache.row(row)

    def show(self, source: RowSource, columns: Sequence[Column] | None = None) -> None:
        """Show other rows, from the top; the old ones stay in sight, but cannot be chosen, until these have come."""
        self._source = source
        if columns is not None:
            self._columns = tuple(columns)
        self._stop_reading()
        self._passing = self._count is not None
        self._cache.expire()
        self._announced = None
        self.set_reactive(RowTable.cursor, 0)
        self.scroll_to(0, 0, animate=False, force=True)
        if self.is_mounted:
            self._start_reading()
        self.refresh()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Lay the same rows out in other columns; each row has a cell for each of them."""
        self._columns = tuple(columns)
        self._measure()
        self.refresh()

    def reload(self) -> None:
        """Count and read again, for rows that changed; what is shown stays until its page has come."""
        self._cache.expire()
        self._failure = self._announced = None
        if self._reader is not None:
            self._reader.count_again()

    def on_mount(self) -> None:
        """Begin to read."""
        self._start_reading()

    def on_unmount(self) -> None:
        """Read no more."""
        self._stop_reading()

    def on_resize(self) -> None:
        """Lay the columns out for the new width, and read the rows that came into view."""
        self._measure()
        self._read_visible()

    def validate_cursor(self, row: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(row, self.row_count - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        """Draw both rows again, bring the cursor into view and tell where it is."""
        self.refresh_line(old + HEADER_ROWS)
        self.refresh_line(new + HEADER_ROWS)
        self._scroll_to_cursor()
        self._announce()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Read the rows that came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._read_visible()

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self.cursor += rows

    def action_move_pages(self, pages: float) -> None:
        """Move the cursor by the rows that fit."""
        self.cursor += round(pages * max(1, self._body_height - 1))

    def action_move_to(self, row: int) -> None:
        """Put the cursor on a row; -1 is the last."""
        self.cursor = row if row >= 0 else self.row_count + row

    def action_shift(self, columns: int) -> None:
        """Scroll sideways."""
        self.scroll_to(x=self.scroll_x + columns, animate=False)

    def action_select(self) -> None:
        """Choose the row under the cursor."""
        cells = self.row_at(self.cursor)
        if cells is not None and self.cursor < self.row_count:
            self.post_message(self.Selected(self, self.cursor, cells))

    def on_click(self, event: events.Click) -> None:
        """A title asks for sorting, a row gets the cursor, a second click chooses it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        event.stop()
        if offset.y < HEADER_ROWS:
            self._click_title(offset + Offset(self.scroll_offset.x, 0))
            return
        row = offset.y - HEADER_ROWS + self.scroll_offset.y
        if row < self.row_count:
            self.cursor = row
            if event.chain == 2:
                self.action_select()

    def render_line(self, y: int) -> Strip:
        """The header, a row, or what there is to say instead of rows."""
        width = max(self.size.width, self.virtual_size.width)
        strip = self._header(width) if y < HEADER_ROWS else self._body_line(y - HEADER_ROWS, width)
        left = self.scroll_offset.x
        return strip.crop_extend(left, left + self.size.width, self.rich_style)

    @property
    def _body_height(self) -> int:
        return max(0, self.scrollable_content_region.height - HEADER_ROWS)

    def _header(self, width: int) -> Strip:
        placed = place(self._columns, width)
        base = self.get_visual_style("row-table--header")
        sorted_style = self.get_visual_style("row-table--header-sorted")
        cells = []
        for at in placed:
            title, style = at.column.title, base
            if self.sort is not None and self.sort[0] == at.column.key:
                arrow, style = "▼" if self.sort[1] else "▲", sorted_style
                title = f"{title} {arrow}" if len(title) + 2 <= at.width else title[: at.width - 1] + arrow
            cells.append([Segment(fitted(title, at), style.rich_style)])
        return row_strip(cells, placed, width, base)

    def _body_line(self, y: int, width: int) -> Strip:
        row = y + self.scroll_offset.y
        if self._failure is not None or not self.row_count:
            return self._notice_line(y)
        if row >= self.row_count:
            return Strip.blank(width, self.rich_style)
        style = self._row_style(row)
        cells = self._cache.row(row)
        placed = place(self._columns, width)
        if cells is None:
            muted = self.get_visual_style("row-table--muted")
            dots = [
                [Segment(fitted(NOT_READ, at), (style + Style(foreground=muted.foreground)).rich_style)]
                for at in placed
            ]
            return row_strip(dots, placed, width, style)
        return row_strip([cell_segments(cells[at.index], at, style) for at in placed], placed, width, style)

    def _notice_line(self, y: int) -> Strip:
        if y != max(0, (self._body_height - 1) // 2):
            return Strip.blank(self.size.width, self.rich_style)
        notice = self._failure or (NOT_READ if self._count is None else self._hint)
        style = self.get_visual_style("row-table--muted").rich_style
        return Strip([Segment(notice, style)]).text_align(self.size.width, "center")

    def _row_style(self, row: int) -> Style:
        if row == self.cursor:
            return self.get_visual_style("row-table--cursor")
        return self.get_visual_style("row-table--odd" if row % 2 else "row-table--even")

    def _click_title(self, offset: Offset) -> None:
        for at in place(self._columns, max(self.size.width, self.virtual_size.width)):
            if at.x <= offset.x < at.x + at.width and at.column.sortable:
                self.post_message(self.SortRequested(self, at.column.key))

    def _start_reading(self) -> None:
        self._failure = None
        if self._source is not None:
            self._reader = PageReader(self._source, self._tell)

    def _stop_reading(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _tell(self, reader: PageReader, news: News) -> None:
        """Called from the reader thread; a callback may be posted from there."""
        self.call_later(self._take_in, reader, news)

    def _take_in(self, reader: PageReader, news: News) -> None:
        """Show what a reader found, unless another has taken its place."""
        if reader is not self._reader:
            return
        match news:
            case Counted(rows):
                self._count = rows
                if not rows:
                    self._let_pass()
                self._measure()
                self.set_reactive(RowTable.cursor, self.validate_cursor(self.cursor))
                self.post_message(self.Loaded(self, rows))
                self.refresh()
                self._read_visible()
            case PageRead(page, rows):
                self._let_pass()
                self._cache.put(page, rows)
                self.refresh()
                self._announce()
            case ReadFailed(error):
                self._let_pass()
                self._failure = plain_line(f"{type(error).__name__}: {error}")
                self.post_message(self.SourceFailed(self, error))
                self.refresh()

    def _let_pass(self) -> None:
        """Forget the rows of the source before."""
        if self._passing:
            self._passing = False
            self._cache.clear()

    def _measure(self) -> None:
        if self._count is not None:
            self.virtual_size = Size(total_width(self._columns), self._count + HEADER_ROWS)

    def _read_visible(self) -> None:
        """Ask for the pages in view and, after them, their neighbours."""
        if self._reader is None or not self._count:
            return
        first = self.scroll_offset.y // PAGE_ROWS
        last = min(self._count - 1, self.scroll_offset.y + max(1, self.size.height)) // PAGE_ROWS
        final = (self._count - 1) // PAGE_ROWS
        near = [*range(first, last + 1), min(final, last + 1), max(0, first - 1), self.cursor // PAGE_ROWS]
        self._reader.want(list(dict.fromkeys(self._cache.missing(near))))

    def _scroll_to_cursor(self) -> None:
        top, height = self.scroll_offset.y, self._body_height
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True)

    def _announce(self) -> None:
        cells = self.row_at(self.cursor)
        if cells is None or self._announced == (self.cursor, cells):
            return
        self._announced = self.cursor, cells
        self.post_message(self.Highlighted(self, self.cursor, cells))
