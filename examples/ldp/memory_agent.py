"""An agent with a memory, whose action is connected to what it remembered: the graph of LDP's README.

python examples/ldp/memory_agent.py
"""

import asyncio
from typing import Any

from model import a_model

from ldp_tui import DummyEnv, Message, Tool
from ldp_tui.agents import SimpleAgentState
from ldp_tui.graph import Agent, ConfigOp, FxnOp, OpResult, PromptOp, compute_graph
from ldp_tui.models import LLMCallOp, Memory, MemoryOp


def format_memories(prompt: str, memories: list[Memory]) -> str:
    """The memories, each in the words of `prompt`."""
    return "\n".join(prompt.format(input=memory.input, output=memory.output, value=memory.value) for memory in memories)


def package(messages: list[Message], memory_prompt: str, use_memories: bool) -> list[Message]:
    """The conversation, with what is remembered before it."""
    return [Message(role="system", content=memory_prompt), *messages] if use_memories else messages


class MemoryAgent(Agent[SimpleAgentState]):
    """Looks for memories that are like the conversation, shows them to the model, and sends its reply."""

    memory_prompt = "Before: {input} -> {output} was worth {value:g}."
    num_memories = 2

    def __init__(self, config: dict[str, Any]) -> None:
        self._query_factory_op = FxnOp(lambda messages: "\n".join(str(message) for message in messages))
        self._memory_op = MemoryOp()
        self._format_memory_op = FxnOp(format_memories)
        self._prompt_op = PromptOp("You remember:\n{memories}")
        self._package_op = FxnOp(package)
        self._config_op = ConfigOp(config)
        self._llm_call_op = LLMCallOp()

    async def init_state(self, tools: list[Tool]) -> SimpleAgentState:
        """An empty conversation."""
        return SimpleAgentState(tools=tools)

    @compute_graph()
    async def get_asv(
        self, agent_state: SimpleAgentState, obs: list[Message]
    ) -> tuple[OpResult[Message], SimpleAgentState, float]:
        """The model's reply to conversation and memories."""
        # Update state with new observations
        next_state = agent_state.get_next_state(obs)

        # Retrieve relevant memories
        query = await self._query_factory_op(next_state.messages)
        memories = await self._memory_op(query, matches=self.num_memories)

        # Format memories and package messages
        formatted_memories = await self._format_memory_op(self.memory_prompt, memories)
        memory_prompt = await self._prompt_op(memories=formatted_memories)
        packaged_messages = await self._package_op(
            next_state.messages, memory_prompt=memory_prompt, use_memories=bool(memories.value)
        )

        # Make LLM call and update state
        config = await self._config_op()
        result = await self._llm_call_op(config, msgs=packaged_messages, tools=next_state.tools)
        next_state.messages = [*next_state.messages, result.value]
        return result, next_state, 0.0


async def main() -> None:
    """One decision, and what led to it."""
    with a_model([("print_story", {"story": "A whale sang at dawn."})]) as config:
        agent = MemoryAgent(config)
        learnt = Memory(query="Write a 5 word story", input="a story", output="five words", value=1.0)
        await agent._memory_op.memory_model.add_memory(learnt)

        obs, tools = await DummyEnv(task="the sea").reset()
        action, _, _ = await agent.get_asv(await agent.init_state(tools), obs)
        print(action.value)
        print(sorted(result.op_name for result in action.traverse()))


if __name__ == "__main__":
    asyncio.run(main())
