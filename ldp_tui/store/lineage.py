"""Forks share rows: an episode's rows before its own first one are those of its parent, up the line."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from ldp_tui.store.errors import EpisodeUnknown, StoreCorrupt
from ldp_tui.store.results import EpisodeNode


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


_TREE = (
    "with recursive up(id, parent_id) as (select id, parent_id from episode where id=?"
    " union all select e.id, e.parent_id from episode e join up on e.id=up.parent_id),"
    " tree(id, level) as (select id, 0 from up where parent_id is null"
    " union all select e.id, tree.level+1 from episode e join tree on e.parent_id=tree.id)"
    " select e.id, e.uid, e.parent_id, e.fork_t, tree.level, e.status, e.n_steps, e.ret, e.success, e.detail"
    " from tree join episode e on e.id=tree.id order by e.id"
)


def tree(connection: sqlite3.Connection, ep: int) -> EpisodeNode:
    """The root of the tree of forks that episode `ep` belongs to. Raises EpisodeUnknown."""
    rows = connection.execute(_TREE, (ep,)).fetchall()
    if not rows:
        raise EpisodeUnknown(f"There is no episode with id {ep}; it may have been deleted.")
    uids = {row[0]: row[1] for row in rows}
    children: dict[int | None, list[EpisodeNode]] = {}
    for id_, uid, parent, fork_t, level, status, steps, ret, success, detail in reversed(rows):
        grown = sorted(children.pop(id_, []), key=lambda node: (node.fork_t or 0, node.id))
        judged = None if success is None else bool(success)
        node = EpisodeNode(
            id_, uid, uids.get(parent), fork_t, level, status, steps, ret, judged, detail, tuple(grown)
        )  # parents are recorded before their forks, so that going backwards all children are there
        children.setdefault(parent, []).append(node)
    return children[None][0]
