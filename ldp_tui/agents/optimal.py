"""The player that knows the rules and plays them perfectly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ldp_tui.agents.known_games import SUPPORTED, Glimpse, KnownGame, known_game
from ldp_tui.agents.moves import request
from ldp_tui.agents.native import (
    NativeEnvironment,
    UnsupportedEnvironment,
    call_label,
    environment_id,
    native_environment,
    step_limit,
)
from ldp_tui.agents.planning import TIE, Plan, solve
from ldp_tui.agents.references import shorter
from ldp_tui.core.agent import Action, Agent, AgentKind, PlainAction, propose, reflect
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import AgentError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall
from ldp_tui.core.tools import Tool


@dataclass(frozen=True, slots=True)
class Solved:
    """An environment with its rules and the plan for them."""

    env: NativeEnvironment
    game: KnownGame
    plan: Plan
    horizon: int | None


@dataclass(frozen=True, slots=True)
class OptimalState:
    """An episode of the optimal player."""

    solved: Solved
    calls: tuple[ToolCall, ...]
    """The call that plays each action."""
    place: int | None = None
    """State of the table at the previous decision."""
    turn: int = 0


class OptimalAgent(Agent[OptimalState]):
    """Plays the policy with the highest expected return, computed exactly from the environment's rules.

    The policy knows the environment's step limit. `max_steps` tells it of a tighter one that is set from outside.
    """

    kind: ClassVar[AgentKind] = "policy"

    def __init__(self, *, max_steps: int | None = None) -> None:
        self._max_steps = max_steps
        self._solved: Solved | None = None

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        """Solve the environment, once for as long as it stays the same.

        Raises:
            UnsupportedEnvironment: If its rules are not known.
        """
        native = native_environment(env, player="optimal", supported=SUPPORTED)
        if self._solved is not None and self._solved.env is native:
            return
        game = known_game(native.gym_env)
        if game is None:
            raise UnsupportedEnvironment("optimal", environment_id(native.gym_env), SUPPORTED)
        horizon = shorter(step_limit(native.gym_env), self._max_steps)
        self._solved = Solved(native, game, solve(game.table, horizon=horizon), horizon)

    async def init_state(self, tools: list[Tool]) -> OptimalState:
        """Start the episode that was prepared."""
        if self._solved is None:
            raise AgentError("the optimal player was not prepared for an environment")
        actions = range(self._solved.game.table.reward.shape[1])
        return OptimalState(self._solved, tuple(self._solved.env.call_for(action) for action in actions))

    async def get_asv(self, agent_state: OptimalState, obs: list[Message]) -> tuple[Action, OptimalState, float]:
        """The best call, with the expected return from here on as its value."""
        solved = agent_state.solved
        elapsed = solved.env.elapsed_steps
        place = solved.game.locate(Glimpse(solved.env.native_observation, elapsed, agent_state.place))
        remaining = None if solved.horizon is None else max(1, solved.horizon - elapsed)
        best = solved.plan.action(place, remaining=remaining)
        values = solved.plan.action_values(place, remaining=remaining)
        labels = [call_label(call) for call in agent_state.calls]
        reflect(explain("Optimal", labels, values, best))
        propose({label: float(action == best) for action, label in enumerate(labels)})
        message = request(agent_state.calls[best], turn=agent_state.turn)
        return PlainAction(message), replace(agent_state, place=place, turn=agent_state.turn + 1), values[best]


def explain(player: str, labels: list[str], values: list[float], best: int) -> str:
    """One sentence that sets the chosen action's value against the best of the others."""
    others = [action for action in range(len(values)) if action != best]
    if not others:
        return f"{player}: {labels[best]}, the only action (value {values[best]:.2f})."
    rival = max(others, key=values.__getitem__)
    if abs(values[best] - values[rival]) <= TIE:
        return f"{player}: {labels[best]} (value {values[best]:.2f}, {labels[rival]} is as good)."
    digits = 2 if abs(values[best] - values[rival]) >= 0.01 else 4
    ours, theirs = (f"{values[action]:.{digits}f}" for action in (best, rival))
    return f"{player}: {labels[best]} (value {ours} against {labels[rival]} {theirs})."
