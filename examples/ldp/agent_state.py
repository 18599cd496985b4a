"""A state of one's own type: what an agent is generic in. A type checker knows `agent_state.vector`.

python examples/ldp/agent_state.py
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ldp_tui import Action, Agent, DummyEnv, Message, Tool, ToolCall, ToolRequestMessage


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class MyComplexState:
    """What this agent keeps between steps."""

    vector: list[float]
    timestamp: datetime = field(default_factory=now)


class MyAgent(Agent[MyComplexState]):
    """Some agent who is now type checked to match the custom state."""

    async def init_state(self, tools: list[Tool]) -> MyComplexState:
        """A vector of one number."""
        return MyComplexState(vector=[1.0])

    async def get_asv(self, agent_state: MyComplexState, obs: list[Message]) -> tuple[Action, MyComplexState, float]:
        """A call whose argument comes out of the state; the next state is a new one."""
        call = ToolCall.from_name("cast_int", x=sum(agent_state.vector))
        action = await self.wrap_action(ToolRequestMessage(tool_calls=[call]))
        return action, replace(agent_state, vector=[*agent_state.vector, 2.0], timestamp=now()), 0.0


async def main() -> None:
    """Three steps."""
    env, agent = DummyEnv(), MyAgent()
    obs, tools = await env.reset()
    state = await agent.init_state(tools)
    for _ in range(3):
        action, state, _ = await agent.get_asv(state, obs)
        obs, *_ = await env.step(action.value)
        print(obs[0].content, state.vector)


if __name__ == "__main__":
    asyncio.run(main())
