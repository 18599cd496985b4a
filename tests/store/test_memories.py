from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from ldp_tui.store import AddMemory, MemoryRow, Reader, connect_writer, merge
from ldp_tui.store.connection import open_for_writing, transaction
from ldp_tui.store.errors import RowRejected, ValueRefused
from ldp_tui.store.schema import APPLICATION_ID, INITIAL, SCHEMA_VERSION, statements
from ldp_tui.store.verify import verify
from ldp_tui.store.wire import pack_operation, unpack_operation
from tests.store.recording import record_episode

KEY = "sk-canary0123456789abcdefghij"


def memory(uid: str, collection: str = "taxi", **changes: object) -> MemoryRow:
    row = MemoryRow(
        uid, collection, "where?", "where?", "north", "1.5", "{}", None, "{input}", "sparse-2", b"\0\0\x80?" * 2, 7
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def test_kept(tmp_path: Path) -> None:
    """Memories are on disk when acknowledged, whole, in order, by collection, and the newest can be asked for alone."""
    rows = [memory("a"), memory("b", "maze", vector=None, embedding=None), memory("c", run_uid="run", value='"good"')]
    with connect_writer(tmp_path / "m.db") as writer:
        for row in rows:
            writer.wait(writer.submit(AddMemory(row)))
        with Reader(tmp_path / "m.db") as reader:
            numbered = reader.memories()
            assert [row for _, row in numbered] == rows
            assert [row.uid for _, row in reader.memories("taxi")] == ["a", "c"]
            assert [row.uid for _, row in reader.memories("taxi", after=numbered[0][0])] == ["c"]
            assert reader.memories("nothing") == []


def test_added_twice(tmp_path: Path) -> None:
    """The same memory again changes nothing, as after a lost acknowledgement; another one of its uid is refused."""
    with connect_writer(tmp_path / "m.db") as writer:
        for _ in range(2):
            writer.wait(writer.submit(AddMemory(memory("a"))))
        with pytest.raises(RowRejected, match="own uid"):
            writer.wait(writer.submit(AddMemory(memory("a", output="south"))))
        with pytest.raises(ValueRefused, match="wrong type"):
            writer.wait(writer.submit(AddMemory(memory("b", query=3))))
        record_episode(writer, "episode")
    with Reader(tmp_path / "m.db") as reader:
        assert [row.uid for _, row in reader.memories()] == ["a"]
    assert verify(tmp_path / "m.db").ok


def test_without_secrets(tmp_path: Path) -> None:
    """Keys in whatever an agent remembers do not reach the disk, from this process or another."""
    told = memory("a", query=f"use {KEY}", input=KEY, output=KEY, metadata=f'{{"k": "{KEY}"}}', collection=f"c {KEY}")
    with connect_writer(tmp_path / "m.db") as writer, connect_writer(tmp_path / "m.db") as client:
        writer.wait(writer.submit(AddMemory(told)))
        client.wait(client.submit(AddMemory(replace(told, uid="b"))))
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.iterdir())
    with Reader(tmp_path / "m.db") as reader:
        assert [row.uid for _, row in reader.memories()] == ["a", "b"]


def test_between_processes() -> None:
    """The operation survives its way through the socket."""
    operation = AddMemory(memory("a"))
    assert unpack_operation(pack_operation(operation)) == operation


def test_merged(tmp_path: Path) -> None:
    """Merging copies the memories that the target lacks, once."""
    with connect_writer(tmp_path / "one.db") as one, connect_writer(tmp_path / "two.db") as two:
        for writer, uid in ((one, "a"), (one, "b"), (two, "b")):
            writer.wait(writer.submit(AddMemory(memory(uid))))
        with Reader(tmp_path / "one.db") as reader:
            assert merge(reader, two).memories == 1
            assert merge(reader, two).memories == 0
        with Reader(tmp_path / "two.db") as reader:
            assert [row.uid for _, row in reader.memories()] == ["b", "a"]


def first_version(path: Path) -> None:
    """A database as the first version of the schema left it."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements(INITIAL):
        connection.execute(statement)
    connection.execute("create table _sqlite_migrations(migration_set text, name text, applied_at text)")
    connection.execute("insert into _sqlite_migrations values('ldp_tui', '0001_initial', '2026-01-01')")
    connection.execute(f"pragma application_id={APPLICATION_ID}")
    connection.execute("pragma user_version=1")
    connection.close()


def test_database_of_the_first_version(tmp_path: Path) -> None:
    """It is read as one without memories, and gets its table when it is next written."""
    path = tmp_path / "old.db"
    first_version(path)
    with Reader(path) as reader:
        assert reader.memories() == []

    connection = open_for_writing(path).connection
    try:
        assert connection.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
        with transaction(connection):
            assert connection.execute("select count(*) from memory").fetchone() == (0,)
    finally:
        connection.close()
