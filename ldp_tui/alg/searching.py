"""What searches share: branches off plays, all of which are closed at the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ldp_tui.alg.branching import Branches
from ldp_tui.alg.playing import Play, Stage
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import EnvError
from ldp_tui.core.trajectory import Transition
from ldp_tui.engine.fork import Fork
from ldp_tui.engine.reset import reset_keywords


@dataclass(slots=True)
class Search:
    """The open branches of one search in one environment. `max_steps` counts from the root."""

    stage: Stage
    branches: Branches
    max_steps: int | None
    clone_state: Callable[[Any], Any] | None = None
    _open: set[Play] = field(default_factory=set)

    async def branch(self, play: Play, name: str) -> Play | Transition:
        """Another play that goes on from the moment at which `play` stands; or, as a failed step, why there is none.

        Raises:
            Exception: Where the stage does not catch failures of environments.
        """
        fork = play.fork()
        try:
            env = await self.branches.branch(play.env, fork.started, play.history)
        except Exception as error:
            if not self.stage.catch_env_failures:
                raise
            return _no_branch(fork, error)
        if self.clone_state is not None:
            fork = replace(fork, agent_state=self.clone_state(fork.agent_state))
        branch = Play(self.stage, env, name=name, max_steps=self.max_steps, fork=fork, history=play.history)
        self._open.add(branch)
        return branch

    async def stop(self, *plays: Play) -> None:
        """Leave these plays, all at once."""
        self._open.difference_update(plays)
        await asyncio.gather(*(play.stop() for play in plays))

    async def stop_all(self) -> None:
        """Leave what is still open; nothing that goes wrong is raised."""
        await asyncio.gather(*(play.stop(hurry=True) for play in self._open), return_exceptions=True)


def _no_branch(fork: Fork, error: Exception) -> Transition:
    return Transition(
        timestep=fork.t,
        agent_state=fork.agent_state,
        observation=list(fork.observation),
        metadata={"exception": repr(error), "failed_phase": EnvError.phase},
    )


def seed_to_replay(env: Environment[Any], seed: int | None) -> int | None:
    """The seed of a search: one is drawn where none is given and the environment takes one, so that it can be reset."""
    if seed is None and "seed" in reset_keywords(type(env)):
        return random.getrandbits(31)
    return seed
