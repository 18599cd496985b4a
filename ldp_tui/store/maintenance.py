"""Copies of databases and of episodes: backup, merge, statistics."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ldp_tui.store.connection import open_for_reading, open_for_writing, transaction
from ldp_tui.store.errors import StoreReadOnly, translate
from ldp_tui.store.index import unindexed
from ldp_tui.store.reader import Reader
from ldp_tui.store.rollups import rebuild
from ldp_tui.store.rows import AddMemory, EndEpisode
from ldp_tui.store.writer import Writer


@dataclass(frozen=True, slots=True)
class Merged:
    """What `merge` did: uids of episodes copied, those that were there already, and how many memories it copied."""

    copied: tuple[str, ...]
    present: tuple[str, ...]
    memories: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    """Size of a database; bytes of the file, of its write-ahead log, and free on the disk."""

    episodes: int
    running: int
    steps: int
    messages: int
    pictures: int
    picture_bytes: int
    unindexed: int
    file_bytes: int
    wal_bytes: int
    free_bytes: int


def backup(path: Path | str | os.PathLike[str], target: Path | str | os.PathLike[str]) -> None:
    """A consistent copy of the database at `target`, also while it is written. Never overwrites a file."""
    source, copy = Path(path), Path(target)
    if copy.exists():
        raise StoreReadOnly(f"{copy} exists already; choose another name for the backup.")
    opened = open_for_reading(source)
    partial = copy.with_name(f"{copy.name}.partial")
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        into = sqlite3.connect(partial)
        try:
            opened.connection.backup(into)
            into.execute("pragma journal_mode=delete")
        finally:
            into.close()
        partial.replace(copy)
    except sqlite3.Error as error:
        raise translate(error, copy) from error
    except OSError as error:
        raise StoreReadOnly(f"The backup {copy} cannot be written ({error}); choose another place.") from error
    finally:
        partial.unlink(missing_ok=True)
        opened.connection.close()


def copy_episode(reader: Reader, writer: Writer, key: int | str) -> int:
    """Write an episode once more, hash chain and all; returns the last ticket. Copying it twice changes nothing.

    A fork's parent must be in the target already. An episode that still runs is copied as `interrupted`.
    """
    header = reader.episode(key)
    ticket = 0
    for operation in reader.operations(header.summary.id):
        ticket = writer.submit(operation)
    if header.summary.status == "running":
        ticket = writer.submit(EndEpisode(header.summary.uid, "interrupted", header.summary.started_ns))
    return ticket


def merge(reader: Reader, writer: Writer) -> Merged:
    """Copy every episode that the target lacks, parents before forks, and every memory. Repeating it copies nothing."""
    copied: list[str] = []
    present: list[str] = []
    with Reader(writer.path) as target:
        known = set(target.uids())
        remembered = {row.uid for _, row in target.memories()}
    for uid in reader.uids():
        if uid in known:
            present.append(uid)
            continue
        writer.wait(copy_episode(reader, writer, uid))
        copied.append(uid)
    lacking = [row for _, row in reader.memories() if row.uid not in remembered]
    for row in lacking:
        writer.wait(writer.submit(AddMemory(row)))
    return Merged(tuple(copied), tuple(present), len(lacking))


def rebuild_rollups(path: Path | str | os.PathLike[str]) -> None:
    """Compute the leaderboard again from the episodes."""
    where = Path(path)
    connection = open_for_writing(where).connection
    try:
        with transaction(connection):
            rebuild(connection)
    except sqlite3.Error as error:
        raise translate(error, where) from error
    finally:
        connection.close()


def stats(path: Path | str | os.PathLike[str]) -> Stats:
    """Counts and sizes. Steps and messages come from the episodes' sums, so that it stays fast."""
    where = Path(path)
    connection = open_for_reading(where).connection
    try:
        episodes, running, steps, messages = connection.execute(
            "select count(*), coalesce(sum(status='running'), 0), coalesce(sum(n_steps), 0),"
            " coalesce(sum(n_messages), 0) from episode"
        ).fetchone()
        pictures, picture_bytes = connection.execute(
            "select count(*), coalesce(sum(length(z)), 0) from frame"
        ).fetchone()
        left = unindexed(connection)
    except sqlite3.Error as error:
        raise translate(error, where) from error
    finally:
        connection.close()
    wal = where.with_name(f"{where.name}-wal")
    return Stats(
        episodes=episodes,
        running=running,
        steps=steps,
        messages=messages,
        pictures=pictures,
        picture_bytes=picture_bytes,
        unindexed=left,
        file_bytes=where.stat().st_size,
        wal_bytes=wal.stat().st_size if wal.exists() else 0,
        free_bytes=shutil.disk_usage(where.parent).free,
    )
