"""The message with which a player without words makes its move."""

from __future__ import annotations

from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage


def request(call: ToolCall, *, turn: int) -> ToolRequestMessage:
    """`call` as a message. Its id is the turn, so that the same play gives the same record."""
    return ToolRequestMessage(tool_calls=[ToolCall(id=f"{turn:09x}", function=call.function)])


def seeded(player: str, seed: int | None) -> str | None:
    """Seed of a player's own random numbers, apart from those of the environment (None: a fresh one)."""
    return None if seed is None else f"{player} {seed}"
