"""A CartPole player that thinks aloud: about 90 words a second, streamed while it decides."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from ldp_tui.core.agent import Agent, PlainAction, reflect
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool

TEXT = "the pole leans so the cart follows it and the angle shrinks while its speed stays small for one more step"
WORDS = TEXT.split()


class StreamingAgent(Agent[int]):
    """State: how many words were said."""

    streams: ClassVar[bool] = True

    async def init_state(self, tools: list[Tool]) -> int:
        return 0

    async def get_asv(self, agent_state: int, obs: list[Message]) -> tuple[PlainAction, int, float]:
        for offset in range(3):
            reflect(WORDS[(agent_state + offset) % len(WORDS)] + " ")
            await asyncio.sleep(0.001)
        observation: Any = (obs[-1].info or {}).get("observation") or [0.0] * 4
        right = observation[2] + 0.3 * observation[3] > 0
        call = ToolCall.from_name("act", action=1 if right else 0)
        return PlainAction(ToolRequestMessage(tool_calls=[call])), agent_state + 3, 0.0
