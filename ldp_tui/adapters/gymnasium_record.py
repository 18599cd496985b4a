"""Records any ordinary Gymnasium loop: wrap the environment, and every step is in the database."""

from __future__ import annotations

import os
import time
import weakref
from pathlib import Path
from typing import Any, Generic, SupportsFloat, TypeVar

import gymnasium
import orjson

from ldp_tui.adapters.gymnasium_actions import ACT
from ldp_tui.adapters.gymnasium_description import description_of
from ldp_tui.adapters.gymnasium_family import Ending
from ldp_tui.adapters.gymnasium_names import family_of, succeeded
from ldp_tui.adapters.gymnasium_render import rendered
from ldp_tui.adapters.plain import plain
from ldp_tui.adapters.spaces import codec_for
from ldp_tui.engine.identity import new_uid
from ldp_tui.store import (
    AddStep,
    AgentRow,
    BeginEpisode,
    EncodedPicture,
    EndEpisode,
    EnvRow,
    PictureEncoder,
    StepRow,
    Writer,
    connect_writer,
)
from ldp_tui.store.rows import FLAG_TERMINATED, FLAG_TRUNCATED, EndStatus

ObsType = TypeVar("ObsType")
ActType = TypeVar("ActType")


class RecordEpisodes(gymnasium.Wrapper[ObsType, ActType, ObsType, ActType], Generic[ObsType, ActType]):
    """Records episodes of `env` into `db`, a path or an open `Writer`; the loop itself is unchanged.

        env = RecordEpisodes(gymnasium.make("CartPole-v1"), db="recordings/ldp.db", agent="my policy")

    Each step is queued when `step` returns and on disk one group commit later; `flush` waits for that, and `close`
    does so too. An episode that is reset before its end is recorded as aborted. `frames=True` also stores what the
    environment draws.
    """

    def __init__(
        self,
        env: gymnasium.Env[ObsType, ActType],
        db: str | os.PathLike[str] | Writer,
        *,
        agent: str = "gymnasium loop",
        config: dict[str, Any] | None = None,
        frames: bool = False,
    ) -> None:
        super().__init__(env)
        self._family = family_of(env)
        self._actions = codec_for(env.action_space, role="action", names=self._family.actions or None)
        self._discrete = isinstance(env.action_space, gymnasium.spaces.Discrete)
        self._action_texts: dict[int, str] = {}
        self._observations = codec_for(env.observation_space)
        self._pictures = PictureEncoder() if frames else None
        self._env_row = _env_row(env)
        self._agent_row = AgentRow(agent, "policy", config=orjson.dumps(plain(config or {})).decode())
        self._run = new_uid()
        self._owned = not isinstance(db, Writer)
        self._writer = db if isinstance(db, Writer) else connect_writer(Path(db))
        self._submit = self._writer.submit
        self._let_go = weakref.finalize(self, self._writer.close if self._owned else _nothing)
        self._episode: _Running | None = None
        self._newest = 0

    @property
    def episode_uid(self) -> str | None:
        """Identifier of the running episode; None between episodes."""
        return self._episode.uid if self._episode is not None else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the environment and begin an episode."""
        if self._episode is not None:
            self._end("aborted", None)
        observation, info = self.env.reset(seed=seed, options=options)
        self._episode = _Running(new_uid(), time.perf_counter_ns())
        self._newest = self._submit(
            BeginEpisode(
                uid=self._episode.uid,
                run_uid=self._run,
                env=self._env_row,
                agent=self._agent_row,
                task_id=None,
                seed=None if seed is None else str(seed),
                options=orjson.dumps({"options": plain(options)}).decode() if options else None,
                started_ns=time.time_ns(),
                parent_uid=None,
                fork_t=None,
                first=self._row(0, None, None, 0, None, observation, info),
            )
        )
        return observation, info

    def step(self, action: ActType) -> tuple[ObsType, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and queue the row."""
        before = time.perf_counter_ns()
        observation, reward, terminated, truncated, info = self.env.step(action)
        spent = (time.perf_counter_ns() - before) // 1000
        episode = self._episode
        if episode is not None:
            episode.t += 1
            gained = float(reward)
            episode.return_ += gained
            flags = (FLAG_TERMINATED if terminated else 0) | (FLAG_TRUNCATED if truncated else 0)
            text = self._action_text(action)
            row = self._row(episode.t, text, gained, flags, spent, observation, info)
            self._newest = self._submit(AddStep(episode.uid, row))
            if flags:
                ending = Ending(self.env.unwrapped, bool(terminated), gained, episode.return_)
                self._end("done" if terminated else "truncated", succeeded(self.env, self._family, ending))
        return observation, reward, terminated, truncated, info

    def flush(self) -> None:
        """Return once every step so far is on disk; raises the StoreError of the newest if it was refused."""
        if self._newest:
            self._writer.wait(self._newest)

    def close(self) -> None:
        """End a running episode, wait until all is on disk, and close the environment and an owned database."""
        if self._let_go.alive:
            if self._episode is not None:
                self._end("aborted", None)
            self.flush()
            self._let_go()
        super().close()

    def _row(
        self,
        t: int,
        action: str | None,
        reward: float | None,
        flags: int,
        dt_us: int | None,
        observation: Any,
        info: Any,
    ) -> StepRow:
        picture = None if self._pictures is None else self._picture(self._pictures)
        seen = self._observations.encode_json(observation)
        told = orjson.dumps({"info": plain(info)}).decode() if info else None
        return StepRow(t, action, reward, flags, None, None, None, None, dt_us, picture, seen, told, ())

    def _action_text(self, action: Any) -> str:
        """The call in the form of the store; Discrete actions are few and remembered."""
        if not self._discrete:
            return self._call_text(action)
        number = int(action)
        if number not in self._action_texts:
            self._action_texts[number] = self._call_text(number)
        return self._action_texts[number]

    def _call_text(self, action: Any) -> str:
        return orjson.dumps([[ACT, {"action": self._actions.encode(action)}]]).decode()

    def _picture(self, pictures: PictureEncoder) -> EncodedPicture | None:
        drawn = rendered(self.env)
        if drawn is None:
            return None
        return (
            pictures.encode_text(drawn)
            if isinstance(drawn, str)
            else pictures.encode(drawn.width, drawn.height, drawn.rgb)
        )

    def _end(self, status: EndStatus, success: bool | None) -> None:
        episode = self._episode
        if episode is not None:
            wall_us = (time.perf_counter_ns() - episode.started_ns) // 1000
            self._newest = self._submit(EndEpisode(episode.uid, status, time.time_ns(), success, wall_us))
            self._episode = None


class _Running:
    """The episode that is being recorded; `started_ns` is on the monotonic clock."""

    __slots__ = ("return_", "started_ns", "t", "uid")

    def __init__(self, uid: str, started_ns: int) -> None:
        self.uid, self.started_ns, self.t, self.return_ = uid, started_ns, 0, 0.0


def _env_row(env: gymnasium.Env[Any, Any]) -> EnvRow:
    described = description_of(env)
    return EnvRow(
        name=described["name"],
        kind=described["kind"],
        spec=orjson.dumps(described["spec"]).decode(),
        pkg_versions=orjson.dumps(described["packages"]).decode(),
        observation_space=orjson.dumps(described["observation_space"]).decode(),
        action_space=orjson.dumps(described["action_space"]).decode(),
        deterministic=described["deterministic"],
    )


def _nothing() -> None:
    """The database belongs to somebody else."""
