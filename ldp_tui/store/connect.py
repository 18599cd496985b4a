"""`connect_writer`: be the process that writes a database, or a client of the one that does."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Final

from ldp_tui.store.client import ClientWriter, Link, LocalLink, SocketLink
from ldp_tui.store.connection import Durability, Opened, open_for_writing
from ldp_tui.store.errors import StoreLocked, translate
from ldp_tui.store.lock import WriterLock, published_socket
from ldp_tui.store.server import FOLDER_PREFIX, WriterServer
from ldp_tui.store.sweep import sweep
from ldp_tui.store.writer import LocalWriter, Writer

PATIENCE_S: Final = 30.0
"""How long to look for a way to the database: opening it, and the end of another process, take a moment."""

_PAUSE_S: Final = 0.02


def connect_writer(path: Path | str | os.PathLike[str], *, durability: Durability = "full") -> Writer:
    """Open the database at `path` for recording, creating it if it is new.

    The first process writes it from a thread, and serves the others. When it ends, however it ends, one of the others
    takes its place. Raises StoreReadOnly, StoreTooNew, StoreForeign, StoreCorrupt, or StoreLocked after half a minute.
    """
    where = Path(path)
    way = _reach(where, durability)
    if isinstance(way, LocalWriter):
        return way

    def rejoin() -> Link:
        found = _reach(where, durability)
        return LocalLink(found) if isinstance(found, LocalWriter) else found

    return ClientWriter(where, way, rejoin)


class OwningWriter(LocalWriter):
    """A LocalWriter that holds the database's lock and serves other processes."""

    def __init__(self, path: Path, opened: Opened, lock: WriterLock) -> None:
        self._lock_file = lock
        self._server: WriterServer | None = None
        super().__init__(path, opened, on_close=self._release)
        try:
            self._server = WriterServer(self)
        except BaseException:
            super().close()
            raise
        lock.publish(self._server.socket)

    def close(self) -> None:
        """Send the clients away, commit what is queued, then let go of the lock."""
        if self._server is not None:
            self._server.stop()
        super().close()

    def _release(self) -> None:
        if self._server is not None:
            self._server.stop()
        self._lock_file.release()


def _reach(path: Path, durability: Durability) -> LocalWriter | SocketLink:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        lock = WriterLock.take(path)
        if lock is not None:
            return _own(path, lock, durability)
        socket = published_socket(path)
        if socket is not None:
            with contextlib.suppress(OSError):  # its process is about to end, or has only just begun
                return SocketLink(socket)
        if time.monotonic() > deadline:
            raise StoreLocked(f"Another process holds {path} and does not answer; end it, or choose another --db.")
        time.sleep(_PAUSE_S)


def _own(path: Path, lock: WriterLock, durability: Durability) -> LocalWriter:
    try:
        _clear_away(published_socket(path))
        opened = open_for_writing(path, durability=durability)
        try:
            sweep(opened.connection)
        except BaseException:
            opened.connection.close()
            raise
    except sqlite3.Error as error:
        lock.release()
        raise translate(error, path) from error
    except BaseException:
        lock.release()
        raise
    return OwningWriter(path, opened, lock)


def _clear_away(socket: Path | None) -> None:
    """Remove the folder that a killed process left behind."""
    if socket is not None and socket.parent.name.startswith(FOLDER_PREFIX):
        shutil.rmtree(socket.parent, ignore_errors=True)
