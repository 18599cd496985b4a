"""ReAct's text form → a tool request: `Thought: …`, `Action: tool`, `Action Input: arguments`."""

from __future__ import annotations

import ast
import contextlib
import json
import re
from collections.abc import Sequence
from typing import Any

from ldp_tui.core.messages import MalformedMessageError, Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool

_MARKED = r"^[^\w\n]*{}[^\w\n:]*:[ \t*]*"
"""A field's name at the beginning of a line; models like to print it in bold."""
_INPUT = re.compile(_MARKED.format("Action Input") + "(.*)$", re.MULTILINE)
_ACTION = re.compile(_MARKED.format("Action") + r"(\S*)", re.MULTILINE)
_THOUGHT = re.compile(_MARKED.format("Thought") + f"(.*?)(?={_MARKED.format('Action')}|\\Z)", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"```\w*[ \t]*")


def parse_message(m: Message, tools: Sequence[Tool]) -> ToolRequestMessage:
    """The first action of a ReAct or Act reply; its thought becomes the content. The message itself stays as it is.

    Raises:
        MalformedMessageError: If there is no action, no such tool, or arguments that cannot be read or are too few.
    """
    if not m.content:
        raise MalformedMessageError(f"No content in message of type {type(m).__name__}.")
    action = _ACTION.search(m.content)
    if action is None or not action[1]:
        raise MalformedMessageError("Action not emitted.")
    name = action[1].strip("`\"'*()[],.")
    tool = next((tool for tool in tools if tool.info.name == name), None)
    if tool is None:
        raise MalformedMessageError(f"Tool {name} not found in tools.")
    given = _INPUT.search(m.content, action.end())
    thought = _THOUGHT.search(m.content)
    return ToolRequestMessage(
        content=(thought[1].strip() or None) if thought else None,
        tool_calls=[call_with(tool, given[1] if given else "")],
    )


def first_action(reply: Message) -> Message:
    """The reply up to its first action's input: what a model makes up behind it did not happen."""
    text = str(reply)
    action = _ACTION.search(text)
    given = _INPUT.search(text, action.end()) if action else None
    if given is None or given.end() == len(text):
        return reply
    return reply.model_copy(update={"content": text[: given.end()]})


def call_with(tool: Tool, text: str) -> ToolCall:
    """The call of a tool with the arguments in `text`: a tuple, or a JSON object of them by name.

    Raises:
        MalformedMessageError: If they cannot be read, or are too few or too many.
    """
    arguments, parameters = read_arguments(text), tool.info.get_properties()
    if len(arguments) == 1 and isinstance(arguments[0], dict) and arguments[0] and set(arguments[0]) <= set(parameters):
        return ToolCall.from_name(tool.info.name, **arguments[0])
    required = tool.info.parameters.required if tool.info.parameters else []
    if len(arguments) < len(required):
        raise MalformedMessageError(f"Action Input {arguments!r} shorter than {tool.info.name!r} tool's parameters.")
    if len(parameters) == 1 and len(arguments) > 1:  # a sentence with a comma in it
        arguments = (text.strip(),)
    try:
        return ToolCall.from_tool(tool, *arguments)
    except TypeError as error:
        raise MalformedMessageError(str(error)) from error


def read_arguments(text: str) -> tuple[Any, ...]:
    """Arguments of an action: a Python tuple, with or without its parentheses and its quotes.

    Raises:
        MalformedMessageError: If quotes or brackets do not close.
    """
    text = _FENCE.sub("", text).strip()
    if not text:
        return ()
    if text.startswith("{") and text.endswith("}"):
        return (_literal(text),)
    inner = (text[1:-1].strip() if text.startswith("(") and text.endswith(")") else text).removesuffix(",")
    if inner == text and "," not in text:
        return (_literal(text),)
    if not inner:
        return ()
    if not {'"', "'", "[", "{"} & set(inner):
        return tuple(_literal(part.strip()) for part in inner.split(",") if part.strip())
    try:
        value = ast.literal_eval(f"({inner},)")
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise MalformedMessageError(f"Action Input {text} could not be parsed.") from error
    return tuple(value)


def _literal(text: str) -> Any:
    """A number, a quoted text, a list, …, in JSON or Python; anything else is the text itself."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
