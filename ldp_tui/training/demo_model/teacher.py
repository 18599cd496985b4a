"""The player whose recordings the bundled model learns from: it knows the best move, and tries others now and then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar

from ldp_tui.agents.known_games import SUPPORTED, Glimpse, KnownGame, known_game
from ldp_tui.agents.moves import request, seeded
from ldp_tui.agents.native import (
    NativeEnvironment,
    UnsupportedEnvironment,
    call_label,
    environment_id,
    native_environment,
)
from ldp_tui.agents.planning import Plan, solve
from ldp_tui.core.agent import Action, Agent, AgentKind, PlainAction, propose, reflect
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import AgentError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall
from ldp_tui.core.tools import Tool
from ldp_tui.training.demo_model.reflections import Situation, reason


@dataclass(frozen=True, slots=True)
class Known:
    """An environment with its rules and the plan that is best in the long run."""

    env: NativeEnvironment
    game: KnownGame
    plan: Plan


@dataclass(frozen=True, slots=True)
class TeacherState:
    """An episode of the teacher."""

    known: Known
    calls: tuple[ToolCall, ...]
    rng: Random
    place: int | None = None
    turn: int = 0


class Teacher(Agent[TeacherState]):
    """Says why the best move is best and what it plays with which probability; plays another one now and then.

    The best move of a situation is the same at every time, so that what is said depends on nothing but the situation.
    """

    kind: ClassVar[AgentKind] = "policy"

    def __init__(self, *, exploration: float = 0.0) -> None:
        self._exploration = exploration
        self._known: Known | None = None
        self._rng = Random()

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        """Solve the environment, once for as long as it stays the same."""
        self._rng = Random(seeded("teacher", seed))
        native = native_environment(env, player="teacher", supported=SUPPORTED)
        if self._known is not None and self._known.env is native:
            return
        game = known_game(native.gym_env)
        if game is None:
            raise UnsupportedEnvironment("teacher", environment_id(native.gym_env), SUPPORTED)
        self._known = Known(native, game, solve(game.table, horizon=None))

    async def init_state(self, tools: list[Tool]) -> TeacherState:
        """Start the episode that was prepared."""
        if self._known is None:
            raise AgentError("the teacher was not prepared for an environment")
        actions = range(self._known.game.table.reward.shape[1])
        return TeacherState(self._known, tuple(self._known.env.call_for(action) for action in actions), self._rng)

    async def get_asv(self, agent_state: TeacherState, obs: list[Message]) -> tuple[Action, TeacherState, float]:
        """A move, most often the best; the reflection is about the best one in any case."""
        known = agent_state.known
        place = known.game.locate(Glimpse(known.env.native_observation, known.env.elapsed_steps, agent_state.place))
        best = known.plan.action(place, remaining=None)
        labels = [call_label(call) for call in agent_state.calls]
        inner = known.env.gym_env.unwrapped
        reflect(reason(Situation(inner, known.game, known.plan, place, best, labels[best])))
        share = self._exploration / len(labels)
        propose({label: share + (1.0 - self._exploration) * (action == best) for action, label in enumerate(labels)})
        explores = agent_state.rng.random() < self._exploration
        played = agent_state.rng.randrange(len(labels)) if explores else best
        message = request(agent_state.calls[played], turn=agent_state.turn)
        value = known.plan.action_values(place, remaining=None)[played]
        return PlainAction(message), replace(agent_state, place=place, turn=agent_state.turn + 1), value
