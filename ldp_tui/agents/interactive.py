"""A person who plays from a plain script: asked for a tool and its arguments, through whatever console is given.

In the app the player `human` takes this part. An agent writes and reads nothing by itself: a `Console` does.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Protocol

from ldp_tui.agents.console import TerminalConsole
from ldp_tui.agents.simple import SimpleAgentState
from ldp_tui.core.agent import AgentKind
from ldp_tui.core.arguments import ArgumentError, ArgumentSchema
from ldp_tui.core.errors import AgentError
from ldp_tui.core.messages import Message
from ldp_tui.core.specs import read_value
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.graph import OpResult
from ldp_tui.graph.agent import Agent

CLEAR = "CLEAR"
"""Typed anywhere: begin the turn anew."""
EXIT = "EXIT"
"""Typed anywhere: give up, which ends the episode as failed."""


class Console(Protocol):
    """Where a person is told things and asked for lines. It is called in a thread, and may block."""

    def tell(self, text: str) -> None:
        """Show a text."""

    def ask(self, prompt: str) -> str:
        """A line of the person's."""


class _Restart(Exception):
    """The person wants to begin the turn anew."""


class InteractiveAgent(Agent[SimpleAgentState]):
    """Asks a person for one tool call per turn; arguments are read by the tool's schema, and asked again if wrong."""

    kind: ClassVar[AgentKind] = "human"

    def __init__(self, console: Console | None = None) -> None:
        """A person at `console`; at this terminal where none is given."""
        self._console = console or TerminalConsole()

    async def init_state(self, tools: list[Tool]) -> SimpleAgentState:
        """The tools, which the person is shown."""
        await self._tell("AVAILABLE TOOLS", *(tool.info.describe_str() for tool in tools))
        return SimpleAgentState(tools=tools)

    async def get_asv(
        self, agent_state: SimpleAgentState, obs: list[Message]
    ) -> tuple[OpResult[Message], SimpleAgentState, float]:
        """What the person calls, the conversation with it, and 0.

        Raises:
            AgentError: If the person gives up.
        """
        await self._tell("OBSERVATIONS", *(message.text for message in obs))
        state = agent_state.get_next_state(obs)
        while True:
            try:
                call = await self._call(state.tools)
            except _Restart:
                continue
            action = ToolRequestMessage(tool_calls=[call])
            state.messages = [*state.messages, action]
            return await self.wrap_action(action), state, 0.0

    async def _call(self, tools: list[Tool]) -> ToolCall:
        by_name = {tool.info.name: tool for tool in tools}
        while (name := await self._ask("Tool: ")) not in by_name:
            await self._tell(f"There is no tool {name!r}; there are {', '.join(by_name)}.")
        tool = by_name[name]
        given: dict[str, Any] = {}
        for parameter, schema in tool.info.get_properties().items():
            text = await self._argument(tool, parameter, schema)
            if text is not None:
                given[parameter] = text
        return ToolCall.from_name(name, **given)

    async def _argument(self, tool: Tool, name: str, schema: dict[str, Any]) -> Any:
        """A value that fits; None where the person leaves out what may be left out."""
        required = tool.info.parameters.required if tool.info.parameters else []
        kind = schema.get("type", "any")
        default = f" = {schema['default']}" if "default" in schema else ""
        one = {**(tool.info.parameters.model_dump() if tool.info.parameters else {}), "required": []}
        while True:
            text = await self._ask(f"{name} ({kind}{default}): ")
            if not text:
                if name not in required:
                    return None
                await self._tell(f"{name} is needed.")
                continue
            value = text if kind == "string" else read_value(text)
            try:
                return ArgumentSchema(one).coerce({name: value})[name]
            except ArgumentError as error:
                await self._tell(str(error))

    async def _ask(self, prompt: str) -> str:
        line = (await asyncio.to_thread(self._console.ask, prompt)).strip()
        if line == CLEAR:
            raise _Restart
        if line == EXIT:
            raise AgentError("The person gave up.")
        return line

    async def _tell(self, *texts: str) -> None:
        await asyncio.to_thread(self._console.tell, "\n\n".join(texts))
