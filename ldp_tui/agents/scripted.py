"""Plays a list of calls: for tests, demonstrations, and for taking up recorded actions again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ldp_tui.core.agent import Agent, PlainAction, reflect
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import AgentError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, copy_message
from ldp_tui.core.tools import Tool

ScriptItem = Message | ToolCall | tuple[str, Mapping[str, Any]] | str


class ScriptedAgent(Agent[int]):
    """Sends the given items in order: messages, calls, `(tool, arguments)` pairs, or text. Its state is the position.

    With `repeat`, the script starts again when it is used up; otherwise the episode fails there (phase agent).
    """

    def __init__(self, script: Iterable[ScriptItem], *, repeat: bool = False, reflections: Iterable[str] = ()) -> None:
        self._script = list(script)
        self._reflections = list(reflections)
        self._repeat = repeat

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        """Nothing to prepare."""

    async def init_state(self, tools: list[Tool]) -> int:
        """Position 0."""
        return 0

    async def get_asv(self, agent_state: int, obs: list[Message]) -> tuple[PlainAction, int, float]:
        """The next message of the script.

        Raises:
            AgentError: If the script is used up.
        """
        count = len(self._script)
        if agent_state >= count and not (self._repeat and count):
            raise AgentError(f"The script has {count} actions and all are used up.")
        index = agent_state % count
        if index < len(self._reflections):
            reflect(self._reflections[index])
        return PlainAction(_message(self._script[index])), agent_state + 1, 0.0


def _message(item: ScriptItem) -> Message:
    if isinstance(item, str):
        return Message(role="assistant", content=item)
    if isinstance(item, tuple):
        name, arguments = item
        item = ToolCall.from_name(name, **arguments)
    if isinstance(item, ToolCall):
        return ToolRequestMessage(tool_calls=[item])
    return copy_message(item)
