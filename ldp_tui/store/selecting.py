"""A filter resolved against the database: names to ids, words and tags to episodes, all to conditions with an index."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ldp_tui.store.conditions import Conditions
from ldp_tui.store.results import EpisodeFilter, Group
from ldp_tui.store.search import episodes_with

FEW: Final = 6_000
"""A filter that leaves at most this many episodes drives the query: sorting them takes under 10 ms."""

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
