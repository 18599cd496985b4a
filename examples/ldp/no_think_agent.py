"""An agent in plain Python that thinks of nothing: LDP's `NoThinkAgent`.

python examples/ldp/no_think_agent.py
"""

import asyncio

from ldp_tui import Action, Agent, DummyEnv, Message, Tool, ToolCall, ToolRequestMessage
from ldp_tui.alg import RolloutManager


class NoThinkAgent(Agent[None]):
    """Makes the same call at every step. Its state is None."""

    async def init_state(self, tools: list[Tool]) -> None:
        """Nothing to remember."""

    async def get_asv(self, agent_state: None, obs: list[Message]) -> tuple[Action, None, float]:
        """The call, made an action by `wrap_action`."""
        tool_call = ToolCall.from_name("print_story", story="Foo went to the bar.")
        return await self.wrap_action(ToolRequestMessage(tool_calls=[tool_call])), None, 0.0


async def main() -> None:
    """Play it in eight environments at once."""
    manager = RolloutManager(NoThinkAgent())
    trajectories = await manager.sample_trajectories(environments=[DummyEnv() for _ in range(8)])
    print([trajectory.steps[-1].reward for trajectory in trajectories])


if __name__ == "__main__":
    asyncio.run(main())
