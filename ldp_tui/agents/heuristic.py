"""The player that follows a rule of thumb."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ldp_tui.agents.heuristics import HEURISTICS, Heuristic, Rule, heuristic_for
from ldp_tui.agents.moves import request
from ldp_tui.agents.native import (
    NativeEnvironment,
    UnsupportedEnvironment,
    call_label,
    environment_id,
    native_environment,
)
from ldp_tui.core.agent import Action, Agent, AgentKind, PlainAction, propose, reflect
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import AgentError
from ldp_tui.core.messages import Message
from ldp_tui.core.tools import Tool

SUPPORTED = ", ".join(HEURISTICS)


@dataclass(frozen=True, slots=True)
class HeuristicState:
    """An episode of the heuristic player; the rule may remember what it saw."""

    env: NativeEnvironment
    heuristic: Heuristic
    rule: Rule
    turn: int = 0


class HeuristicAgent(Agent[HeuristicState]):
    """Plays a documented rule of thumb, which is good but not optimal."""

    kind: ClassVar[AgentKind] = "policy"

    def __init__(self) -> None:
        self._prepared: tuple[NativeEnvironment, Heuristic] | None = None

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        """Choose the rule for `env`; raises UnsupportedEnvironment where there is none."""
        native = native_environment(env, player="heuristic", supported=SUPPORTED)
        heuristic = heuristic_for(native.gym_env)
        if heuristic is None:
            raise UnsupportedEnvironment("heuristic", environment_id(native.gym_env), SUPPORTED)
        self._prepared = native, heuristic

    async def init_state(self, tools: list[Tool]) -> HeuristicState:
        """Start the episode that was prepared, with a rule that remembers nothing."""
        if self._prepared is None:
            raise AgentError("the heuristic player was not prepared for an environment")
        env, heuristic = self._prepared
        return HeuristicState(env, heuristic, heuristic.start(env.gym_env))

    async def get_asv(self, agent_state: HeuristicState, obs: list[Message]) -> tuple[Action, HeuristicState, float]:
        """The call that the rule asks for; its value estimate is 0."""
        env, heuristic = agent_state.env, agent_state.heuristic
        choice = agent_state.rule(env.native_observation)
        call = env.call_for(choice)
        source = f" ({heuristic.source})" if agent_state.turn == 0 else ""
        reflect(f"Heuristic: {call_label(call)}, to {heuristic.idea}{source}.")
        if isinstance(choice, int):  # a point in a continuous space has no probability to show
            propose({call_label(call): 1.0})
        message = request(call, turn=agent_state.turn)
        return PlainAction(message), replace(agent_state, turn=agent_state.turn + 1), 0.0
