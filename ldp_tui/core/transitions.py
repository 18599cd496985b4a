"""A conversation cut into the turns of an agent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage


def split_message_transitions(list_of_messages: Sequence[Message]) -> list[list[Message]]:
    """Blocks of messages: what came before the agent's first turn, then each turn with what it led to.

    The first block holds the system's and the user's messages at the beginning, and may be empty; each further one
    begins with a tool request. Empty for no messages.
    """
    if not list_of_messages:
        return []
    first = list(takewhile(lambda message: message.role in ("system", "user"), list_of_messages))
    return [first, *_turns(list_of_messages[len(first) :])]


def _turns(messages: Iterable[Message]) -> list[list[Message]]:
    turns: list[list[Message]] = []
    for message in messages:
        if not turns or isinstance(message, ToolRequestMessage):
            turns.append([])
        turns[-1].append(message)
    return turns
