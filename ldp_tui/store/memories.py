"""What agents remember: rows of the table `memory`, in collections of their own names."""

from __future__ import annotations

import sqlite3
from typing import Final

from ldp_tui.store.errors import RowRejected
from ldp_tui.store.rows import MemoryRow

_COLUMNS: Final = (
    "uid, collection, query, input, output, value_json, metadata_json, run_uid, template, embedding, vector, created_ns"
)
_INSERT: Final = f"insert or ignore into memory({_COLUMNS}) values({', '.join('?' * 12)})"
_SELECT: Final = f"select id, {_COLUMNS} from memory where id>? and (?2 is null or collection=?2) order by id"


def add_memory(connection: sqlite3.Connection, row: MemoryRow) -> None:
    """Store a memory; the same one again, as after a lost acknowledgement, changes nothing.

    Raises:
        RowRejected: If another memory has its uid.
    """
    values = _values(row)
    if connection.execute(_INSERT, values).rowcount:
        return
    stored = connection.execute(f"select {_COLUMNS} from memory where uid=?", (row.uid,)).fetchone()
    if stored != values:
        raise RowRejected(f"Another memory is stored as {row.uid} already; give the new one its own uid.")


def memories(connection: sqlite3.Connection, collection: str | None, after: int) -> list[tuple[int, MemoryRow]]:
    """Memories of a collection, or of all, with their numbers, in the order of their coming; those behind `after`."""
    if connection.execute("select 1 from sqlite_master where type='table' and name='memory'").fetchone() is None:
        return []  # written by an earlier version
    return [(row[0], MemoryRow(*row[1:])) for row in connection.execute(_SELECT, (after, collection)).fetchall()]


def _values(row: MemoryRow) -> tuple[object, ...]:
    return (
        row.uid,
        row.collection,
        row.query,
        row.input,
        row.output,
        row.value,
        row.metadata,
        row.run_uid,
        row.template,
        row.embedding,
        row.vector,
        row.created_ns,
    )
