"""What agents remember: rows of the table `memory`, in collections of their own names."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple
from typing import Final

from ldp_tui.store.errors import RowRejected
from ldp_tui.store.rows import MemoryRow

_INSERT: Final = (
    "insert or ignore into memory(uid, collection, query, input, output, value_json, metadata_json, run_uid, template,"
    " embedding, vector, created_ns) values(?,?,?,?,?,?,?,?,?,?,?,?)"
)
_STORED: Final = (
    "select uid, collection, query, input, output, value_json, metadata_json, run_uid, template, embedding, vector,"
    " created_ns from memory where uid=?"
)
_BEHIND: Final = (
    "select id, uid, collection, query, input, output, value_json, metadata_json, run_uid, template, embedding, vector,"
    " created_ns from memory where id>?1 and (?2 is null or collection=?2) order by id"
)


def add_memory(connection: sqlite3.Connection, row: MemoryRow) -> None:
    """Store a memory; the same one again, as after a lost acknowledgement, changes nothing.

    Raises:
        RowRejected: If another memory has its uid.
    """
    values = astuple(row)
    if connection.execute(_INSERT, values).rowcount:
        return
    stored = connection.execute(_STORED, (row.uid,)).fetchone()
    if stored != values:
        raise RowRejected(f"Another memory is stored as {row.uid} already; give the new one its own uid.")


def memories(connection: sqlite3.Connection, collection: str | None, after: int) -> list[tuple[int, MemoryRow]]:
    """Memories of a collection, or of all, with their numbers, in the order of their coming; those behind `after`."""
    if connection.execute("select 1 from sqlite_master where type='table' and name='memory'").fetchone() is None:
        return []  # written by an earlier version
    return [(row[0], MemoryRow(*row[1:])) for row in connection.execute(_BEHIND, (after, collection)).fetchall()]
