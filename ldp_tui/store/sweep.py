"""Episodes whose process died are closed as `interrupted`: kept, visible, and left out of exports by default."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from ldp_tui.store import chain, rollups
from ldp_tui.store.connection import transaction
from ldp_tui.store.ownership import Owner

STALE_NS: Final = 60 * 10**9
"""A process of another machine whose heartbeat is older counts as dead."""

_PROCESSES = (
    "select id, pid, boot, host, heartbeat_ns from process"
    " where id in (select process_id from episode where status='running')"
)
_LEFT_BEHIND = "select id, uid from episode where process_id=? and status='running'"


def beat(connection: sqlite3.Connection) -> None:
    """Renew the heartbeat of every living process that has a running episode."""
    alive = [process for process, owner, _ in _recording(connection) if owner.is_dead() is False]
    if alive:
        with transaction(connection):
            now = time.time_ns()
            connection.executemany(
                "update process set heartbeat_ns=? where id=?", [(now, process) for process in alive]
            )


def sweep(connection: sqlite3.Connection) -> list[str]:
    """Close what dead processes left running; returns the uids of those episodes."""
    now = time.time_ns()
    dead = [
        process
        for process, owner, heartbeat in _recording(connection)
        if owner.is_dead() or (owner.is_dead() is None and now - heartbeat > STALE_NS)
    ]
    if not dead:
        return []
    closed: list[str] = []
    with transaction(connection):
        for process in dead:
            for ep, uid in connection.execute(_LEFT_BEHIND, (process,)).fetchall():
                interrupt(connection, ep, now)
                closed.append(uid)
    return closed


def interrupt(connection: sqlite3.Connection, ep: int, now: int) -> None:
    """Close the running episode `ep`."""
    (link,) = connection.execute("select chain from step where ep=? order by t desc limit 1", (ep,)).fetchone()
    connection.execute(
        "update episode set status='interrupted', ended_ns=?, chain=? where id=?",
        (now, chain.seal(link, "interrupted", success=None, detail=None), ep),
    )
    rollups.add(connection, [ep])


def _recording(connection: sqlite3.Connection) -> list[tuple[int, Owner, int]]:
    return [
        (process, Owner(pid, boot, host), heartbeat)
        for process, pid, boot, host, heartbeat in connection.execute(_PROCESSES).fetchall()
    ]
