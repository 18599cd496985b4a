"""Opening a database: where it is, how it is set up, and what may be done with it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from ldp_tui.store.errors import StoreForeign, StoreMissing, StoreReadOnly, StoreTooNew, translate
from ldp_tui.store.schema import APPLICATION_ID, PAGE_SIZE, SCHEMA_VERSION

Durability = Literal["full", "normal"]
"""`full`: what is acknowledged survives a power cut; `normal`: a kill, but a power cut takes the last seconds."""

_WAL_LIMIT: Final = 64 * 2**20
_PATIENCE_S: Final = 30.0
_NO_SHARED_MEMORY: Final = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""How SQLite refuses a WAL database in a folder where it cannot create the `-shm` file."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection and what to tell the user about it: `warning` is None in the usual case."""

    connection: sqlite3.Connection
    warning: str | None = None


def default_path(db: str | os.PathLike[str] | None = None) -> Path:
    """`db`, else $LDP_TUI_DB, else ./recordings/ldp.db where that folder exists, else the user-data folder."""
    if db:
        return Path(db).expanduser()
    if named := os.environ.get("LDP_TUI_DB"):
        return Path(named).expanduser()
    local = Path("recordings")
    if local.is_dir():
        return local / "ldp.db"
    import platformdirs  # only this last resort needs it

    return Path(platformdirs.user_data_dir("ldp-tui")) / "ldp.db"


def open_for_writing(path: Path, *, durability: Durability = "full") -> Opened:
    """Create or open the database, bring its schema up to date, and check that it is ours and not newer.

    On a file system that refuses WAL the rollback journal is used and `warning` says so.
    """
    _refuse_folder(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(f"file:{quote(str(path))}?mode=rwc")
    except OSError as error:
        raise StoreReadOnly(f"The folder {path.parent} cannot be created ({error}); choose another --db.") from error
    except sqlite3.Error as error:
        raise translate(error, path) from error
    try:
        warning = _prepare(connection, path, durability)
    except sqlite3.Error as error:
        connection.close()
        raise translate(error, path) from error
    except BaseException:
        connection.close()
        raise
    return Opened(connection, warning)


def open_for_reading(path: Path) -> Opened:
    """Open an existing database read-only, of this or a newer version.

    In a folder that cannot be written, a cleanly closed database is opened as immutable.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreMissing(
            f"There is no database at {path}; record an episode first, or name another with --db."
        ) from error
    except OSError as error:
        raise StoreReadOnly(f"{path} cannot be opened ({error.strerror}); check its permissions.") from error
    _refuse_folder(path)
    uri = f"file:{quote(str(path))}?mode=ro"
    try:
        return _read_only(uri, path)
    except sqlite3.Error as error:
        wal = path.with_name(f"{path.name}-wal")
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NO_SHARED_MEMORY or wal.exists():
            raise translate(error, path) from error
    try:
        opened = _read_only(uri + "&immutable=1", path)
    except sqlite3.Error as error:
        raise translate(error, path) from error
    return Opened(
        opened.connection, opened.warning or f"{path.parent} is read-only: new recordings will not show here."
    )


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK when the body raises."""
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise StoreForeign(f"{path} is a folder; name a file with --db.")


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, uri=True, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False, cached_statements=256
    )


def _read_only(uri: str, path: Path) -> Opened:
    connection = _connect(uri)
    try:
        connection.execute("pragma query_only=on")
        connection.execute("pragma cache_size=-8000")
        connection.execute("pragma temp_store=memory")
        version = _identify(connection, path)
    except BaseException:
        connection.close()
        raise
    if version == 0:
        connection.close()
        raise StoreMissing(f"{path} is empty; record an episode first, or name another with --db.")
    if version > SCHEMA_VERSION:
        return Opened(connection, f"{path} was written by a newer version: it can be read, not written.")
    return Opened(connection)


def _identify(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version; 0 for an empty file. Raises StoreForeign for somebody else's database."""
    version = int(connection.execute("pragma user_version").fetchone()[0])
    application = connection.execute("pragma application_id").fetchone()[0]
    empty = connection.execute("select count(*) from sqlite_master").fetchone()[0] == 0
    if not empty and application != APPLICATION_ID:
        raise StoreForeign(f"{path} is a database of another program; choose another --db.")
    return 0 if empty else version


def _prepare(connection: sqlite3.Connection, path: Path, durability: Durability) -> str | None:
    version = _identify(connection, path)
    if version > SCHEMA_VERSION:
        raise StoreTooNew(
            f"{path} has schema {version}, this version writes {SCHEMA_VERSION}: update ldp-tui, or only read it."
        )
    if version == 0:
        connection.execute(f"pragma page_size={PAGE_SIZE}")
        connection.execute("pragma auto_vacuum=incremental")
    warning = _journal(connection, path)
    connection.execute(f"pragma synchronous={durability}")
    connection.execute("pragma foreign_keys=on")
    connection.execute(f"pragma journal_size_limit={_WAL_LIMIT}")
    connection.execute("pragma cache_size=-32000")
    connection.execute("pragma temp_store=memory")
    if version < SCHEMA_VERSION:
        _migrate(connection)
    return warning


def _journal(connection: sqlite3.Connection, path: Path) -> str | None:
    mode = connection.execute("pragma journal_mode=wal").fetchone()[0]
    if mode == "wal":
        return None
    connection.execute("pragma journal_mode=delete")
    return f"{path} is on a file system without shared memory (a network drive?): recording works, but slower."


def _migrate(connection: sqlite3.Connection) -> None:
    from ldp_tui.store.migrations import migrate  # sqlite_utils is only needed when something is pending

    with transaction(connection):
        if connection.execute("pragma user_version").fetchone()[0] < SCHEMA_VERSION:
            migrate(connection)
    connection.execute("pragma wal_checkpoint(truncate)")
