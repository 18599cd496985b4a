"""Our players, people too, for code that is written for LDP: its rollouts, evaluators and trainers.

RolloutManager(to_ldp(OptimalAgent(), environment=blackjack)).sample_trajectories(environments=[…])
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, PrivateAttr

from ldp_tui.adapters import aviary_core as aviary
from ldp_tui.adapters import ldp_core as ldp
from ldp_tui.adapters.aviary_messages import message_to_aviary, messages_from_aviary, tool_from_aviary
from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages
from ldp_tui.core.tools import Tool


class LdpTuiAgentState(BaseModel):
    """An episode of one of our players. Dumps are plain and short; the player's own state stays in the process."""

    turns: int = 0
    _own: Any = PrivateAttr(default=None)


class LdpTuiAgent(ldp.Agent[LdpTuiAgentState]):  # type: ignore[no-untyped-call]
    """`agent` as LDP sees it.

    LDP does not show agents their environment; players that look at it (optimal, mask-random) are given
    `environment`. Every episode begins with `seed`.
    """

    def __init__(
        self, agent: Agent[Any], *, environment: Environment[Any] | None = None, seed: int | None = None
    ) -> None:
        self._held = _Held(agent, environment, seed)
        # One op for all turns: each that `wrap_action` makes stays in LDP's registry for good.
        self._action_op = ldp.IdentityOp[aviary.Message]()  # type: ignore[no-untyped-call]

    async def init_state(self, tools: list[aviary.Tool]) -> LdpTuiAgentState:
        """The state of a new episode."""
        held = self._held
        ours = [tool_from_aviary(tool) for tool in tools]
        held.agent.prepare(env=held.environment or _ToolsAlone(ours), seed=held.seed)
        return _state(0, await held.agent.init_state(ours))

    async def get_asv(
        self, agent_state: LdpTuiAgentState, obs: list[aviary.Message]
    ) -> tuple[ldp.OpResult[aviary.Message], LdpTuiAgentState, float]:
        """The player's choice, in a message of its own."""
        chosen: Any
        chosen, own, value = await self._held.agent.get_asv(agent_state._own, messages_from_aviary(obs))
        result = await self._action_op(message_to_aviary(getattr(chosen, "value", chosen)))
        return result, _state(agent_state.turns + 1, own), float(value)


def to_ldp(agent: Agent[Any], *, environment: Environment[Any] | None = None, seed: int | None = None) -> LdpTuiAgent:
    """`agent` as an agent of LDP's; see `LdpTuiAgent`."""
    return LdpTuiAgent(agent, environment=environment, seed=seed)


def _state(turns: int, own: Any) -> LdpTuiAgentState:
    state = LdpTuiAgentState(turns=turns)
    state._own = own
    return state


class _Held:
    """What LDP must not look into: at construction it walks all that an agent's attributes reach, in search of ops."""

    __slots__ = ("agent", "environment", "seed")

    def __init__(self, agent: Agent[Any], environment: Environment[Any] | None, seed: int | None) -> None:
        self.agent, self.environment, self.seed = agent, environment, seed


class _ToolsAlone(Environment[None]):
    """All that is known of an environment that LDP plays: its tools."""

    def __init__(self, tools: list[Tool]) -> None:
        self.state, self.tools = None, tools

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Not here."""
        raise NotImplementedError("This environment is played by LDP.")

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Not here."""
        raise NotImplementedError("This environment is played by LDP.")
