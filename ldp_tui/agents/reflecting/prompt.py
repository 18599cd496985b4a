"""The words that a reflecting model reads and writes: system prompt, one turn's message, and its own reply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ldp_tui.agents.reflecting.briefing import Briefing

ReplyForm = Literal["json", "tool"]
"""json: one object with `reflection` and `action`, as gym-llm asks for · tool: reflection as text, then a tool call."""

_TURNS = "Each turn you are told the newest observation, and whether it is the first of the episode (start)."
_REFLECT = (
    "First reflect, briefly and only on what was observed: what it says, what each action would lead to, what earlier "
    "turns taught."
)
_REPLY: Mapping[tuple[ReplyForm, bool], str] = {
    ("json", True): (
        'Reply with one JSON object and nothing else: {"reflection": "<your reasoning>", "action": <the action>}'
    ),
    ("json", False): 'Reply with one JSON object and nothing else: {"action": <the action>}',
    ("tool", True): "Write this reflection as text, then call a tool.",
    ("tool", False): "Reply with a tool call and nothing else.",
}
REFLECT_NOW = "Reflect now, in a few sentences. Do not act yet."
ACT_NOW = "Now act."
SUMMARIZE = (
    "Before you go on: note in at most 100 words what you have learned in this episode that helps to play it well. "
    "What you do not note is forgotten."
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What is told with one observation; None is left out."""

    observation: str
    start: bool | None = None
    step: int | None = None
    reward: float | None = None
    return_: float | None = None
    legal_actions: tuple[Any, ...] | None = None


def reply_form(form: ReplyForm, *, reflects: bool = True) -> str:
    """The sentence that says how a reply looks."""
    return _REPLY[form, reflects]


def system_prompt(briefing: Briefing, form: ReplyForm, *, reflects: bool = True) -> str:
    """Goal, what is observed, what can be done, and the form of a reply. The goal comes first."""
    lines = [briefing.goal, _TURNS]
    if briefing.observations:
        lines.append(f"Observation: {json.dumps(briefing.observations, ensure_ascii=False)}")
    if form == "json":
        lines.append(briefing.actions)
    lines += [*([_REFLECT] if reflects else []), reply_form(form, reflects=reflects)]
    return "\n".join(line for line in lines if line)


def turn_text(turn: Turn) -> str:
    """A line for each thing that is told, the observation last.

    start: false
    reward: -1
    observation: You are at row 2, column 0.
    """
    told: dict[str, Any] = {
        "start": turn.start,
        "step": turn.step,
        "reward": turn.reward,
        "return": turn.return_,
        "legal actions": None if turn.legal_actions is None else ", ".join(map(_shown, turn.legal_actions)),
    }
    lines = [f"{name}: {_shown(value)}" for name, value in told.items() if value is not None]
    apart = "\n" if "\n" in turn.observation else " "
    return "\n".join([*lines, f"observation:{apart}{turn.observation}"])


def reply_text(reflection: str, action: Any) -> str:
    """The JSON reply for a reflection and an action."""
    return json.dumps({"reflection": reflection, "action": action}, ensure_ascii=False)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
