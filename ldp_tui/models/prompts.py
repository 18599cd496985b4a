"""Conversations put together around a system message, and XML made readable."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ldp_tui.core.messages import Message


def append_to_messages(messages: list[Message], new_message: Message) -> list[Message]:
    """The given list, with the message at its end."""
    messages.append(new_message)
    return messages


def append_to_sys(user_content: str, sys_content: str | None = None) -> list[Message]:
    """A user's message, behind a system message where one is given."""
    system = [Message(role="system", content=sys_content)] if sys_content else []
    return [*system, Message(content=user_content)]


def prepend_sys(messages: Iterable[Message], sys_content: str) -> list[Message]:
    """The conversation behind a system message."""
    return [Message(role="system", content=sys_content), *messages]


def prepend_sys_and_append_sys(
    messages: Iterable[Message], initial_sys_content: str, final_sys_content: str
) -> list[Message]:
    """The conversation between two system messages."""
    return [
        Message(role="system", content=initial_sys_content),
        *messages,
        Message(role="system", content=final_sys_content),
    ]


def indent_xml(xml_string: str, indent_size: int = 2) -> str:
    """One tag or line of text per line, indented by its depth. The text need not be well-formed."""
    lines: list[str] = []
    depth = 0
    for part in re.findall(r"<[^<>]*>|[^<>]+|[<>]", xml_string):
        if part.startswith("</"):
            depth = max(0, depth - 1)
        lines += [" " * (indent_size * depth) + line.strip() for line in part.splitlines() if line.strip()]
        if re.fullmatch(r"<[^/!?].*[^/]>|<[^/!?]>", part, re.DOTALL):
            depth += 1
    return "\n".join(lines)
