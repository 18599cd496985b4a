"""Lists of episodes as SQL: which index drives a query, in which order, and where a page goes on.

Every query names its index. A list walks the index of its sort order; where a filter leaves few episodes, it starts
from that filter's index instead and sorts what it finds.
"""

from __future__ import annotations

import bisect
import itertools
import re
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import orjson

from ldp_tui.store.conditions import Conditions
from ldp_tui.store.results import Cursor, EpisodeFilter, Group, Range, Sort
from ldp_tui.store.search import episodes_with

FEW: Final = 6_000
"""A filter that leaves at most this many episodes drives the query: sorting them takes under 10 ms."""

_ORDER_COLUMN: Final = {"newest": "started_ns", "return": "ret", "steps": "n_steps", "cost": "cost_usd"}
_ORDER_INDEX: Final = {"newest": "ep_started", "return": "ep_ret", "steps": "ep_nsteps", "cost": "ep_cost"}
_GROUPED_INDEX: Final = {
    ("env_id", "newest"): "ep_env_started",
    ("env_id", "return"): "ep_env_ret",
    ("agent_id", "newest"): "ep_agent_started",
    ("agent_id", "return"): "ep_agent_ret",
}
_GROUPED_BY: Final[dict[Group, str]] = {
    "task": "env_id, coalesce('t' || task_id, 's' || seed, uid)",
    "seed": "env_id, coalesce(seed, uid)",
    "env": "env_id",
    "agent": "agent_id",
}
_INCOMPLETE: Final = "status in('failed','interrupted','aborted')"


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter resolved against the database.

    `envs`, `agents`: the ids it allows, None for all. `driver`: the index to start from, where it leaves few episodes;
    `ids`: the episodes to start from, where a word or a tag did.
    """

    conditions: Conditions
    envs: tuple[int, ...] | None
    agents: tuple[int, ...] | None
    driver: str | None
    ids: tuple[int, ...] | None

    @property
    def is_small(self) -> bool:
        """Whether there is something better to start from than an order."""
        return self.driver is not None or self.ids is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing can match."""
        return () in (self.envs, self.agents, self.ids)


def select(connection: sqlite3.Connection, wanted: EpisodeFilter) -> Selection:
    """Resolve names, words and tags, and choose what drives the query."""
    envs = _matching(connection, "select id, name from env", wanted.envs)
    agents = _matching(connection, "select id, name from agent", wanted.agents)
    ids = _candidates(connection, wanted)
    conditions = _conditions(wanted, envs, agents, ids)
    for other in wanted.without:
        left_out = select(connection, other).conditions
        conditions.add(f"id not in (select id from episode where {left_out.where})", *left_out.values)  # noqa: S608
    if wanted.best_of is not None:
        _keep_best(conditions, wanted.best_of, wanted.per or ("task",))
    driver = None if ids is not None else _driver(connection, wanted, envs, agents)
    return Selection(conditions, envs, agents, driver, ids)


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


def _matching(connection: sqlite3.Connection, sql: str, parts: Iterable[str]) -> tuple[int, ...] | None:
    wanted = [_matcher(part) for part in parts]
    if not wanted:
        return None
    rows = connection.execute(sql).fetchall()
    return tuple(ident for ident, name in rows if any(matches(name) for matches in wanted))


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a name has this part, or is `=name`, or is found by the regular expression behind `~`."""
    if pattern.startswith("="):
        return lambda name: name.casefold() == pattern[1:].casefold()
    if pattern.startswith("~"):
        found = re.compile(pattern[1:], re.IGNORECASE).search
        return lambda name: found(name) is not None
    return lambda name: pattern.casefold() in name.casefold()


def _candidates(connection: sqlite3.Connection, wanted: EpisodeFilter) -> tuple[int, ...] | None:
    found: set[int] | None = None
    for tag in wanted.tags:
        here = {ep for (ep,) in connection.execute("select ep from tag where tag=?", (tag,)).fetchall()}
        found = here if found is None else found & here
    for tool in wanted.tools:
        calls = "select distinct ep from message where name=? and kind='tool_call'"
        here = {ep for (ep,) in connection.execute(calls, (tool,)).fetchall()}
        found = here if found is None else found & here
    if wanted.words:
        here = episodes_with(connection, wanted.words)
        found = here if found is None else found & here
    return None if found is None else tuple(sorted(found))


def _conditions(
    wanted: EpisodeFilter,
    envs: tuple[int, ...] | None,
    agents: tuple[int, ...] | None,
    ids: tuple[int, ...] | None,
) -> Conditions:
    conditions = Conditions()
    for column, allowed in (
        ("id", ids),
        ("env_id", envs),
        ("agent_id", agents),
        ("seed", wanted.seeds or None),
        ("task_id", wanted.task_ids or None),
        ("status", wanted.statuses or None),
    ):
        if allowed is not None:
            conditions.among(column, allowed)
    for column, named in (("seed", wanted.seeds), ("task_id", wanted.task_ids)):
        if named:
            conditions.add(f"{column} is not null")  # said so that the partial index may be used
    if _only_incomplete(wanted):
        conditions.add(_INCOMPLETE)
    conditions.within("ret", wanted.return_)
    conditions.within("n_steps", wanted.steps)
    conditions.within("cost_usd", wanted.cost_usd)
    conditions.within("rating", wanted.rating)
    conditions.within("started_ns", wanted.started_ns)
    if wanted.success is not None:
        conditions.add("success=?", int(wanted.success))
    if wanted.kinds:
        conditions.among("(select kind from agent where agent.id=agent_id)", wanted.kinds)
    if wanted.decisions:
        conditions.among("coalesce(decision, 'none')", wanted.decisions)
    if wanted.flagged is not None:
        conditions.add("flagged=?", int(wanted.flagged))
    if wanted.run_uid is not None:
        conditions.add("run_id=(select id from run where uid=?)", wanted.run_uid)
    return conditions


def _keep_best(conditions: Conditions, number: int, per: Sequence[Group]) -> None:
    """Of each group, only so many of the highest return; of equal ones the older."""
    groups = ", ".join(dict.fromkeys(_GROUPED_BY[group] for group in per))
    place = f"row_number() over (partition by {groups} order by ret desc, id) as place"
    ranked = f"select id, {place} from episode where {conditions.where}"  # noqa: S608  # names from this module
    conditions.add(f"id in (select id from ({ranked}) where place<=?)", *conditions.values, number)  # noqa: S608


def _driver(
    connection: sqlite3.Connection,
    wanted: EpisodeFilter,
    envs: tuple[int, ...] | None,
    agents: tuple[int, ...] | None,
) -> str | None:
    """The index of the filter that leaves the fewest episodes, if those are few."""
    sizes: list[tuple[int, str]] = []
    for index, column, allowed in (("ep_env_started", "env_id", envs), ("ep_agent_started", "agent_id", agents)):
        if allowed is not None:
            sizes.append((_rolled_up(connection, column, allowed), index))
    for index, column, named in (("ep_seed", "seed", wanted.seeds), ("ep_task", "task_id", wanted.task_ids)):
        if named:
            sizes.append((_size(connection, index, _named(column, named)), index))
    if _only_incomplete(wanted):
        sizes.append((_size(connection, "ep_incomplete", _ended_badly(wanted)), "ep_incomplete"))
    for index, column, bounds in (
        ("ep_ret", "ret", wanted.return_),
        ("ep_nsteps", "n_steps", wanted.steps),
        ("ep_started", "started_ns", wanted.started_ns),
    ):
        if bounds.restricts:
            bounded = Conditions()
            bounded.within(column, bounds)
            sizes.append((_size(connection, index, bounded), index))
    smallest = min(sizes, default=(FEW + 1, ""))
    return smallest[1] if smallest[0] <= FEW else None


def _named(column: str, allowed: Sequence[str]) -> Conditions:
    conditions = Conditions()
    conditions.among(column, allowed)
    conditions.add(f"{column} is not null")
    return conditions


def _ended_badly(wanted: EpisodeFilter) -> Conditions:
    conditions = Conditions([_INCOMPLETE])
    conditions.among("status", wanted.statuses)
    return conditions


def _only_incomplete(wanted: EpisodeFilter) -> bool:
    return bool(wanted.statuses) and not {"done", "truncated"} & set(wanted.statuses)


def _rolled_up(connection: sqlite3.Connection, column: str, allowed: Sequence[int]) -> int:
    among = Conditions([])
    among.among(column, allowed)
    sql = f"select coalesce(sum(n), 0) from rollup where {among.where}"  # noqa: S608  # names from this module
    return int(connection.execute(sql, among.values).fetchone()[0])


def _size(connection: sqlite3.Connection, index: str, conditions: Conditions) -> int:
    """How many episodes, counting no further than FEW + 1."""
    sql = (
        f"select count(*) from (select 1 from episode indexed by {index} where {conditions.where}"  # noqa: S608
        f" limit {FEW + 1})"
    )
    return int(connection.execute(sql, conditions.values).fetchone()[0])


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
