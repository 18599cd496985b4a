"""Applies operations to a connection whose transaction the caller holds, and keeps what running episodes add up to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ldp_tui.store import chain, rollups
from ldp_tui.store.annotations import add_annotation, add_preference
from ldp_tui.store.blobs import INLINE, put_blob
from ldp_tui.store.bulk import BulkInsert, BulkUpdate
from ldp_tui.store.catalog import Catalog, agent_hash, env_hash
from ldp_tui.store.cleaning import summand
from ldp_tui.store.errors import EpisodeFinished, EpisodeUnknown, RowRejected, StepOutOfOrder, ValueRefused
from ldp_tui.store.generations import add_generations
from ldp_tui.store.lineage import Inherited, inherited
from ldp_tui.store.memories import add_memory
from ldp_tui.store.ownership import Owner
from ldp_tui.store.preparing import (
    ReadyRow,
    check_agent,
    check_end,
    check_env,
    check_header,
    check_memory,
    prepare,
    preview,
)
from ldp_tui.store.rows import (
    FLAG_OVERRULED,
    AddAnnotation,
    AddMemory,
    AddStep,
    AgentRow,
    BeginEpisode,
    EndEpisode,
    EnvRow,
    Operation,
    StepRow,
)
from ldp_tui.store.secrets import Redactor

# fmt: off
STEP_COLUMNS: Final = (
    "ep", "t", "action", "action_id", "reward", "reward_x", "flags", "value", "tokens_in", "tokens_out", "cost_usd",
    "dt_us", "frame_id", "chain", "info", "info_id", "obs", "obs_id",
)
MESSAGE_COLUMNS: Final = ("ep", "t", "i", "role", "kind", "name", "call_id", "content", "extra", "content_id")
EPISODE_COLUMNS: Final = (
    "id", "uid", "run_id", "process_id", "env_id", "agent_id", "task_id", "seed", "options_json", "group_key",
    "parent_id", "root_id", "fork_t", "first_t", "started_ns", "chain",
)
TOTAL_COLUMNS: Final = ("n_steps", "n_messages", "ret", "ret_x", "tokens_in", "tokens_out", "cost_usd", "chain")
END_COLUMNS: Final = (*TOTAL_COLUMNS, "status", "ended_ns", "success", "wall_us", "detail")
_PLAYERS: Final = 1024
_MOST_TOKENS: Final = 2**50
_CONTENT: Final = MESSAGE_COLUMNS.index("content")
# fmt: on

_REOPEN_EPISODE: Final = (
    "update episode set status='running', ended_ns=null, success=null, wall_us=0, detail=null, chain=?, process_id=?"
    " where id=?"
)
_LOAD_EPISODE: Final = (
    "select id, status, success, detail, n_messages, ret, ret_x, tokens_in, tokens_out, cost_usd"
    " from episode where uid=?"
)


@dataclass(slots=True)
class Running:
    """What an episode that still grows adds up to; the `episode` row holds the same after each transaction."""

    id: int
    t: int
    n_messages: int
    ret: float
    ret_x: str | None
    tokens_in: int
    tokens_out: int
    cost_usd: float
    chain: bytes

    def totals(self) -> tuple[int, int, float, str | None, int, int, float]:
        """n_steps, n_messages, ret, ret_x, tokens_in, tokens_out and cost_usd of the `episode` row."""
        return self.t, self.n_messages, self.ret, self.ret_x, self.tokens_in, self.tokens_out, self.cost_usd


@dataclass(frozen=True, slots=True)
class BeginFor:
    """`begin` on behalf of another process, which then owns the run."""

    begin: BeginEpisode
    owner: Owner


class Ledger:
    """One per writing connection. `apply` any number of operations, then commit — or roll back and `forget`."""

    def __init__(self, connection: sqlite3.Connection, redactor: Redactor, owner: Owner) -> None:
        self._connection = connection
        self._redactor = redactor
        self._owner = owner
        self._catalog = Catalog(connection)
        self._running: dict[str, Running] = {}
        self._touched: dict[int, Running] = {}
        self._cleaned: dict[tuple[EnvRow, AgentRow], tuple[EnvRow, AgentRow, bytes, bytes]] = {}
        self._next_id: int | None = None
        self._begun = BulkInsert("episode", EPISODE_COLUMNS)
        self._steps = BulkInsert("step", STEP_COLUMNS)
        self._messages = BulkInsert("message", MESSAGE_COLUMNS)
        self._totals = BulkUpdate("episode", TOTAL_COLUMNS)
        self._ends = BulkUpdate("episode", END_COLUMNS)
        self._ended: list[int] = []

    @property
    def running(self) -> int:
        """How many episodes it knows that have not ended."""
        return len(self._running)

    def apply(self, operations: Iterable[Operation | BeginFor]) -> bool:
        """Write `operations` in order; True when one of them ended an episode. Raises on the first that is refused."""
        ended = False
        for operation in operations:
            if type(operation) is AddStep:
                live = self._running.get(operation.uid) or self._loaded(operation.uid, operation)
                if live is not None:
                    self._append(live, operation.row)
                    if operation.row.flags & FLAG_OVERRULED:
                        add_preference(self._connection, live.id, operation.row)
            elif type(operation) is EndEpisode:
                self._end(self._redactor.end(check_end(operation)))
                ended = True
            elif type(operation) is BeginFor:
                self._begin(self._redactor.begin(check_header(operation.begin)), operation.owner)
            elif type(operation) is BeginEpisode:
                self._begin(self._redactor.begin(check_header(operation)), self._owner)
            elif type(operation) is AddMemory:
                add_memory(self._connection, self._redactor.memory(check_memory(operation.row)))
            elif type(operation) is AddAnnotation:
                self._flush()
                add_annotation(self._connection, operation.uid, self._redactor.annotation(operation.row))
            else:
                raise RowRejected(f"{type(operation).__name__} is not an operation of a recording.")
        self._flush()
        return ended

    def forget(self) -> None:
        """After a rollback: read everything again from the database when it is next needed."""
        self._running.clear()
        self._touched.clear()
        self._next_id = None
        for collected in (self._begun, self._steps, self._messages, self._totals, self._ends):
            collected.values = []
        self._ended = []
        self._catalog.forget()

    def release(self, uids: Iterable[str]) -> None:
        """Forget episodes that something else has ended."""
        for uid in uids:
            self._running.pop(uid, None)

    def _flush(self) -> None:
        connection = self._connection
        self._begun.flush(connection)
        self._steps.flush(connection)
        self._messages.flush(connection)
        for live in self._touched.values():
            self._totals.values += (*live.totals(), live.chain, live.id)
        self._touched.clear()
        self._totals.flush(connection)
        if self._ended:
            self._ends.flush(connection)
            rollups.add(connection, self._ended)
            self._ended = []

    def _begin(self, begin: BeginEpisode, owner: Owner) -> None:
        env, agent, env_name, agent_name = self._players(begin)
        parent, shared = self._parent(begin)
        start = chain.genesis(
            env_name,
            agent_name,
            task_id=begin.task_id,
            seed=begin.seed,
            options=begin.options,
            parent_uid=begin.parent_uid,
            fork_t=begin.fork_t,
            inherited=shared.chain,
        )
        if self._is_recorded(begin, start):
            return
        ep = self._new_id()
        self._begun.values += (
            ep,
            begin.uid,
            self._catalog.run_id(begin.run_uid, owner.host),
            self._catalog.process_id(owner),
            self._catalog.env_id(env, env_name),
            self._catalog.agent_id(agent, agent_name),
            begin.task_id,
            begin.seed,
            begin.options,
            _group(begin, env_name),
            *parent,
            begin.fork_t,
            begin.first.t,
            begin.started_ns,
            start,
        )
        live = Running(
            id=ep,
            t=begin.first.t - 1,
            n_messages=shared.n_messages,
            ret=shared.ret,
            ret_x=shared.ret_x,
            tokens_in=shared.tokens_in,
            tokens_out=shared.tokens_out,
            cost_usd=shared.cost_usd,
            chain=start,
        )
        self._running[begin.uid] = live
        self._append(live, begin.first)

    def _new_id(self) -> int:
        """The next episode's id: this connection alone adds episodes, so it can count by itself."""
        if self._next_id is None:
            self._next_id = int(self._connection.execute("select coalesce(max(id), 0) + 1 from episode").fetchone()[0])
        self._next_id += 1
        return self._next_id - 1

    def _players(self, begin: BeginEpisode) -> tuple[EnvRow, AgentRow, bytes, bytes]:
        """The environment and the agent, cleaned, and their hashes; remembered, as episodes share them."""
        known = self._cleaned.get((begin.env, begin.agent))
        if known is None:
            if len(self._cleaned) >= _PLAYERS:
                self._cleaned.clear()
            env = self._redactor.env(check_env(begin.env))
            agent = self._redactor.agent(check_agent(begin.agent))
            known = self._cleaned[begin.env, begin.agent] = env, agent, env_hash(env), agent_hash(agent)
        return known

    def _parent(self, begin: BeginEpisode) -> tuple[tuple[int | None, int | None], Inherited]:
        """((parent id, root id), what the fork inherits)."""
        if begin.parent_uid is None:
            return (None, None), inherited(self._connection, 0, 0)
        self._flush()
        row = self._connection.execute(
            "select id, coalesce(root_id, id) from episode where uid=?", (begin.parent_uid,)
        ).fetchone()
        if row is None:
            raise EpisodeUnknown(
                f"Episode {begin.uid} forks {begin.parent_uid}, which is not in this database; import it first."
            )
        return (row[0], row[1]), inherited(self._connection, row[0], begin.first.t)

    def _is_recorded(self, begin: BeginEpisode, start: bytes) -> bool:
        """Whether the same beginning is stored already, as after a lost acknowledgement."""
        if begin.uid in self._running:
            self._flush()
        found = self._connection.execute("select id, first_t from episode where uid=?", (begin.uid,)).fetchone()
        if found is None:
            if begin.first.t not in (0, begin.fork_t):
                raise StepOutOfOrder(
                    f"Episode {begin.uid} must begin with row 0 or its fork's row, not {begin.first.t}."
                )
            return False
        self._flush()
        if found[1] == begin.first.t and self._chain_at(found[0], begin.first.t) == self._link(start, begin.first):
            return True
        raise RowRejected(
            f"Episode {begin.uid} is recorded already, with another beginning; give the new one its own uid."
        )

    def _append(self, live: Running, row: StepRow) -> None:
        t = row.t
        if t != live.t + 1:
            if t <= live.t and self._repeats(live.id, row):
                return
            raise StepOutOfOrder(f"Row {t} does not follow row {live.t}; rows of an episode are appended in order.")
        ready = prepare(row, self._redactor)
        row = ready.row
        obs = row.obs
        live.chain = link = chain.link(live.chain, ready.payload, obs)
        ep, action, info = live.id, row.action, row.info
        action_id = info_id = obs_id = None
        if len(ready.payload) > INLINE:
            action, action_id = self._slim(action)
            info, info_id = self._slim(info)
        if obs is not None and len(obs) > INLINE:
            obs_id, obs = put_blob(self._connection, obs), None
        picture = None if row.picture is None else self._catalog.picture_id(row.picture)
        # fmt: off
        self._steps.values += (
            ep, t, action, action_id, ready.reward, ready.reward_x, row.flags, ready.value, row.tokens_in,
            row.tokens_out, ready.cost_usd, row.dt_us, picture, link, info, info_id, obs, obs_id,
        )
        # fmt: on
        collected = self._messages.values
        for i, message in enumerate(ready.messages):
            collected += (ep, t, i, *message, None)
        if ready.beside:
            self._put_beside(ready)
        if row.generations:
            add_generations(self._connection, ep, t, row.generations, self._redactor)
        live.t = t
        live.n_messages += len(ready.messages)
        live.tokens_in += row.tokens_in or 0
        live.tokens_out += row.tokens_out or 0
        if live.tokens_in + live.tokens_out > _MOST_TOKENS:
            raise ValueRefused(f"Row {t} claims more tokens than can be counted; correct them.")
        live.cost_usd += summand(ready.cost_usd, None)[0]
        added, tag = summand(ready.reward, ready.reward_x)
        live.ret += added
        live.ret_x = tag or live.ret_x
        self._touched[ep] = live

    def _slim(self, text: str | None) -> tuple[str | None, int | None]:
        """(text, None), or (None, id) where the text is too long for a `step` row."""
        if text is None or len(text) <= INLINE:
            return text, None
        return None, put_blob(self._connection, text.encode())

    def _put_beside(self, ready: ReadyRow) -> None:
        """Keep whole texts beside the newest rows collected, whose content is only a preview or a cleaned form."""
        width, values = len(MESSAGE_COLUMNS), self._messages.values
        start = len(values) - width * len(ready.messages)
        for i, whole in ready.beside.items():
            at = start + width * i
            values[at + _CONTENT] = preview(ready.messages[i][1], values[at + _CONTENT])
            values[at + width - 1] = put_blob(self._connection, whole.encode("utf-8", "surrogatepass"))

    def _end(self, end: EndEpisode) -> None:
        live = self._running.get(end.uid) or self._loaded(end.uid, end)
        if live is None:
            return
        if end.generations:
            add_generations(self._connection, live.id, live.t + 1, end.generations, self._redactor)
        sealed = chain.seal(live.chain, end.status, success=end.success, detail=end.detail)
        self._ends.values += (
            *live.totals(),
            sealed,
            end.status,
            end.ended_ns,
            None if end.success is None else int(end.success),
            end.wall_us,
            end.detail,
            live.id,
        )
        self._ended.append(live.id)
        self._running.pop(end.uid, None)
        self._touched.pop(live.id, None)

    def _loaded(self, uid: str, wanted: AddStep | EndEpisode) -> Running | None:
        """The episode as the database has it; None when `wanted` is stored already. Raises where it cannot go on."""
        self._flush()
        row = self._connection.execute(_LOAD_EPISODE, (uid,)).fetchone()
        if row is None:
            raise EpisodeUnknown(f"Episode {uid} was never begun; submit BeginEpisode first.")
        ep, status, success, detail = row[:4]
        t, link = self._connection.execute(
            "select t, chain from step where ep=? order by t desc limit 1", (ep,)
        ).fetchone()
        if status == "interrupted":
            rollups.take_back(self._connection, ep)
            self._connection.execute(_REOPEN_EPISODE, (link, self._catalog.process_id(self._owner), ep))
        elif status != "running":
            if isinstance(wanted, AddStep):
                repeated = wanted.row.t <= t and self._repeats(ep, wanted.row)
            else:
                repeated = (wanted.status, wanted.success, wanted.detail) == (status, _truth(success), detail)
            if repeated:
                return None
            raise EpisodeFinished(f"Episode {uid} has ended ({status}); nothing can be added to it.")
        live = Running(ep, t, row[4], row[5], row[6], row[7], row[8], row[9], link)
        self._running[uid] = live
        return live

    def _repeats(self, ep: int, row: StepRow) -> bool:
        """Whether `row` is stored already, as after a lost acknowledgement."""
        self._flush()
        stored, before = self._chain_at(ep, row.t), self._chain_at(ep, row.t - 1)
        return before is not None and stored == self._link(before, row)

    def _chain_at(self, ep: int, t: int) -> bytes | None:
        found = self._connection.execute("select chain from step where ep=? and t=?", (ep, t)).fetchone()
        return None if found is None else found[0]

    def _link(self, before: bytes, row: StepRow) -> bytes:
        ready = prepare(row, self._redactor)
        return chain.link(before, ready.payload, ready.row.obs)


def _group(begin: BeginEpisode, env: bytes) -> bytes | None:
    """What makes episodes comparable: same environment, task, seed and options. None when neither is known."""
    if begin.task_id is None and begin.seed is None:
        return None
    return chain.digest(b"group", env, chain.canonical(begin.task_id, begin.seed, begin.options))


def _truth(stored: int | None) -> bool | None:
    return None if stored is None else bool(stored)
