"""Episodes whose process died are closed as `interrupted`: kept, visible, and left out of exports by default."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from ldp_tui.store import chain, rollups
from ldp_tui.store.connection import transaction
from ldp_tui.store.ownership import Owner

STALE_NS: Final = 60 * 10**9
"""A run of another machine whose heartbeat is older counts as dead."""

_RUNS = (
    "select distinct run.id, owner_pid, owner_boot, host, heartbeat_ns from episode join run on run.id=episode.run_id"
    " where status='running'"
)


def beat(connection: sqlite3.Connection) -> None:
    """Renew the heartbeat of every run that has a running episode and a living owner."""
    alive = [run for run, owner, _ in _running(connection) if owner.is_dead() is False]
    if alive:
        with transaction(connection):
            now = time.time_ns()
            connection.executemany("update run set heartbeat_ns=? where id=?", [(now, run) for run in alive])


def sweep(connection: sqlite3.Connection) -> list[str]:
    """Close what dead processes left running; returns the uids of those episodes."""
    now = time.time_ns()
    dead = [
        run
        for run, owner, heartbeat in _running(connection)
        if owner.is_dead() or (owner.is_dead() is None and now - heartbeat > STALE_NS)
    ]
    if not dead:
        return []
    closed: list[str] = []
    with transaction(connection):
        for run in dead:
            found = connection.execute(
                "select id, uid from episode where run_id=? and status='running'", (run,)
            ).fetchall()
            for ep, uid in found:
                interrupt(connection, ep, now)
                closed.append(uid)
            connection.execute("update run set ended_ns=coalesce(ended_ns, heartbeat_ns) where id=?", (run,))
    return closed


def interrupt(connection: sqlite3.Connection, ep: int, now: int) -> None:
    """Close the running episode `ep`."""
    (link,) = connection.execute("select chain from step where ep=? order by t desc limit 1", (ep,)).fetchone()
    connection.execute(
        "update episode set status='interrupted', ended_ns=?, chain=? where id=?",
        (now, chain.seal(link, "interrupted", success=None, detail=None), ep),
    )
    rollups.add(connection, ep)


def _running(connection: sqlite3.Connection) -> list[tuple[int, Owner, int]]:
    return [
        (run, Owner(pid or 0, boot or "", host or ""), heartbeat or 0)
        for run, pid, boot, host, heartbeat in connection.execute(_RUNS).fetchall()
    ]
