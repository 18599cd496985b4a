"""A store connection that a table's reader thread opens when it first reads, and that any thread may close."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ldp_tui.store.errors import StoreClosed
from ldp_tui.store.reader import Reader


class LazyReader:
    """Opened by the first `get`, so that nothing is read on the thread that makes it."""

    def __init__(self, open_reader: Callable[[], Reader]) -> None:
        self._open = open_reader
        self._reader: Reader | None = None
        self._closed = False
        self._guard = threading.Lock()

    def get(self) -> Reader:
        """The connection. Raises StoreClosed after `close`, and whatever opening it raises."""
        with self._guard:
            if self._closed:
                raise StoreClosed("The list is closed.")
            if self._reader is None:
                self._reader = self._open()
            return self._reader

    def interrupt(self) -> None:
        """End the query that another thread is running, if any."""
        with self._guard:
            if self._reader is not None:
                self._reader.interrupt()

    def close(self) -> None:
        """Interrupt what is being read, and read no more."""
        with self._guard:
            self._closed = True
            reader = self._reader
        if reader is not None:
            reader.interrupt()
            reader.close()
