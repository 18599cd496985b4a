"""Short forms for playing a Gymnasium environment in a test."""

from __future__ import annotations

from typing import Any

from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage


def request(action: Any) -> ToolRequestMessage:
    return ToolRequestMessage(tool_calls=[ToolCall.from_name("act", action=action)])


async def act(env: GymnasiumEnvironment, action: Any) -> tuple[Message, float, bool, bool]:
    (answer,), reward, done, truncated = await env.step(request(action))
    return answer, reward, done, truncated
