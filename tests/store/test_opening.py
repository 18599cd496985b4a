"""Opening a database: new, existing, damaged, foreign, newer, read-only, or full."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ldp_tui.store.connect import connect_writer
from ldp_tui.store.connection import default_path, open_for_reading, open_for_writing
from ldp_tui.store.errors import (
    StoreCorrupt,
    StoreForeign,
    StoreFull,
    StoreMissing,
    StoreReadOnly,
    StoreTooNew,
)
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import AddStep
from ldp_tui.store.schema import APPLICATION_ID, SCHEMA_VERSION
from ldp_tui.store.verify import verify
from ldp_tui.store.writer import LocalWriter

from .recording import begin, database, record_episode, row


def test_new_database_is_set_up_for_durability(tmp_path: Path) -> None:
    """Page size, journal, synchronous mode, identity and version are what the store promises."""
    connection = open_for_writing(database(tmp_path)).connection
    told = {
        name: connection.execute(f"pragma {name}").fetchone()[0]
        for name in (
            "page_size",
            "journal_mode",
            "synchronous",
            "foreign_keys",
            "application_id",
            "user_version",
            "auto_vacuum",
        )
    }
    connection.close()
    assert told == {
        "page_size": 8192,
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "application_id": APPLICATION_ID,
        "user_version": SCHEMA_VERSION,
        "auto_vacuum": 2,
    }


def test_every_table_is_strict(tmp_path: Path) -> None:
    """A value of the wrong type raises at once instead of being stored as something else."""
    connection = open_for_writing(database(tmp_path)).connection
    ours = (
        "select name, strict from pragma_table_list where schema='main' and type='table' and name not like '%sqlite%'"
    )
    loose = [name for name, strict in connection.execute(ours).fetchall() if not strict]
    connection.close()
    assert loose == []


def test_migration_is_recorded(tmp_path: Path) -> None:
    """The migration table names what was applied, so that later versions go on from there."""
    connection = open_for_writing(database(tmp_path)).connection
    applied = connection.execute("select migration_set, name from _sqlite_migrations").fetchall()
    connection.close()
    assert applied == [("ldp_tui", "0001_initial"), ("ldp_tui", "0002_memories")]


def test_existing_database_opens_without_sqlite_utils(tmp_path: Path) -> None:
    """Migrations, and what they import, are loaded only when one is pending."""
    path = database(tmp_path)
    open_for_writing(path).connection.close()
    code = (
        "import sys; import ldp_tui.store; from pathlib import Path;"
        "from ldp_tui.store.connection import open_for_writing;"
        f"open_for_writing(Path({str(path)!r})).connection.close();"
        "print([m for m in ('sqlite_utils','pydantic','textual','gymnasium') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.strip() in ("[]", "['pydantic']")


def test_missing_database_is_named(tmp_path: Path) -> None:
    """Looking creates nothing, and the message says what to do."""
    with pytest.raises(StoreMissing, match="record an episode first"):
        Reader(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_folder_of_a_new_database_is_created(tmp_path: Path) -> None:
    """Recording to a path in folders that do not exist yet works."""
    path = tmp_path / "a" / "b" / "ldp.db"
    with connect_writer(path) as writer:
        record_episode(writer, "a")
    assert verify(path).ok


@pytest.mark.parametrize(
    "content", [b"This is not a database, it is text. " * 300, b"\0" * 5000], ids=["text", "zeros"]
)
def test_file_that_is_no_database_is_refused_untouched(tmp_path: Path, content: bytes) -> None:
    """Neither reading nor recording changes it."""
    path = database(tmp_path)
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match="not a database"):
        connect_writer(path)
    with pytest.raises(StoreCorrupt, match="not a database"):
        Reader(path)
    assert path.read_bytes() == content


def test_damaged_page_is_explained(tmp_path: Path) -> None:
    """Noise in the middle of the file is told as damage, never as a traceback."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        for i in range(200):
            record_episode(writer, f"e{i}")
    data = bytearray(path.read_bytes())
    for page in range(8, len(data) // 8192 - 1, 3):
        data[page * 8192 : page * 8192 + 200] = os.urandom(200)
    path.write_bytes(bytes(data))
    problems: tuple[str, ...] = ()
    with contextlib.suppress(StoreCorrupt):
        problems = verify(path).problems
        assert problems


def test_database_of_another_program_is_refused_untouched(tmp_path: Path) -> None:
    """A SQLite file that is not ours is left alone."""
    path = database(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("create table theirs(x)")
    connection.close()
    before = path.read_bytes()
    for attempt in (connect_writer, Reader):
        with pytest.raises(StoreForeign, match="another program"):
            attempt(path)
    assert path.read_bytes() == before


def test_newer_database_can_be_read_but_not_written(tmp_path: Path) -> None:
    """The message names both versions; reading works with a warning."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        record_episode(writer, "a")
    connection = sqlite3.connect(path)
    connection.execute(f"pragma user_version={SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StoreTooNew, match=f"schema {SCHEMA_VERSION + 1}, this version writes {SCHEMA_VERSION}"):
        connect_writer(path)
    with Reader(path) as reader:
        assert reader.warning is not None
        assert "newer version" in reader.warning
        assert reader.count() == 1


def test_writer_lock_is_free_again_after_a_refusal(tmp_path: Path) -> None:
    """A database that could not be opened does not stay locked."""
    path = database(tmp_path)
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(StoreCorrupt):
        connect_writer(path)
    path.unlink()
    with connect_writer(path) as writer:
        record_episode(writer, "a")


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """`folder` cannot be written; root, who may write everywhere, is nobody meanwhile."""
    folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


def test_read_only_folder_is_explained_and_can_be_read() -> None:
    """Recording is refused in words; a cleanly closed database is still browsed, with a warning."""
    with tempfile.TemporaryDirectory() as name:
        path = database(Path(name))
        with connect_writer(path) as writer:
            record_episode(writer, "a")
        with read_only(Path(name)):
            with pytest.raises(StoreReadOnly, match="choose another --db"):
                connect_writer(path)
            with Reader(path) as reader:
                assert reader.count() == 1
                assert "read-only" in (reader.warning or "")


def test_folder_that_cannot_exist_is_explained(tmp_path: Path) -> None:
    """A file where a folder should be is told as such, not as a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreReadOnly, match="choose another --db"):
        connect_writer(tmp_path / "file" / "ldp.db")


def test_full_disk_fails_the_step_and_recording_goes_on_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was acknowledged before stays; the writer says that it is stalled; with room again it goes on."""
    monkeypatch.setattr("ldp_tui.store.writer._FULL_PATIENCE_S", 0.0)
    path = database(tmp_path)
    with connect_writer(path) as writer:
        record_episode(writer, "before")
        writer._connection.execute("pragma max_page_count=1")  # SQLite clamps it to the present size
        writer.submit(begin("a"))
        ticket = 0
        with pytest.raises(StoreFull, match="free some disk space"):  # noqa: PT012
            for t in range(1, 200):
                ticket = writer.submit(AddStep("a", row(t, os.urandom(20_000).hex())))
                writer.wait(ticket, timeout=30)
        assert isinstance(writer.stalled, StoreFull)
        writer._connection.execute("pragma max_page_count=1000000")
        with Reader(path) as reader:
            kept = len(reader.steps("a")) if reader.running() else 0
        if not kept:
            writer.submit(begin("a"))
            kept = 1
        writer.wait(writer.submit(AddStep("a", row(kept, "again"))), timeout=30)
        assert writer.stalled is None
    assert verify(path).ok


def test_batch_waits_for_a_full_disk_to_be_freed(tmp_path: Path) -> None:
    """A disk that is freed in time costs nobody a step."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        record_episode(writer, "before")
        writer._connection.execute("pragma max_page_count=1")
        freed = threading.Timer(1.0, lambda: writer._connection.execute("pragma max_page_count=1000000"))
        freed.start()
        writer.submit(begin("a"))
        for t in range(1, 60):
            ticket = writer.submit(AddStep("a", row(t, os.urandom(20_000).hex())))
        writer.wait(ticket, timeout=60)
        freed.join()
    assert verify(path).steps == 3 + 59


def test_file_system_without_shared_memory_records_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where WAL is refused, as on network drives, the rollback journal serves, durably."""

    def connect(uri: str) -> sqlite3.Connection:
        return sqlite3.connect(f"{uri}&vfs=unix-dotfile", uri=True, isolation_level=None, check_same_thread=False)

    monkeypatch.setattr("ldp_tui.store.connection._connect", connect)
    path = database(tmp_path)
    with connect_writer(path) as writer:
        assert isinstance(writer, LocalWriter)
        assert "slower" in (writer.warning or "")
        record_episode(writer, "a")
        with sqlite3.connect(path) as other:
            assert other.execute("pragma journal_mode").fetchone()[0] == "delete"
        other.close()
    assert verify(path).ok


def test_default_database_follows_option_variable_folder_and_user_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first that is given decides."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LDP_TUI_DB", "/somewhere/x.db")
    assert default_path("given.db") == Path("given.db")
    assert default_path() == Path("/somewhere/x.db")
    monkeypatch.delenv("LDP_TUI_DB")
    assert default_path().name == "ldp.db"
    assert default_path().is_absolute()
    (tmp_path / "recordings").mkdir()
    assert default_path() == Path("recordings/ldp.db")


def test_odd_characters_in_the_path_are_no_options(tmp_path: Path) -> None:
    """A folder with `?`, `#`, `%` and spaces in its name holds a database like any other."""
    path = tmp_path / "50% of #1? yes" / "ldp.db"
    with connect_writer(path) as writer:
        record_episode(writer, "a")
    with Reader(path) as reader:
        assert reader.count() == 1
    assert path.exists()


def test_reader_refuses_to_write(tmp_path: Path) -> None:
    """The connection of a reader is read-only for SQLite itself."""
    path = database(tmp_path)
    open_for_writing(path).connection.close()
    connection = open_for_reading(path).connection
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("insert into meta values('x', 1)")
    connection.close()
