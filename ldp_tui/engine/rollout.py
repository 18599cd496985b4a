"""Plays one episode and tells what happens, as an async generator of events. It stores and shows nothing itself."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.engine.episode import Episode, PhaseFailed
from ldp_tui.engine.events import (
    ActionProposed,
    AgentRecord,
    EndReason,
    EnvironmentRecord,
    EpisodeStarted,
    Event,
    ReflectionDelta,
)
from ldp_tui.engine.fork import Fork
from ldp_tui.engine.identity import new_uid
from ldp_tui.engine.overseen import OverseenEpisode
from ldp_tui.engine.oversight import Overseer, overseen
from ldp_tui.engine.watch import Watcher

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
"""How long `env.close()` may take before it is given up."""
STOP_SECONDS = 0.4
"""The same, and for `env.on_abort()`, where the episode is stopped from outside: stopping takes less than a second."""
GRACE_SECONDS = 0.1
"""How long a call that was given up may take to end."""


class Gate(Protocol):
    """Asked before each step: waits while the episode is paused; False ends the episode (reason `aborted`)."""

    async def __call__(self, index: int) -> bool:
        """Whether step `index` may be played."""


async def rollout(
    env: Environment[Any],
    agent: Agent[Any],
    *,
    environment: EnvironmentRecord | None = None,
    player: AgentRecord | None = None,
    seed: int | None = None,
    options: Mapping[str, Any] | None = None,
    task_id: str | None = None,
    max_steps: int | None = None,
    render: bool = False,
    gate: Gate | None = None,
    uid: str | None = None,
    keep_open: bool = False,
    notice: Callable[[str], None] | None = None,
    watch: Watcher | None = None,
    fork: Fork | None = None,
    aloud: bool = True,
    overseer: Overseer | None = None,
) -> AsyncGenerator[Event, None]:
    """Play `env` with `agent` until the task ends, a limit is reached, or something fails.

    Failures of agent, environment or tools do not raise: they end the episode with reason `failed`. The environment is
    closed in every case (unless `keep_open`), and an error in closing costs nothing that was played. An episode that is
    stopped from outside (cancelled, or left by who iterates it) has its environment's `on_abort` called first.

    Args:
        env: Played from a fresh reset.
        agent: Its state belongs to this episode alone.
        environment: Which environment this is, for the record.
        player: Who plays, for the record.
        seed: Given to the environment's reset (where it takes one) and to the agent.
        options: Given to the environment's reset where it takes them.
        task_id: Name of the task; asked of the environment when None.
        max_steps: Steps after which the episode is truncated.
        render: Ask the environment for a picture after each step.
        gate: Asked before each step.
        uid: Identifier of the episode; a new UUIDv7 when None.
        keep_open: The environment belongs to the caller, who plays on with it or closes it.
        notice: Told which phase begins: `resetting`, `agent`, `env`.
        watch: Called between the phases with the objects themselves.
        fork: Go on from there instead of resetting: `env` stands there already.
        aloud: Pass on the words of an agent that streams while it says them; otherwise they come before its action,
            and no model has to stream them. What is recorded is the same.
        overseer: Reviews what the agent proposes, and may play in its place (see `oversight`).
    """
    kind = Episode if overseer is None else OverseenEpisode
    episode = kind(env, agent, render=render, notice=notice or _unnoticed, watch=watch)
    header = EpisodeStarted(
        uid=uid or new_uid(),
        environment=environment or EnvironmentRecord(type(env).__name__),
        agent=player or AgentRecord(type(agent).__name__, agent.kind),
        seed=seed,
        task_id=task_id,
        options=dict(options or {}),
        started_ns=time.time_ns(),
        observation=(),
        tools=(),
        max_steps=max_steps,
    )
    try:
        yield await episode.start(header) if fork is None else episode.branch(header, fork)
        while episode.ending is None:
            index = episode.steps
            if max_steps is not None and index >= max_steps:  # only for a limit that is reached at the start
                episode.ending = "truncated"
            elif gate is not None and not await gate(index):
                episode.ending = "aborted"
            else:
                decision = _decision(episode, overseer, aloud=aloud and agent.streams)
                try:
                    if decision is not None:
                        async with aclosing(decision) as events:
                            async for event in events:
                                yield event
                    else:
                        await episode.decide()
                        for text in episode.reflection:
                            yield ReflectionDelta(index, text)
                    if overseer is None:
                        yield ActionProposed(index, episode.action, episode.probabilities)
                    yield await episode.step(last=max_steps is not None and index + 1 >= max_steps)
                except PhaseFailed:
                    break
        yield episode.end()
    finally:
        await _let_go(env, episode.ending, keep_open=keep_open)


def _decision(episode: Episode, overseer: Overseer | None, *, aloud: bool) -> AsyncGenerator[Event, None] | None:
    """A decision that tells what happens while it is made; None for one that does not."""
    if overseer is not None and isinstance(episode, OverseenEpisode):
        return overseen(episode, overseer, aloud=aloud)
    return _aloud(episode) if aloud else None


async def _aloud(episode: Episode) -> AsyncGenerator[Event, None]:
    async with aclosing(episode.decide_aloud()) as pieces:
        async for text in pieces:
            yield ReflectionDelta(episode.steps, text)


async def _let_go(env: Environment[Any], ending: EndReason | None, *, keep_open: bool) -> None:
    """Tell an environment whose episode was stopped, and close it; one that is left without an end has little time."""
    try:
        if ending in (None, "aborted") and type(env).on_abort is not Environment.on_abort:
            await bounded(env.on_abort(), STOP_SECONDS, f"Stopping {type(env).__name__}")
    finally:
        if not keep_open:
            await close_bounded(env, STOP_SECONDS if ending is None else CLOSE_SECONDS)


def _unnoticed(_phase: str) -> None:
    """For rollouts that nobody watches."""


async def close_bounded(env: Environment[Any], seconds: float = CLOSE_SECONDS) -> None:
    """Close the environment; what goes wrong, or takes longer than `seconds`, is logged and given up."""
    if type(env).close is not Environment.close:
        await bounded(env.close(), seconds, f"Closing {type(env).__name__}")


async def bounded(call: Coroutine[Any, Any, None], seconds: float, what: str) -> None:
    """Await `call` for at most `seconds`; what goes wrong is logged as `what`, never raised.

    A call that ignores its cancellation is left behind: nothing can stop it.
    """
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=min(seconds, STOP_SECONDS))
        raise
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE_SECONDS)
        if not task.done() or task.cancelled():
            logger.warning("%s was given up.", what)
        elif (error := task.exception()) is not None:
            logger.warning("%s failed: %r", what, error)
