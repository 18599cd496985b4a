"""LDP's `SimpleAgent` written out: one call of a language model, and the bookkeeping around it.

python examples/ldp/own_simple_agent.py
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from model import a_model

from ldp_tui import DummyEnv, EpisodeEnded, Message, Tool, rollout
from ldp_tui.graph import Agent, OpResult, compute_graph
from ldp_tui.models import LLMCallOp


@dataclass(frozen=True)
class AgentState:
    """What was said so far, and what can be called."""

    messages: list[Message] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)


class OwnSimpleAgent(Agent[AgentState]):
    """Sends the whole conversation each time."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.llm_call_op = LLMCallOp()

    async def init_state(self, tools: list[Tool]) -> AgentState:
        """Nothing was said."""
        return AgentState(tools=tools)

    @compute_graph()
    async def get_asv(self, agent_state: AgentState, obs: list[Message]) -> tuple[OpResult[Message], AgentState, float]:
        """The model's reply, and the conversation with it."""
        messages = [*agent_state.messages, *obs]
        action = await self.llm_call_op(config=self.config, msgs=messages, tools=agent_state.tools)
        return action, AgentState([*messages, action.value], agent_state.tools), 0.0


async def main() -> None:
    """Play one episode on the project's own pipe."""
    with a_model([("print_story", {"story": "A dog met a cat."})]) as config:
        async for event in rollout(DummyEnv(), OwnSimpleAgent(config)):
            if isinstance(event, EpisodeEnded):
                print(f"{event.reason}, return {event.return_:g}")


if __name__ == "__main__":
    asyncio.run(main())
