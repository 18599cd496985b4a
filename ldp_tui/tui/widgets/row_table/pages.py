"""Pages of a row source, read by a thread of their own and kept while they are near."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ldp_tui.tui.widgets.row_table.source import Cell, RowSource

PAGE_ROWS = 256
PAGES_KEPT = 64

Row = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Counted:
    """The source has this many rows."""

    rows: int


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page has come."""

    page: int
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class ReadFailed:
    """The source raised; reading stops until the next reload."""

    error: Exception


News = Counted | PageRead | ReadFailed


class PageReader:
    """Reads what is wanted now, and forgets what was wanted before: fast scrolling piles nothing up.

    `tell` is called from the reader thread. Closing does not wait for a read that blocks; its thread ends with it.
    """

    def __init__(self, source: RowSource, tell: Callable[[PageReader, News], None]) -> None:
        self._source = source
        self._tell = tell
        self._wanted: list[int] = []
        self._count_wanted = True
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="row-table-reader", daemon=True)
        self._thread.start()

    def want(self, pages: Sequence[int]) -> None:
        """Read these pages next, in this order, instead of any that were wanted before."""
        with self._changed:
            self._wanted = list(pages)
            self._changed.notify()

    def count_again(self) -> None:
        """Count the rows before reading on."""
        with self._changed:
            self._count_wanted = True
            self._changed.notify()

    def close(self) -> None:
        """Read nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while (page := self._next()) is not None:
            try:
                news = self._read(page)
            except Exception as error:  # noqa: BLE001  # whatever the source raises is told, and shown by the table
                news = ReadFailed(error)
            if not self._closed:
                self._tell(self, news)

    def _next(self) -> int | None:
        """The page to read; -1 for the count, None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._count_wanted or self._wanted)
            if self._closed:
                return None
            if self._count_wanted:
                self._count_wanted = False
                return -1
            return self._wanted.pop(0)

    def _read(self, page: int) -> News:
        if page < 0:
            return Counted(self._source.count())
        return PageRead(page, self._source.rows(page * PAGE_ROWS, (page + 1) * PAGE_ROWS))


class PageCache:
    """The pages looked at last; after `expire` they still show until they are read anew."""

    def __init__(self) -> None:
        self._pages: OrderedDict[int, Sequence[Row]] = OrderedDict()
        self._fresh: set[int] = set()

    def row(self, index: int) -> Row | None:
        """A row, if its page is here."""
        page = self._pages.get(index // PAGE_ROWS)
        offset = index % PAGE_ROWS
        return page[offset] if page is not None and offset < len(page) else None

    def put(self, page: int, rows: Sequence[Row]) -> None:
        """Keep a page, and let the one go that was put or touched longest ago."""
        self._pages[page] = rows
        self._pages.move_to_end(page)
        self._fresh.add(page)
        if len(self._pages) > PAGES_KEPT:
            oldest, _ = self._pages.popitem(last=False)
            self._fresh.discard(oldest)

    def missing(self, pages: Sequence[int]) -> list[int]:
        """Those of `pages` that are to be read; the others count as touched."""
        for page in pages:
            if page in self._pages:
                self._pages.move_to_end(page)
        return [page for page in pages if page not in self._fresh]

    def expire(self) -> None:
        """Everything is to be read anew."""
        self._fresh.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._pages.clear()
        self._fresh.clear()
