"""A player of one's own: it halves what is left.

From the folder of this file:   ldp-tui run own_environment.py --agent own_agent:Bisection --episodes 20
"""

import asyncio
from dataclasses import dataclass, replace

from own_environment import make

from ldp_tui import Agent, EpisodeEnded, Message, PlainAction, Tool, ToolCall, ToolRequestMessage, reflect, rollout


@dataclass(frozen=True)
class Interval:
    """Where the number can still be, and the guess in the middle."""

    low: int
    high: int

    @property
    def middle(self) -> int:
        """The next guess."""
        return (self.low + self.high) // 2


class Bisection(Agent[Interval]):
    """Guesses the middle. The state lives outside the agent, so that one agent plays many episodes at once."""

    def __init__(self, limit: int = 100) -> None:
        self.limit = limit

    async def init_state(self, tools: list[Tool]) -> Interval:
        """Everything is possible."""
        return Interval(1, self.limit)

    async def get_asv(self, agent_state: Interval, obs: list[Message]) -> tuple[PlainAction, Interval, float]:
        """Action, next state, value estimate."""
        match obs[-1].content:
            case "Higher.":
                agent_state = replace(agent_state, low=agent_state.middle + 1)
            case "Lower.":
                agent_state = replace(agent_state, high=agent_state.middle - 1)
        reflect(f"It is between {agent_state.low} and {agent_state.high}.")
        call = ToolCall.from_name("guess", number=agent_state.middle)
        return PlainAction(ToolRequestMessage(tool_calls=[call])), agent_state, 0.0


async def main() -> None:
    """Play one episode without recording it."""
    async for event in rollout(make(), Bisection(), seed=1):
        if isinstance(event, EpisodeEnded):
            print(f"{event.reason} after {event.steps} steps with return {event.return_:.2f}")


if __name__ == "__main__":
    asyncio.run(main())
