"""What the store can refuse, and the one place that translates SQLite's errors.

StoreError                  root; each message says what happened and what to do
├── StoreMissing            no database at that path
├── StoreReadOnly           the file or its folder cannot be written
├── StoreFull               the disk (or the file's size limit) is full; nothing acknowledged is lost
├── StoreCorrupt            the file is damaged, or is not a database
├── StoreForeign            a database of another program
├── StoreTooNew             written by a newer version; it can still be read
├── StoreLocked             another process holds the database
├── StoreClosed             the writer was closed, or failed and said why
├── OwnerLost               the process that writes the file is gone and nobody could take its place
├── RowRejected             one operation cannot be stored; the others of its batch are
│   ├── EpisodeUnknown      it names an episode that was never begun
│   ├── EpisodeFinished     it adds to an episode that has ended
│   ├── StepOutOfOrder      it leaves a hole, or contradicts a row that is already stored
│   └── ValueRefused        a value that no column can hold (too large, not JSON)
├── SearchSyntax            a full-text query that cannot be read
└── QueryInterrupted        `Reader.interrupt` ended the query
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ldp_tui.core.errors import LdpTuiError


class StoreError(LdpTuiError):
    """The database cannot do what was asked."""


class StoreMissing(StoreError):
    """There is no database at that path."""


class StoreReadOnly(StoreError):
    """The file or its folder cannot be written."""


class StoreFull(StoreError):
    """No space is left; nothing acknowledged is lost."""


class StoreCorrupt(StoreError):
    """The file is damaged, or is not a database."""


class StoreForeign(StoreError):
    """A SQLite database, but of another program."""


class StoreTooNew(StoreError):
    """Written by a newer version of this program; it can still be read."""


class StoreLocked(StoreError):
    """Another process holds the database."""


class StoreClosed(StoreError):
    """The writer was closed, or failed earlier."""


class OwnerLost(StoreError):
    """The process that writes the file is gone and nobody could take its place."""


class RowRejected(StoreError):
    """One operation cannot be stored; the others of its batch are."""


class EpisodeUnknown(RowRejected):
    """It names an episode that was never begun."""


class EpisodeFinished(RowRejected):
    """It adds to an episode that has ended."""


class StepOutOfOrder(RowRejected):
    """It leaves a hole, or contradicts a row that is already stored."""


class ValueRefused(RowRejected):
    """A value that no column can hold."""


class SearchSyntax(StoreError):
    """A full-text query that cannot be read."""


class QueryInterrupted(StoreError):
    """`Reader.interrupt` ended the query."""


_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FULL = {sqlite3.SQLITE_FULL}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


def translate(error: sqlite3.Error, path: Path | str) -> StoreError:
    """The StoreError that tells the user what `error` means for the database at `path`."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _FULL:
        return StoreFull(f"No space left to write {path}; free some disk space and recording goes on.")
    if code in _CORRUPT:
        return StoreCorrupt(f"{path} is damaged or not a database ({error}); restore a backup or choose another --db.")
    if code in _BUSY:
        return StoreLocked(f"{path} is locked by another program; close it there and try again.")
    if code in _READ_ONLY:
        return StoreReadOnly(f"{path} cannot be written; check its permissions or choose another --db.")
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreReadOnly(f"{path} cannot be opened; check that its folder exists and can be written.")
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(f"The disk failed while using {path} ({error}); check the disk, then run a verification.")
    if code == sqlite3.SQLITE_INTERRUPT:
        return QueryInterrupted("The query was interrupted.")
    if code == sqlite3.SQLITE_TOOBIG:
        return ValueRefused("A value is larger than 1 GB, which SQLite cannot store; shorten it.")
    if code == sqlite3.SQLITE_CONSTRAINT:
        return RowRejected(f"{path} refused a row ({error}).")
    return StoreError(f"{path}: {error}")
