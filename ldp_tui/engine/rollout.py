"""Plays one episode and tells what happens, as an async generator of events. It stores and shows nothing itself."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.engine.episode import Episode
from ldp_tui.engine.events import ActionProposed, AgentRecord, EnvironmentRecord, Event, ReflectionDelta
from ldp_tui.engine.identity import new_uid

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
"""How long `env.close()` may take before it is given up."""


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
) -> AsyncGenerator[Event, None]:
    """Play `env` with `agent` until the task ends, a limit is reached, or something fails.

    Failures of agent, environment or tools do not raise: they end the episode with reason `failed`. The environment is
    closed in every case (unless `keep_open`), and an error in closing costs nothing that was played.

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
    """
    episode = Episode(env, agent, render=render, notice=notice or _unnoticed)
    try:
        started, failure = await episode.start(
            uid=uid or new_uid(),
            environment=environment or EnvironmentRecord(type(env).__name__),
            player=player or AgentRecord(type(agent).__name__, agent.kind),
            seed=seed,
            options=options or {},
            task_id=task_id,
            max_steps=max_steps,
        )
        yield started
        if failure is not None:
            yield episode.end("failed", error=failure)
            return
        for index in itertools.count():
            if max_steps is not None and index >= max_steps:  # only for a limit of zero
                yield episode.end("truncated")
                return
            if gate is not None and not await gate(index):
                yield episode.end("aborted")
                return
            try:
                if agent.streams:
                    async with aclosing(episode.decide_aloud()) as pieces:
                        async for text in pieces:
                            yield ReflectionDelta(index, text)
                else:
                    await episode.decide()
                    for text in episode.reflection:
                        yield ReflectionDelta(index, text)
                yield ActionProposed(index, episode.action, episode.probabilities)
                step = await episode.step(index, last=max_steps is not None and index + 1 >= max_steps)
            except Exception as error:  # noqa: BLE001 (whatever user code raises becomes a failed episode)
                yield episode.end("failed", error=error)
                return
            yield step
            if step.terminated or step.truncated:
                yield episode.end("terminated" if step.terminated else "truncated")
                return
    finally:
        if not keep_open:
            await close_bounded(env)


def _unnoticed(_phase: str) -> None:
    """For rollouts that nobody watches."""


async def close_bounded(env: Environment[Any], seconds: float = CLOSE_SECONDS) -> None:
    """Close the environment; what goes wrong, or takes longer than `seconds`, is logged and given up."""
    if type(env).close is Environment.close:
        return
    try:
        await asyncio.wait_for(env.close(), seconds)
    except Exception as error:  # noqa: BLE001 (the episode is over and kept, whatever close does)
        logger.warning("Closing %s failed: %r", type(env).__name__, error)
