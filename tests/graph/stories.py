"""Small graphs that several tests look at."""

from __future__ import annotations

from typing import Any

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.graph import Agent, ConfigOp, FxnOp, OpResult, PromptOp, compute_graph


def act(action: str) -> str:
    """Hit or stick.

    Args:
        action: What to do.
    """
    return action


class Remembering(Agent[None]):
    """An agent with a memory, as LDP's README has one, whose model is a function."""

    def __init__(self) -> None:
        self.query_op = FxnOp(lambda msgs: f"{len(msgs)} messages")
        self.memory_op = FxnOp(lambda query, matches=3: ["won at 17", "lost at 21"][:matches])
        self.prompt_op = PromptOp("Remember: {memories}")
        self.config_op = ConfigOp({"name": "a-model", "temperature": 0.5})
        self.package_op = FxnOp(lambda msgs, prompt: [Message(role="system", content=prompt), *msgs])
        self.llm_op = FxnOp(self._answer)

    async def _answer(self, config: dict[str, Any], msgs: list[Message], tools: list[Tool]) -> ToolRequestMessage:
        call = ToolCall.from_name("act", id="call-1", action="stick")
        return ToolRequestMessage(content=f"{config['name']} read {len(msgs)}.", tool_calls=[call])

    async def init_state(self, tools: list[Tool]) -> None:
        return None

    @compute_graph()
    async def get_asv(self, agent_state: None, obs: list[Message]) -> tuple[OpResult[Message], None, float]:
        memories = await self.memory_op(await self.query_op(obs), matches=2)
        prompt = await self.prompt_op(memories=memories)
        package = await self.package_op(obs, prompt)
        config = await self.config_op()
        return await self.llm_op(config, msgs=package, tools=[Tool.from_function(act)]), None, 0.0


async def remembered_step() -> OpResult[Message]:
    """The action of one step of that agent."""
    action, _, _ = await Remembering().get_asv(None, [Message(content="Your hand counts 17.")])
    return action


async def diamond() -> dict[str, OpResult[int]]:
    """a is used by b and c, and both by d, which also has the value 5."""
    first, add, total = FxnOp(lambda: 3), FxnOp(lambda x, by: x + by), FxnOp(lambda *numbers: sum(numbers))
    first.set_name("first")
    add.set_name("add")
    total.set_name("total")
    async with compute_graph():
        a = await first()
        b, c = await add(a, 1), await add(a, by=2)
        return {"a": a, "b": b, "c": c, "d": await total(b, c, 5)}
