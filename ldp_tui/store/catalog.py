"""Ids of what many rows share: environments, agents, runs and pictures, each stored once."""

from __future__ import annotations

import functools
import importlib.metadata
import sqlite3
import time

from ldp_tui.store.blobs import put_blob
from ldp_tui.store.chain import canonical, digest
from ldp_tui.store.errors import RowRejected
from ldp_tui.store.ownership import Owner
from ldp_tui.store.pictures import CODEC_TEXT
from ldp_tui.store.rows import AgentRow, EncodedPicture, EnvRow

_REMEMBERED = 16_384


def env_hash(env: EnvRow) -> bytes:
    """The name of an environment row."""
    return digest(
        canonical(
            "env",
            env.name,
            env.kind,
            env.spec,
            env.pkg_versions,
            env.observation_space,
            env.action_space,
            env.tools,
            env.deterministic,
        )
    )


def agent_hash(agent: AgentRow) -> bytes:
    """The name of an agent row."""
    return digest(canonical("agent", agent.name, agent.kind, agent.model, agent.config, agent.prompt))


class Catalog:
    """Remembers ids seen through one connection. `forget` after a rollback: ids given out since are void."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._envs: dict[bytes, int] = {}
        self._agents: dict[bytes, int] = {}
        self._runs: dict[str, int] = {}
        self._processes: dict[Owner, int] = {}
        self._pictures: dict[bytes, int] = {}

    def forget(self) -> None:
        """Drop all remembered ids."""
        for remembered in (self._envs, self._agents, self._runs, self._processes, self._pictures):
            remembered.clear()

    def env_id(self, env: EnvRow, name: bytes) -> int:
        """The id of `env`, whose hash is `name`."""
        known = self._envs.get(name) or self._find("select id from env where h=?", name)
        if known is None:
            tools = None if env.tools is None else put_blob(self._connection, env.tools.encode())
            known = self._insert(
                "insert into env(h, name, kind, spec_json, pkg_versions, obs_space, act_space, tools_id, deterministic)"
                " values(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    name,
                    env.name,
                    env.kind,
                    env.spec,
                    env.pkg_versions,
                    env.observation_space,
                    env.action_space,
                    tools,
                    None if env.deterministic is None else int(env.deterministic),
                ),
            )
        self._envs[name] = known
        return known

    def agent_id(self, agent: AgentRow, name: bytes) -> int:
        """The id of `agent`, whose hash is `name`."""
        known = self._agents.get(name) or self._find("select id from agent where h=?", name)
        if known is None:
            prompt = None if agent.prompt is None else put_blob(self._connection, agent.prompt.encode())
            known = self._insert(
                "insert into agent(h, name, kind, model, config_json, prompt_id) values(?, ?, ?, ?, ?, ?)",
                (name, agent.name, agent.kind, agent.model, agent.config, prompt),
            )
        self._agents[name] = known
        return known

    def run_id(self, uid: str, host: str) -> int:
        """The id of run `uid`, which may have episodes of several processes; `host` is where it began."""
        known = self._runs.get(uid) or self._find("select id from run where uid=?", uid)
        if known is None:
            known = self._insert(
                "insert into run(uid, app_version, host, started_ns) values(?, ?, ?, ?)",
                (uid, _app_version(), host, time.time_ns()),
            )
        self._runs[uid] = known
        return known

    def process_id(self, owner: Owner) -> int:
        """The id of the process `owner`, whose heart beats now."""
        known = self._processes.get(owner)
        if known is None:
            row = self._connection.execute(
                "insert into process(host, pid, boot, heartbeat_ns) values(?, ?, ?, ?)"
                " on conflict do update set heartbeat_ns=excluded.heartbeat_ns returning id",
                (owner.host, owner.pid, owner.boot, time.time_ns()),
            ).fetchone()
            known = self._processes[owner] = int(row[0])
        return known

    def picture_id(self, picture: EncodedPicture) -> int:
        """The id of `picture`. Raises RowRejected when its keyframe was never stored."""
        known = self._pictures.get(picture.hash) or self._find("select id from frame where h=?", picture.hash)
        if known is None:
            base = None
            if picture.base is not None:
                base = self._pictures.get(picture.base) or self._find("select id from frame where h=?", picture.base)
                if base is None:
                    raise RowRejected("A picture builds on a keyframe that was not stored; encode it again without.")
            known = self._insert(
                "insert into frame(h, w, ht, mode, codec, base_id, z) values(?, ?, ?, ?, ?, ?, ?)",
                (
                    picture.hash,
                    picture.width,
                    picture.height,
                    "TEXT" if picture.codec == CODEC_TEXT else "RGB",
                    picture.codec,
                    base,
                    picture.z,
                ),
            )
        if len(self._pictures) >= _REMEMBERED:
            self._pictures.clear()
        self._pictures[picture.hash] = known
        return known

    def _find(self, sql: str, key: bytes | str) -> int | None:
        row = self._connection.execute(sql, (key,)).fetchone()
        return None if row is None else int(row[0])

    def _insert(self, sql: str, values: tuple[object, ...]) -> int:
        return int(self._connection.execute(sql, values).lastrowid or 0)


@functools.cache
def _app_version() -> str:
    try:
        return importlib.metadata.version("ldp-tui")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
