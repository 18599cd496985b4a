"""An agent that calls tools in plain text, for models whose server takes no tools."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import PrivateAttr

from ldp_tui.agents.asking import until_readable
from ldp_tui.agents.simple import SimpleAgent, SimpleAgentState
from ldp_tui.core.messages import MalformedMessageError, Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.graph import FxnOp, OpResult, compute_graph
from ldp_tui.models.modules import ToolDescriptionMethods
from ldp_tui.models.modules.react_parsing import call_with
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
    """The tool request in a model's words: the last JSON object with a tool's name, or the arguments of the only tool.

    Where the only tool has one parameter, a reply that is its value, or names one of its values, is enough. Without
    tools the words are the action. The content of the request is the whole reply.

    Raises:
        MalformedMessageError: If no call can be found.
    """
    if not tools:
        return message
    text = message.content or ""
    by_name = {tool.info.name: tool for tool in tools}
    for found in reversed(_objects(text)):
        name = found.get("name", found.get("tool"))
        if name in by_name:
            arguments = found.get("arguments", found.get("parameters", {}))
            if isinstance(arguments, dict):
                return _request(text, ToolCall.from_name(str(name), **arguments))
        if len(tools) == 1 and found and set(found) <= set(tools[0].info.get_properties()):
            return _request(text, ToolCall.from_name(tools[0].info.name, **found))
    for name, tool in by_name.items():
        if called := re.findall(rf"\b{re.escape(name)}\((.*?)\)", text, re.DOTALL):
            return _request(text, call_with(tool, called[-1]))
    if len(tools) == 1 and (value := _only_value(text, tools[0])) is not None:
        return _request(text, ToolCall.from_tool(tools[0], value))
    raise MalformedMessageError(f"No call of {', '.join(by_name)} is in the reply.")


def _request(text: str, call: ToolCall) -> Message:
    return ToolRequestMessage(content=text, tool_calls=[call])


def _objects(text: str) -> list[dict[str, Any]]:
    """The JSON objects in a text, fenced or not, in their order; those within others are part of them."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
        else:
            found.append(value)
    return found


def _only_value(text: str, tool: Tool) -> Any:
    """The value of a tool's only parameter; None if the words do not tell it."""
    schemas = list(tool.info.get_properties().values())
    if len(schemas) != 1:
        return None
    blocks = _FENCED.findall(text)
    words = (blocks[-1] if blocks else text).strip()
    if values := schemas[0].get("enum"):
        last = {value: words.casefold().rfind(str(value).casefold()) for value in values}
        best = max(values, key=lambda value: (last[value], len(str(value))))
        return best if last[best] >= 0 else None
    return words if schemas[0].get("type") == "string" and words else None


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
