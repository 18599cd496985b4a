"""What a reflecting player sends to its model, and how it remembers what came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ldp_tui.agents.reflecting.briefing import Briefing
from ldp_tui.agents.reflecting.choices import reply_with
from ldp_tui.agents.reflecting.conversation import Memory, asked, within, without_pictures
from ldp_tui.agents.reflecting.prompt import reply_form, system_prompt
from ldp_tui.agents.reflecting.settings import ReflectSettings
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.models.parsing import Fault, ReplyReader, correction


@dataclass(frozen=True, slots=True)
class ReflectState:
    """An episode of the reflecting player."""

    tools: tuple[Tool, ...]
    env: Environment[Any] | None
    briefing: Briefing
    reader: ReplyReader
    rng: Random
    memory: Memory = field(default_factory=Memory)
    last: tuple[ToolCall, ...] = ()
    """The newest action."""
    turn: int = 0


def prompt(
    settings: ReflectSettings, state: ReflectState, news: Sequence[Message], *, history: int | None = None
) -> list[Message]:
    """System prompt, as much of the past as is shown (`history` overrides how much), and the newest observation."""
    parts = [system_prompt(state.briefing, settings.form, reflects=settings.reflects), settings.instructions]
    if state.memory.summary:
        parts.append(f"Your note from earlier turns: {state.memory.summary}")
    system = Message(role="system", content="\n".join(filter(None, parts)))
    recent = state.memory.recent(settings.history if history is None else history, settings.history_unit)
    recent = within(recent, [system, *news], settings.token_budget)
    newest = list(news) if recent else [asked(message) for message in news]
    return [system, *_with_few_pictures([*recent, *newest], settings.pictures)]


def corrected(settings: ReflectSettings, reply: Message, faults: Sequence[Fault]) -> list[Message]:
    """What is added to the conversation after a reply that could not be read."""
    form = reply_form(settings.form, reflects=settings.reflects)
    return [Message(role="assistant", content=raw_text(reply)), Message(content=correction(faults, form))]


def remembered(settings: ReflectSettings, state: ReflectState, calls: Sequence[ToolCall], reflection: str) -> Message:
    """A turn's reply in the form that is asked for, whatever it looked like."""
    if len(calls) == 1:
        return reply_with(calls[0], reflection, form=settings.form, tools=state.tools)
    return ToolRequestMessage(content=reflection, tool_calls=list(calls))


def raw_text(reply: Message) -> str:
    """A reply as text, its calls too."""
    calls = reply.tool_calls if isinstance(reply, ToolRequestMessage) else ()
    return "\n".join(filter(None, [reply.text, *map(str, calls)]))


def _with_few_pictures(messages: Sequence[Message], pictures: int) -> list[Message]:
    """The conversation with its newest pictures alone."""
    kept: list[Message] = []
    for message in reversed(messages):
        kept.append(message if pictures > 0 else without_pictures(message))
        pictures -= message.is_multimodal
    return kept[::-1]
