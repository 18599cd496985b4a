"""The steps from one schema version to the next. Additive only: new tables, columns and indexes."""

from __future__ import annotations

import sqlite3
import time

from sqlite_utils import Database, Migrations

from ldp_tui.store.schema import APPLICATION_ID, INITIAL, MEMORIES, SCHEMA_VERSION, statements

_MIGRATIONS = Migrations("ldp_tui")


@_MIGRATIONS(name="0001_initial")
def _initial(database: Database) -> None:
    for statement in statements(INITIAL):
        database.conn.execute(statement)
    created: tuple[tuple[str, str | int], ...] = (
        ("created_ns", time.time_ns()),
        ("hash", "blake2b-16"),
        ("fts_upto", 0),
        ("min_reader", 1),
    )
    database.conn.executemany("insert into meta(k, v) values(?, ?)", created)


@_MIGRATIONS(name="0002_memories")
def _memories(database: Database) -> None:
    for statement in statements(MEMORIES):
        database.conn.execute(statement)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to SCHEMA_VERSION. The caller holds BEGIN IMMEDIATE, so that processes take turns."""
    _MIGRATIONS.apply(Database(connection, recursive_triggers=False))
    connection.execute(f"pragma application_id={APPLICATION_ID}")
    connection.execute(f"pragma user_version={SCHEMA_VERSION}")
