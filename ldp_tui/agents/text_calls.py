"""An agent that calls tools in plain text, for models whose server takes no tools."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from pydantic import PrivateAttr

from ldp_tui.agents.asking import UnreadableReply, until_readable
from ldp_tui.agents.simple import SimpleAgent, SimpleAgentState
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.graph import FxnOp, OpResult, compute_graph
from ldp_tui.models.modules import ToolDescriptionMethods
from ldp_tui.models.parsing import ReplyReader, Said
from ldp_tui.models.prompts import prepend_sys

FORM: Final = (
    "You act by calling one of these tools:\n\n{tools}\n\nThink as long as you like. Then end with one JSON object and"
    ' nothing behind it: {{"name": "the tool", "arguments": {{"parameter": "value"}}}}'
)
_FENCED: Final = re.compile(r"```(?:\w+)?\s*\n(.*?)```", re.DOTALL)


class TextCallAgent(SimpleAgent):
    """SimpleAgent whose model is told of the tools in the system prompt, and whose words are read as calls."""

    _read_op: FxnOp[Message] = PrivateAttr()

    def make_ops(self) -> None:
        """Reading besides."""
        super().make_ops()
        self._read_op = FxnOp(read_call)

    async def get_asv(
        self, agent_state: SimpleAgentState, obs: list[Message]
    ) -> tuple[OpResult[Message], SimpleAgentState, float]:
        """The call, the conversation with the reply, and 0. A reply that cannot be read is asked for again.

        Raises:
            MalformedMessageError: If none of five replies can be read.
        """
        return await until_readable(lambda: self._turn(agent_state, obs))

    @compute_graph()
    async def _turn(
        self, agent_state: SimpleAgentState, obs: list[Message]
    ) -> tuple[OpResult[Message], SimpleAgentState, float]:
        next_state = agent_state.get_next_state(obs)
        form = FORM.format(tools=ToolDescriptionMethods.STR.describe(next_state.tools))
        asked = prepend_sys(_as_text(next_state.messages), "\n\n".join(filter(None, [self.sys_prompt, form])))
        reply = await self._llm_call_op(await self._config_op(), msgs=asked)
        action = await self._read_op(reply, next_state.tools)
        next_state.messages = [*next_state.messages, action.value]
        return action, next_state, 0.0


def read_call(message: Message, tools: Sequence[Tool]) -> Message:
    """The tool request in a model's words, by the ladder that all players have; without tools the words are the action.

    Where the only tool has one parameter that takes any text, a reply without a call is its value. The content of the
    request is the whole reply.

    Raises:
        UnreadableReply: If no call can be found.
    """
    if not tools:
        return message
    text = message.text
    reading = ReplyReader(tools).read(Said(text))
    if reading.calls:
        return ToolRequestMessage(content=text, tool_calls=list(reading.calls))
    if len(tools) == 1 and (words := _words_alone(text, tools[0])) is not None:
        return ToolRequestMessage(content=text, tool_calls=[ToolCall.from_tool(tools[0], words)])
    raise UnreadableReply(reading.faults)


def _words_alone(text: str, tool: Tool) -> str | None:
    """The value of a tool's only parameter that takes any text: a fenced block, or all words; None for other tools."""
    schemas = list(tool.info.get_properties().values())
    if len(schemas) != 1 or schemas[0].get("type") != "string" or "enum" in schemas[0]:
        return None
    blocks = _FENCED.findall(text)
    return (blocks[-1] if blocks else text).strip() or None


def _as_text(messages: Sequence[Message]) -> list[Message]:
    """The conversation for a model that knows of no tools: calls and answers as words."""
    return [
        message
        if message.role in ("system", "user")
        else Message(role="assistant" if message.role == "assistant" else "user", content=_words(message))
        for message in messages
    ]


def _words(message: Message) -> str:
    if not isinstance(message, ToolRequestMessage):
        return message.text
    calls = [{"name": call.function.name, "arguments": call.function.arguments} for call in message.tool_calls]
    return message.text or "\n".join(map(json.dumps, calls))
