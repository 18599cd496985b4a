"""Forks share rows: an episode's rows before its own first one are those of its parent, up the line."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from ldp_tui.store.errors import StoreCorrupt


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows `start <= t < stop` are stored under episode `ep`."""

    ep: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the rows that a fork shares add up to, and the chain hash of the last of them (empty: it shares none)."""

    n_messages: int
    ret: float
    ret_x: str | None
    tokens_in: int
    tokens_out: int
    cost_usd: float
    chain: bytes


_NOTHING = Inherited(0, 0.0, None, 0, 0, 0.0, b"")

_SUMS = (
    "select coalesce(sum(reward) filter(where abs(reward)<1e100), 0.0),"
    " max(coalesce(reward_x, iif(abs(reward)>=1e100, 'huge', null))), coalesce(sum(tokens_in), 0),"
    " coalesce(sum(tokens_out), 0), coalesce(sum(cost_usd) filter(where abs(cost_usd)<1e100), 0.0)"
    " from step where ep=? and t>=? and t<?"
)


def segments(connection: sqlite3.Connection, ep: int, start: int, stop: int) -> list[Segment]:
    """Where rows `start <= t < stop` of episode `ep` are stored, oldest first. Empty segments are left out."""
    found: list[Segment] = []
    while stop > start:
        row = connection.execute("select first_t, parent_id from episode where id=?", (ep,)).fetchone()
        if row is None:
            raise StoreCorrupt(f"Episode {ep}, from which another one forks, is missing; restore a backup.")
        first, parent = row
        if first < stop:
            found.append(Segment(ep, max(first, start), stop))
        stop = min(stop, first)
        if parent is None:
            break
        ep = parent
    return found[::-1]


def inherited(connection: sqlite3.Connection, parent: int, stop: int) -> Inherited:
    """Sums over the rows `t < stop` of episode `parent`."""
    shared = segments(connection, parent, 0, stop)
    if not shared:
        return _NOTHING
    messages, ret, ret_x, tokens_in, tokens_out, cost = 0, 0.0, None, 0, 0, 0.0
    for segment in shared:
        bounds = (segment.ep, segment.start, segment.stop)
        sums = connection.execute(_SUMS, bounds).fetchone()
        counted = connection.execute("select count(*) from message where ep=? and t>=? and t<?", bounds).fetchone()
        messages, ret, ret_x = messages + counted[0], ret + sums[0], ret_x or sums[1]
        tokens_in, tokens_out, cost = tokens_in + sums[2], tokens_out + sums[3], cost + sums[4]
    last = connection.execute("select chain from step where ep=? and t=?", (shared[-1].ep, stop - 1)).fetchone()
    return Inherited(messages, ret, ret_x, tokens_in, tokens_out, cost, b"" if last is None else last[0])
