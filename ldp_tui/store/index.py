"""Full-text indexing, later and in slices: on the write path it would cost 18 times the write itself."""

from __future__ import annotations

import sqlite3
from typing import Final

from ldp_tui.store.connection import transaction

SLICE: Final = 2_000
"""Messages per transaction, about 30 ms."""

INDEXED: Final = 65_536
"""Characters of a message that are searched."""

_UPTO = "select coalesce((select v from meta where k='fts_upto'), 0)"


def indexed_upto(connection: sqlite3.Connection) -> int:
    """The id of the newest message that full-text search knows."""
    return int(connection.execute(_UPTO).fetchone()[0])


def unindexed(connection: sqlite3.Connection) -> int:
    """How many message ids are not indexed yet."""
    newest = connection.execute("select coalesce(max(id), 0) from message").fetchone()[0]
    return max(0, int(newest) - indexed_upto(connection))


def index_slice(connection: sqlite3.Connection, size: int = SLICE) -> int:
    """Index the next `size` messages in one transaction; returns how many ids it went over (0: all are indexed)."""
    newest = connection.execute("select coalesce(max(id), 0) from message").fetchone()[0]
    if newest <= indexed_upto(connection):
        return 0
    with transaction(connection):
        done = indexed_upto(connection)
        upto = min(done + size, newest)
        connection.execute(
            "insert into message_fts(rowid, content) select id, substr(content, 1, ?) from message"
            " where id>? and id<=? and content is not null",
            (INDEXED, done, upto),
        )
        connection.execute(
            "insert into meta(k, v) values('fts_upto', ?) on conflict do update set v=excluded.v", (upto,)
        )
    return int(upto - done)
