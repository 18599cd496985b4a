"""What a reflecting player remembers, and the part of it that is shown to the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage, ToolResponseMessage

HistoryUnit = Literal["turns", "messages"]
"""turns: an observation with its reply · messages: as gym-llm counts, the newest observation included."""

_CHARACTERS_PER_TOKEN: Final = 4
_TOKENS_PER_PICTURE: Final = 1000


@dataclass(frozen=True, slots=True)
class PastTurn:
    """What the model was told, and what it did: its reply, or the action that was repeated without asking it."""

    told: tuple[Message, ...]
    reply: Message


@dataclass(frozen=True, slots=True)
class Memory:
    """The turns of an episode, oldest first, and the model's own summary of those that are gone."""

    turns: tuple[PastTurn, ...] = ()
    summary: str = ""

    def with_turn(self, told: Sequence[Message], reply: Message) -> Memory:
        """One turn later."""
        return replace(self, turns=(*self.turns, PastTurn(tuple(told), reply)))

    def recent(self, history: int, unit: HistoryUnit) -> list[Message]:
        """The messages of the newest turns; the first is never a reply, nor an answer to a call that is not shown."""
        if unit == "turns":
            return conversation(self.turns[max(0, len(self.turns) - history) :])
        messages = conversation(self.turns)
        return _opened(messages[max(0, len(messages) - max(0, history - 1)) :])

    def trimmed(self, keep: int) -> Memory:
        """Without all but the newest `keep` turns: memory does not grow with the episode."""
        return self if len(self.turns) <= keep else replace(self, turns=self.turns[len(self.turns) - keep :])


def conversation(turns: Sequence[PastTurn]) -> list[Message]:
    """The turns' messages; the first ones are the user's."""
    return _opened([message for turn in turns for message in (*turn.told, turn.reply)])


def asked(message: Message) -> Message:
    """An observation as a message of the user, whatever it answers."""
    if not isinstance(message, ToolResponseMessage):
        return message
    content = message.deserialized_content if message.is_multimodal else message.content
    return Message(content=content, info=message.info)


def within(messages: Sequence[Message], newest: Sequence[Message], budget: int | None) -> list[Message]:
    """The last of `messages` that fit, with `newest`, into `budget` tokens (None: all), beginning with the user's."""
    if budget is None:
        return list(messages)
    left = budget - sum(map(tokens, newest))
    first = len(messages)
    while first > 0 and (left := left - tokens(messages[first - 1])) >= 0:
        first -= 1
    return _opened(messages[first:])


def tokens(message: Message) -> int:
    """About how many tokens a message is: four characters each, and a round number for a picture."""
    calls = message.tool_calls if isinstance(message, ToolRequestMessage) else ()
    written = sum(len(call.function.name) + len(json.dumps(call.function.arguments)) for call in calls)
    blocks = message.deserialized_content if message.is_multimodal else ()
    pictures = sum(1 for block in blocks if block["type"] == "image_url")
    return (len(message.text) + written) // _CHARACTERS_PER_TOKEN + pictures * _TOKENS_PER_PICTURE + 1


def without_pictures(message: Message) -> Message:
    """The words of a message."""
    if not message.is_multimodal:
        return message
    return message.model_copy(update={"content": message.text, "content_is_json_str": False})


def _opened(messages: Sequence[Message]) -> list[Message]:
    """The messages from the first that is no reply on; what answers calls that are not shown is the user's."""
    first = next((at for at, message in enumerate(messages) if message.role != "assistant"), len(messages))
    replied = next((at for at in range(first, len(messages)) if messages[at].role == "assistant"), len(messages))
    return [*map(asked, messages[first:replied]), *messages[replied:]]
