"""Lists of episodes as SQL: which index drives a query, in which order, and where a page goes on.

Every query names its index. A list walks the index of its sort order; where a filter leaves few episodes, it starts
from that filter's index instead and sorts what it finds.
"""

from __future__ import annotations

import bisect
import itertools
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import orjson

from ldp_tui.store.conditions import Conditions
from ldp_tui.store.results import Cursor, EpisodeFilter, Range, Sort
from ldp_tui.store.selecting import Selection, select

_ORDER_COLUMN: Final = {"newest": "started_ns", "return": "ret", "steps": "n_steps", "cost": "cost_usd"}
_ORDER_INDEX: Final = {"newest": "ep_started", "return": "ep_ret", "steps": "ep_nsteps", "cost": "ep_cost"}
_GROUPED_INDEX: Final = {
    ("env_id", "newest"): "ep_env_started",
    ("env_id", "return"): "ep_env_ret",
    ("agent_id", "newest"): "ep_agent_started",
    ("agent_id", "return"): "ep_agent_ret",
}


def page_query(
    selection: Selection, sort: Sort, after: Cursor | None = None, *, walked: str | None = None
) -> tuple[str, list[object]]:
    """(sql, values) for (sort value, id) in the order of a column; the caller appends a limit.

    `walked`: the index to follow where nothing drives; None is the order's own, "" reads the whole table and sorts.
    """
    column = _ORDER_COLUMN[sort.key]
    direction, beyond = ("desc", "<") if sort.descending else ("asc", ">")
    conditions = selection.conditions.copy()
    if after is not None:
        conditions.add(f"({column}, id){beyond}(?, ?)", after.value, after.id)
    source = _table(selection, _walked_index(selection, sort) if walked is None else walked)
    order = f"{column} {direction}, id {direction}"
    return f"select {column}, id from {source} where {conditions.where} order by {order}", conditions.values  # noqa: S608


def group_query(selection: Selection, sort: Sort, group: int, after: Cursor | None) -> tuple[str, list[object]]:
    """(sql, values) for (started_ns, id) of one environment or agent, newest first; the caller appends a limit."""
    column = f"{sort.key}_id"
    conditions = selection.conditions.copy()
    conditions.add(f"{column}=?", group)
    if after is not None:
        conditions.add("(started_ns, id)<(?, ?)", after.value, after.id)
    source = f"episode indexed by {_GROUPED_INDEX[column, 'newest']}"
    order = "started_ns desc, id desc"
    return f"select started_ns, id from {source} where {conditions.where} order by {order}", conditions.values  # noqa: S608


def small_group_query(selection: Selection, sort: Sort) -> tuple[str, list[object]]:
    """(sql, values) for (started_ns, id, group) of all episodes of a selection that is small; unordered."""
    return (
        f"select started_ns, id, {sort.key}_id from {_table(selection)} where {selection.conditions.where}",  # noqa: S608
        selection.conditions.values,
    )


def count_query(selection: Selection) -> tuple[str, list[object]]:
    """(sql, values) for the number of episodes."""
    return (
        f"select count(*) from {_table(selection)} where {selection.conditions.where}",  # noqa: S608
        selection.conditions.values,
    )


def groups(connection: sqlite3.Connection, selection: Selection, sort: Sort) -> list[int]:
    """Ids of the environments (or agents) in the order of their names, for `Sort("env")` and `Sort("agent")`."""
    allowed = selection.envs if sort.key == "env" else selection.agents
    table = "select id, name from env" if sort.key == "env" else "select id, name from agent"
    named = [(name.casefold(), name, ep) for ep, name in connection.execute(table).fetchall()]
    # Descending puts A first: that is what a click on a name column means.
    return [ep for _, _, ep in sorted(named, reverse=not sort.descending) if allowed is None or ep in allowed]


def _table(selection: Selection, walked: str = "") -> str:
    """The table with the index to use; `walked` serves where neither a driver nor ids do.

    Without any, SQLite goes by id where ids are given, and else from one end of the table to the other: four times
    faster than an index whose every entry leads to another page.
    """
    index = "" if selection.ids is not None else selection.driver or walked
    return f"episode indexed by {index}" if index else "episode not indexed"


def _walked_index(selection: Selection, sort: Sort) -> str:
    for column, allowed in (("env_id", selection.envs), ("agent_id", selection.agents)):
        if allowed is not None and len(allowed) == 1 and (column, sort.key) in _GROUPED_INDEX:
            return _GROUPED_INDEX[column, sort.key]
    return _ORDER_INDEX[sort.key]


def _index_for_page(selection: Selection, wanted: EpisodeFilter, sort: Sort) -> str:
    """The order's index, which meets a page's worth of episodes soon.

    Not where a range of one size orders by another (long episodes by least cost): it might meet them last.
    """
    sizes = {"return": wanted.return_, "steps": wanted.steps, "cost": Range()}
    misled = any(bounds.restricts and key != sort.key for key, bounds in sizes.items())
    return "" if misled and sort.key in sizes else _walked_index(selection, sort)


def _index_for_all(selection: Selection, sort: Sort) -> str:
    """An index that holds all that is asked for; else the whole table, in its own order, is read faster."""
    index = _walked_index(selection, sort)
    answered = 1 if index == _ORDER_INDEX[sort.key] else 2
    return index if len(selection.conditions.sql) == answered else ""


def page(
    connection: sqlite3.Connection, wanted: EpisodeFilter, sort: Sort, after: Cursor | None, limit: int
) -> tuple[list[int], Cursor | None]:
    """(ids of the next `limit` episodes, where the page after them starts)."""
    if wanted.limit is not None:
        ids = all_ids(connection, wanted, sort)
        first = ids.index(after.id) + 1 if after is not None and after.id in ids else 0
        found_ids = list(ids[first : first + limit])
        return found_ids, Cursor(0, found_ids[-1]) if first + limit < len(ids) else None
    selection = select(connection, wanted)
    if selection.is_empty:
        return [], None
    if sort.key in _ORDER_COLUMN:
        sql, values = page_query(selection, sort, after, walked=_index_for_page(selection, wanted, sort))
        rows = connection.execute(f"{sql} limit ?", (*values, limit + 1)).fetchall()
        found = [Cursor(*row) for row in rows]
    else:
        grouped = _grouped(connection, selection, sort, after, limit + 1)
        found = [Cursor(*place) for place in itertools.islice(grouped, limit + 1)]
    return [cursor.id for cursor in found[:limit]], found[limit - 1] if len(found) > limit else None


def all_ids(connection: sqlite3.Connection, wanted: EpisodeFilter, sort: Sort) -> array[int]:
    """Ids of all episodes in order."""
    ids = _all_ids(connection, wanted, sort)
    return ids if wanted.limit is None else ids[: wanted.limit]


def _all_ids(connection: sqlite3.Connection, wanted: EpisodeFilter, sort: Sort) -> array[int]:
    selection = select(connection, wanted)
    if selection.is_empty:
        return array("q")
    if sort.key in _ORDER_COLUMN:
        return _gathered(connection, *page_query(selection, sort, walked=_index_for_all(selection, sort)))
    order = groups(connection, selection, sort)
    if selection.is_small:
        return array("q", [ep for _, ep, _ in _small_groups(connection, selection, sort, order, None)])
    ids = array("q")
    for group in order:
        ids += _gathered(connection, *group_query(selection, sort, group, None))
    return ids


def _gathered(connection: sqlite3.Connection, sql: str, values: Sequence[object]) -> array[int]:
    """The ids that a query gives, in its order, as one value of one row.

    Fetching 100,000 rows would take twice as long, and ask for the interpreter lock 100,000 times.
    """
    gathered = f"select json_group_array(id) from ({sql} limit -1)"  # noqa: S608  # the limit keeps the order
    return array("q", orjson.loads(connection.execute(gathered, values).fetchone()[0]))


def count(connection: sqlite3.Connection, wanted: EpisodeFilter) -> int:
    """How many ended episodes the filter leaves; from the rollup where names and statuses are all it asks for."""
    number = _count(connection, wanted)
    return number if wanted.limit is None else min(number, wanted.limit)


def _count(connection: sqlite3.Connection, wanted: EpisodeFilter) -> int:
    wanted = replace(wanted, limit=None)
    selection = select(connection, wanted)
    if selection.is_empty:
        return 0
    plain = EpisodeFilter(envs=wanted.envs, agents=wanted.agents, statuses=wanted.statuses)
    if wanted != plain:
        sql, values = count_query(selection)
        return int(connection.execute(sql, values).fetchone()[0])
    columns = "+".join(f"n_{status}" for status in wanted.statuses) or "n"
    among = Conditions(["true"])
    for column, allowed in (("env_id", selection.envs), ("agent_id", selection.agents)):
        if allowed is not None:
            among.among(column, allowed)
    sql = f"select coalesce(sum({columns}), 0) from rollup where {among.where}"  # noqa: S608  # names from this module
    return int(connection.execute(sql, among.values).fetchone()[0])


def _grouped(
    connection: sqlite3.Connection, selection: Selection, sort: Sort, after: Cursor | None, limit: int
) -> Iterator[tuple[int, int, int]]:
    """(started_ns, id, group) by the name of the environment or agent, newest first within it."""
    order = groups(connection, selection, sort)
    if after is not None:
        order = order[order.index(after.group) :] if after.group in order else []
    if selection.is_small:
        yield from _small_groups(connection, selection, sort, order, after)
        return
    for group in order:
        resume = after if after is not None and group == after.group else None
        sql, values = group_query(selection, sort, group, resume)
        for started, ep in connection.execute(f"{sql} limit ?", (*values, limit)).fetchall():
            yield started, ep, group


def _small_groups(
    connection: sqlite3.Connection, selection: Selection, sort: Sort, order: list[int], after: Cursor | None
) -> list[tuple[int, int, int]]:
    place = {group: number for number, group in enumerate(order)}
    rows = connection.execute(*small_group_query(selection, sort)).fetchall()
    found = sorted((place[group], -started, -ep) for started, ep, group in rows if group in place)
    if after is not None:
        found = found[bisect.bisect_right(found, (place[after.group], -after.value, -after.id)) :]
    return [(-started, -ep, order[number]) for number, started, ep in found]
