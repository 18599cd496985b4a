"""Short ways to send tool calls to an environment."""

from __future__ import annotations

from typing import Any

from ldp_tui import Environment, ToolCall, ToolRequestMessage


def request(*calls: tuple[str, dict[str, Any]]) -> ToolRequestMessage:
    return ToolRequestMessage(tool_calls=[ToolCall.from_name(name, **arguments) for name, arguments in calls])


async def call(env: Environment[Any], name: str, **arguments: Any) -> tuple[str, float, bool, bool]:
    """The text of the one answer, with the rest of what step returned."""
    messages, reward, done, truncated = await env.step(request((name, arguments)))
    (message,) = messages
    return message.content or "", reward, done, truncated
