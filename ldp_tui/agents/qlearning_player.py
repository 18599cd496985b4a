"""The player that first practises by tabular Q-learning, then plays what it learned."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar

from ldp_tui.agents.known_games import SUPPORTED
from ldp_tui.agents.moves import request, seeded
from ldp_tui.agents.native import (
    NativeEnvironment,
    UnsupportedEnvironment,
    call_label,
    environment_id,
    native_environment,
)
from ldp_tui.agents.optimal import explain
from ldp_tui.agents.qlearning import QLearner, learner_for
from ldp_tui.core.agent import Action, Agent, AgentKind, PlainAction, propose, reflect
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import AgentError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall
from ldp_tui.core.tools import Tool

PARTS = 50
"""Parts in which the practice is played; other coroutines run in between."""

REPORTS = 5
"""How many parts lie between two reports of progress."""


@dataclass(frozen=True, slots=True)
class QLearningState:
    """An episode of the Q-learning player; `rng` chooses where nothing was learned."""

    env: NativeEnvironment
    learner: QLearner
    calls: tuple[ToolCall, ...]
    rng: Random
    turn: int = 0


class QLearningAgent(Agent[QLearningState]):
    """Practises at its first move, for a few seconds and once per process, then always plays the best learned action.

    What it learns depends on `training_seed` and `episodes` (None: as many as reach the optimum or nearly) alone.
    """

    streams: ClassVar[bool] = True
    kind: ClassVar[AgentKind] = "policy"

    def __init__(self, *, episodes: int | None = None, training_seed: int = 0) -> None:
        self._episodes, self._training_seed = episodes, training_seed
        self._prepared: tuple[NativeEnvironment, QLearner] | None = None
        self._seed: int | None = None

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        """Find the learner for `env`; raises UnsupportedEnvironment where there is none."""
        self._seed = seed
        native = native_environment(env, player="qlearning", supported=SUPPORTED)
        if self._prepared is not None and self._prepared[0] is native:
            return
        learner = learner_for(native.gym_env, seed=self._training_seed, episodes=self._episodes)
        if learner is None:
            raise UnsupportedEnvironment("qlearning", environment_id(native.gym_env), SUPPORTED)
        self._prepared = native, learner

    async def init_state(self, tools: list[Tool]) -> QLearningState:
        """Start the episode that was prepared."""
        if self._prepared is None:
            raise AgentError("the qlearning player was not prepared for an environment")
        env, learner = self._prepared
        calls = tuple(env.call_for(action) for action in range(learner.actions))
        return QLearningState(env, learner, calls, Random(seeded("qlearning", self._seed)))

    async def get_asv(self, agent_state: QLearningState, obs: list[Message]) -> tuple[Action, QLearningState, float]:
        """The call with the highest learned value, which is also the value estimate."""
        await _practise(agent_state.learner)
        labels = [call_label(call) for call in agent_state.calls]
        values = agent_state.learner.action_values(agent_state.env.native_observation)
        if values is None:
            best, value = agent_state.rng.randrange(len(labels)), 0.0
            reflect(f"Q-learning: {labels[best]}, by chance: this situation never came up in practice.")
        else:
            best, value = values.index(max(values)), max(values)
            reflect(explain("Q-learning", labels, values, best))
            propose({label: float(action == best) for action, label in enumerate(labels)})
        message = request(agent_state.calls[best], turn=agent_state.turn)
        return PlainAction(message), replace(agent_state, turn=agent_state.turn + 1), value


async def _practise(learner: QLearner) -> None:
    """Finish the practice, reporting how far it is."""
    if learner.done:
        return
    reflect(f"Practising {learner.recipe.episodes:,} episodes: ")
    part = max(1, learner.recipe.episodes // PARTS)
    for count in itertools.count(1):
        if (progress := learner.advance(part)) >= 1.0:
            break
        if count % REPORTS == 0:
            reflect(f"{progress:.0%} ")
        await asyncio.sleep(0)
    reflect("\n")
