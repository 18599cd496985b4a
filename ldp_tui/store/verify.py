"""Is everything still what was recorded? Recomputes hash chains, sums and rollups, and asks SQLite about the file."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ldp_tui.store import chain
from ldp_tui.store.blobs import blob_hash, get_blob, unpack_blob
from ldp_tui.store.catalog import agent_hash, env_hash
from ldp_tui.store.cleaning import clean_text, summand
from ldp_tui.store.connection import open_for_reading
from ldp_tui.store.episodes import find, header
from ldp_tui.store.errors import StoreCorrupt, translate
from ldp_tui.store.lineage import Inherited, inherited
from ldp_tui.store.pictures import picture_hash
from ldp_tui.store.rows import EncodedPicture

_MOST_TOLD: Final = 200
_CLOSE: Final = 1e-9

_EPISODES: Final = "select id from episode order by id"
_EPISODE: Final = (
    "select uid, status, success, detail, first_t, n_steps, n_messages, ret, ret_x, tokens_in, tokens_out, cost_usd,"
    " chain, parent_id, fork_t, task_id, seed, options_json from episode where id=?"
)
_STEPS: Final = (
    "select t, action, action_id, reward, reward_x, flags, value, tokens_in, tokens_out, cost_usd, info, info_id, obs,"
    " obs_id, frame_id, chain from step where ep=? order by t"
)
_MESSAGES: Final = (
    "select t, role, kind, name, call_id, content, extra, content_id from message where ep=? order by t, i"
)
_FRAMES: Final = "select f.id, f.h, f.w, f.ht, f.codec, b.h, f.z from frame f left join frame b on b.id=f.base_id"
_ROLLUPS: Final = (
    "select env_id, agent_id, count(*), sum(scored), sum(iif(scored, ret, 0.0)), coalesce(sum(success), 0),"
    " sum(n_steps), sum(tokens_in), sum(tokens_out) from"
    " (select *, status in('done','truncated') and ret_x is null as scored from episode where status<>'running')"
    " group by env_id, agent_id"
)
_STORED_ROLLUPS: Final = (
    "select env_id, agent_id, n, n_scored, mean_ret*n_scored, n_success, steps, tokens_in, tokens_out"
    " from rollup where n>0"
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found. `problems` are sentences; at most 200 are told."""

    episodes: int
    steps: int
    pictures: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(path: Path | str | os.PathLike[str], uids: Sequence[str] | None = None) -> Report:
    """Check the episodes `uids`; None checks all, the shared pictures and values, the rollups and the file itself."""
    where = Path(path)
    connection = open_for_reading(where).connection
    try:
        connection.execute("begin")  # one snapshot, so that a recording that goes on meanwhile is no problem
        return _report(connection, uids)
    except sqlite3.Error as error:
        raise translate(error, where) from error
    finally:
        connection.close()


def _report(connection: sqlite3.Connection, uids: Sequence[str] | None) -> Report:
    problems: list[str] = []
    pictures = 0
    if uids is None:
        problems += _file_problems(connection)
        if problems and any("damaged" in problem for problem in problems):
            return Report(0, 0, 0, tuple(problems[:_MOST_TOLD]))
        ids = [ep for (ep,) in connection.execute(_EPISODES).fetchall()]
    else:
        ids = [find(connection, uid) for uid in uids]
    steps = 0
    for ep in ids:
        counted, found = _episode_problems(connection, ep)
        steps += counted
        problems += found
    if uids is None:
        pictures = connection.execute("select count(*) from frame").fetchone()[0]
        problems += [*_picture_problems(connection), *_blob_problems(connection), *_rollup_problems(connection)]
    return Report(len(ids), steps, pictures, tuple(problems[:_MOST_TOLD]))


def _file_problems(connection: sqlite3.Connection) -> list[str]:
    answers = [row[0] for row in connection.execute("pragma integrity_check").fetchall()]
    problems = [f"The file is damaged: {answer}" for answer in answers if answer != "ok"]
    for table, row, parent, _ in connection.execute("pragma foreign_key_check").fetchall():
        problems.append(f"Row {row} of {table} names a row of {parent} that does not exist.")
    orphans = connection.execute(
        "select count(*) from (select distinct ep from step except select id from episode)"
    ).fetchone()[0]
    if orphans:
        problems.append(f"{orphans} episodes have steps but no header.")
    return problems


def _episode_problems(connection: sqlite3.Connection, ep: int) -> tuple[int, list[str]]:
    """(own steps, problems) of one episode; the first of its rows is the reset, or the row it forks from."""
    row = connection.execute(_EPISODE, (ep,)).fetchone()
    uid, status, success, detail, first_t, n_steps, n_messages, ret, ret_x, tokens_in, tokens_out, cost, tip = row[:13]
    parent, fork_t, task_id, seed, options = row[13:]
    try:
        shared = inherited(connection, parent or 0, first_t if parent else 0)
        sums = _Sums(shared, first_t)
        start = _genesis(connection, ep, parent, fork_t, task_id, seed, options, shared)
        link, problem = _walk(connection, ep, uid, sums, start)
    except (StoreCorrupt, UnicodeDecodeError) as error:
        return 0, [f"Episode {uid}: {error}"]
    problems = [problem] if problem else []
    if not problem:
        if status != "running":
            truth = None if success is None else bool(success)
            link = chain.seal(link, status, success=truth, detail=detail)
        if link != tip:
            problems.append(f"Episode {uid}: its header or its last row is not what was recorded.")
        stored = (n_steps, n_messages, ret_x, tokens_in, tokens_out)
        if stored != sums.exact() or not _close(ret, sums.ret) or not _close(cost, sums.cost):
            problems.append(f"Episode {uid}: its sums do not agree with its rows.")
    return max(0, sums.rows - 1), problems


class _Sums:
    """What the rows of an episode add up to, inherited ones included."""

    def __init__(self, shared: Inherited, first_t: int) -> None:
        self.rows, self.t = 0, first_t - 1
        self.messages, self.ret, self.ret_x = shared.n_messages, shared.ret, shared.ret_x
        self.tokens_in, self.tokens_out, self.cost = shared.tokens_in, shared.tokens_out, shared.cost_usd

    def add(self, t: int, messages: int, reward: float | None, tag: str | None, spent: tuple[Any, Any, Any]) -> None:
        self.rows, self.t = self.rows + 1, t
        self.messages += messages
        added, told = summand(reward, tag)
        self.ret += added
        self.ret_x = told or self.ret_x
        self.tokens_in += spent[0] or 0
        self.tokens_out += spent[1] or 0
        self.cost += summand(spent[2], None)[0]

    def exact(self) -> tuple[int, int, str | None, int, int]:
        return self.t, self.messages, self.ret_x, self.tokens_in, self.tokens_out


def _genesis(
    connection: sqlite3.Connection,
    ep: int,
    parent: int | None,
    fork_t: int | None,
    task_id: str | None,
    seed: str | None,
    options: str | None,
    shared: Inherited,
) -> bytes:
    head = header(connection, ep)
    parent_uid = None
    if parent is not None:
        parent_uid = connection.execute("select uid from episode where id=?", (parent,)).fetchone()[0]
    return chain.genesis(
        env_hash(head.env),
        agent_hash(head.agent),
        task_id=task_id,
        seed=seed,
        options=options,
        parent_uid=parent_uid,
        fork_t=fork_t,
        inherited=shared.chain,
    )


def _walk(connection: sqlite3.Connection, ep: int, uid: str, sums: _Sums, start: bytes) -> tuple[bytes, str | None]:
    """(the last hash, the first problem)."""
    link = start
    grouped = _grouped_messages(connection, ep)
    for row in connection.execute(_STEPS, (ep,)):
        t, action, action_id, reward, tag, flags, value, tokens_in, tokens_out, cost, info, info_id, obs, obs_id = row[
            :14
        ]
        if t != sums.t + 1:
            return link, f"Episode {uid}: row {sums.t + 1} is missing."
        if action_id is not None:
            action = get_blob(connection, action_id).decode()
        if info_id is not None:
            info = get_blob(connection, info_id).decode()
        if obs_id is not None:
            obs = get_blob(connection, obs_id)
        messages = grouped.pop(t, [])
        size = None if obs is None else len(obs)
        payload = chain.canonical(
            t, action, reward, tag, flags, value, tokens_in, tokens_out, cost, info, size, messages
        )
        link = chain.link(link, payload, obs)
        if link != row[15]:
            return link, f"Episode {uid}: row {t} is not what was recorded."
        if row[14] is not None and not connection.execute("select 1 from frame where id=?", (row[14],)).fetchone():
            return link, f"Episode {uid}: the picture of row {t} is missing."
        sums.add(t, len(messages), reward, tag, (tokens_in, tokens_out, cost))
    if grouped:
        return link, f"Episode {uid}: there are messages of rows {sorted(grouped)[:5]} that do not exist."
    return link, None


def _grouped_messages(connection: sqlite3.Connection, ep: int) -> dict[int, list[list[str | None]]]:
    grouped: dict[int, list[list[str | None]]] = {}
    for t, role, kind, name, call_id, content, extra, content_id in connection.execute(_MESSAGES, (ep,)):
        text = content
        if content_id is not None:
            text = clean_text(get_blob(connection, content_id).decode("utf-8", "surrogatepass"))
        grouped.setdefault(t, []).append([role, kind, name, call_id, text, extra])
    return grouped


def _picture_problems(connection: sqlite3.Connection) -> Iterator[str]:
    for frame, name, width, height, codec, base, z in connection.execute(_FRAMES):
        if picture_hash(EncodedPicture(name, width, height, codec, base, z)) != name:
            yield f"Picture {frame} is not what was recorded."


def _blob_problems(connection: sqlite3.Connection) -> Iterator[str]:
    for ident, name, size, codec, stored in connection.execute("select id, h, n, codec, z from blob_text"):
        try:
            content = unpack_blob(codec, stored)
        except StoreCorrupt as error:
            yield f"Value {ident}: {error}"
            continue
        if blob_hash(content) != name or len(content) != size:
            yield f"Value {ident} is not what was recorded."


def _rollup_problems(connection: sqlite3.Connection) -> Iterator[str]:
    stored = {row[:2]: row[2:] for row in connection.execute(_STORED_ROLLUPS).fetchall()}
    for env, agent, *counted in connection.execute(_ROLLUPS).fetchall():
        known = stored.pop((env, agent), None)
        if known is None or not all(_close(a, b) for a, b in zip(known, counted, strict=True)):
            yield f"The leaderboard line of environment {env} and agent {agent} does not agree with its episodes."
    for env, agent in stored:
        yield f"The leaderboard has a line for environment {env} and agent {agent}, which have no episodes."


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=1e-6)
