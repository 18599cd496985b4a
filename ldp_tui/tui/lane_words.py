"""A lane in words: titles, states, actions, figures and results, as plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, ToolResponseMessage
from ldp_tui.engine.events import EpisodeEnded, Intervention, LegalActions, Rendering
from ldp_tui.engine.session import LogEntry, SessionState
from ldp_tui.play.messages import Call
from ldp_tui.tui.bridge import LaneView
from ldp_tui.tui.plain import plain_line
from ldp_tui.tui.widgets.action_pad import Choice
from ldp_tui.tui.widgets.transcript import Block

ACTION = "action"
"""The argument by which environments of Gymnasium are played."""
MINUS = "\N{MINUS SIGN}"
DRAWING_COLUMNS = 60
"""Longest line of a rendering in characters that is a drawing; longer ones are prose."""
SOON = 0.8
"""Seconds before a wait is worth its name and a figure: above a heartbeat's half second, so quick lanes are calm."""

WAITING = "waiting for you"

_WHOSE = {"agent": "the player", "env": "the environment", "tool": "a tool", "transport": "the connection"}
_PHASES = {
    "starting": "starting",
    "resetting": "resetting",
    "agent thinking": "thinking",
    "waiting for you": WAITING,
    "waiting for approval": WAITING,
    "env step": "env busy",
    "between steps": "playing",
    "paused": "paused",
    "done": "done",
    "failed": "failed",
}
_TIMED = frozenset({"starting", "resetting", "agent thinking", "env step"})
_QUICK = frozenset({"agent thinking", "env step"})
_REASONS = {
    "terminated": "ended",
    "truncated": "cut at the limit",
    "aborted": "stopped",
    "interrupted": "interrupted",
}


def titles(lane: LaneView, environment: str, agent: str) -> tuple[str, ...]:
    """Who plays what, from which seed; the longest wording first."""
    started = lane.session.started
    if started is not None:
        agent, environment = started.agent.name, started.environment.name
    seed = "" if started is None or started.seed is None else f" · seed {started.seed}"
    return f"{agent} · {environment}{seed}", f"{agent} · {environment}", agent


def state(lane: LaneView) -> str:
    """What the lane is at, with how long it has been at it where that matters."""
    if lane.failed is not None:
        return f"died: {plain_line(lane.failed.message)}"
    if (ended := lane.session.ended) is not None:
        return reason(ended)
    if lane.asks:  # heard at once; phases come with the heartbeat
        return WAITING
    if lane.phase is None:
        return "starting"
    words, seconds = _PHASES[lane.phase.name], lane.phase.seconds
    if lane.phase.name not in _TIMED:
        return words
    if seconds >= SOON:
        return f"{words} {seconds:.1f} s"
    return "playing" if lane.phase.name in _QUICK else words


def reason(ended: EpisodeEnded) -> str:
    """Why an episode is over."""
    if ended.reason == "failed":
        whose = _WHOSE.get(ended.phase or "", "something")
        return f"died: {whose} failed: {plain_line(ended.detail or 'no reason given')}"
    if ended.success is not None:
        won = "won" if ended.success else "lost"
        return won if ended.reason == "terminated" else f"{won} ({_REASONS[ended.reason]})"
    return _REASONS[ended.reason]


def amount(value: float) -> str:
    """A reward or return: two decimals while they fit."""
    return (f"{value:,.2f}" if abs(value) < 1e6 else f"{value:.3e}").replace("-", MINUS)


def signed(value: float | None) -> str:
    """A reward with ▲, ▼ or ·, so that no colour is needed to read it; `–` for none."""
    if value is None:
        return "–"
    mark = "▲" if value > 0 else "▼" if value < 0 else "·"
    return f"{mark} {value:+,.2f}".replace("-", MINUS)


def figures(session: SessionState) -> str:
    """Steps, return, newest reward, and tokens with their cost where there are any."""
    parts = [f"step {session.steps:>4,}", f"return {amount(session.return_):>8}", f"last {signed(session.last_reward)}"]
    if session.tokens:
        parts.append(f"{session.tokens:,} tok")
    if session.cost_usd:
        parts.append(f"${session.cost_usd:.4f}")
    return "   ".join(parts)


def result(lane: LaneView) -> tuple[str, str, str]:
    """(return, steps, why) of a lane that is over."""
    ended = lane.session.ended
    if ended is None:
        return "–", "–", state(lane)
    return amount(ended.return_), f"{ended.steps:,} step{'' if ended.steps == 1 else 's'}", reason(ended)


def result_lines(lane: LaneView) -> tuple[str, ...]:
    """How a lane ended, without the reason of a failure; the longest wording first."""
    return_, steps, why = result(lane)
    ended = lane.session.ended
    how = "died" if ended is None or ended.reason == "failed" else why
    return f"Result: {how} · return {return_} · {steps}", f"Result: {how} · {return_}", f"{how} · {return_}"


def closing(lane: LaneView) -> list[Block]:
    """How a conversation ended."""
    ended = lane.session.ended
    gained = ended is not None and ended.reason != "failed" and ended.success is not False
    return [Block("gain" if gained else "loss", result_lines(lane)[0])]


def call_text(name: str, arguments: Mapping[str, Any]) -> str:
    """`name(key=value)`; the value alone where a single `action` is the only argument."""
    if set(arguments) == {ACTION}:
        return _value(arguments[ACTION])
    return f"{name}({', '.join(f'{key}={_value(value, quoted=True)}' for key, value in arguments.items())})"


def action_text(action: Message) -> str:
    """An agent's message in one line: its calls, else its text."""
    if isinstance(action, ToolRequestMessage) and action.tool_calls:
        return plain_line(", ".join(_call(call) for call in action.tool_calls))
    return plain_line(action.text) or "(says nothing)"


def observation_text(observation: Sequence[Message]) -> str:
    """What the player sees, as text; each answer of a tool is led by the tool's name where there are several."""
    several = sum(isinstance(message, ToolResponseMessage) for message in observation) > 1
    return "\n".join(
        f"{message.name}: {message.text}" if several and isinstance(message, ToolResponseMessage) else message.text
        for message in observation
    )


def opening(session: SessionState) -> list[Block]:
    """The first observation, as the beginning of a conversation."""
    started = session.started
    return [] if started is None else [Block("observation", message.text) for message in started.observation]


def pending(session: SessionState, *, proposal: bool) -> Iterator[Block]:
    """The decision that is being made: what was said so far, and the `proposal` if it is not told elsewhere."""
    if session.ended is not None:
        return
    if session.reflection and (not session.log or session.reflection_index > session.log[-1].index):
        yield Block("reflection", session.reflection)
    if proposal and session.proposed is not None:
        yield Block("call", action_text(session.proposed.action))


def exchange(entry: LogEntry) -> Iterator[Block]:
    """One step as a conversation: reasons, calls, answers, reward."""
    done = [(one.kind == "noted", Block("person", line)) for one, line in interventions(entry)]
    yield from (block for noted, block in done if noted)
    if entry.reflection:
        yield Block("reflection", entry.reflection)
    if isinstance(entry.action, ToolRequestMessage) and entry.action.tool_calls:
        if entry.action.text and entry.action.text != entry.reflection:
            yield Block("reflection", entry.action.text)
        for call in entry.action.tool_calls:
            yield Block("call", _call(call))
    else:
        yield Block("call", entry.action.text or "(says nothing)")
    yield from (block for noted, block in done if not noted)
    for message in entry.observation:
        yield Block("answer", message.text)
    if entry.reward:
        yield Block("gain" if entry.reward > 0 else "loss", f"reward {signed(entry.reward)}")


def interventions(entry: LogEntry) -> Iterator[tuple[Intervention, str]]:
    """What others did to the decision of a step, each in one line."""
    for one in entry.interventions:
        proposed = "" if one.proposed is None else f"proposed {action_text(one.proposed)}"
        match one.kind:
            case "edited" | "replaced":
                what = f"{proposed} → played {action_text(entry.action)} by {one.by}"
            case "noted":
                what = f"note by {one.by}"
            case "changed player":
                what = f"player changed by {one.by}"
            case "interrupted":  # what it had said then is in the store
                yield one, f"interrupted by {one.by}"
                continue
            case _:
                what = f"{proposed + '; ' if proposed else ''}{one.kind} by {one.by}"
        yield one, f"{what}: {plain_line(one.text)}" if one.text else what


def is_drawing(rendering: Rendering) -> bool:
    """Whether a rendering is to be looked at rather than read: a picture, or several short lines."""
    if not isinstance(rendering, str):
        return rendering is not None
    lines = rendering.rstrip().split("\n")
    return len(lines) > 1 and max(map(len, lines)) <= DRAWING_COLUMNS


def pad_choices(keys: Mapping[str, Call], legal: LegalActions) -> tuple[Choice, ...]:
    """What the pad offers: each action once, with its first key that is no digit, then legal ones that have no key."""
    best: dict[str, Choice] = {}
    for key, call in keys.items():
        choice = _choice(key, call)
        known = best.get(choice.label)
        if known is None or (known.key.isdecimal() and not key.isdecimal()):
            best[choice.label] = choice
    keyless = (_choice("", call) for call in legal or ())
    return (*best.values(), *(choice for choice in keyless if choice.label not in best))


def legal_indices(choices: Sequence[Choice], legal: LegalActions) -> frozenset[int] | None:
    """Which choices are legal now; None: nobody says, so all are."""
    if legal is None:
        return None
    allowed = {call_text(call["name"], call["arguments"]) for call in legal}
    return frozenset(index for index, choice in enumerate(choices) if choice.label in allowed)


def chances(choices: Sequence[Choice], probabilities: Mapping[str, float] | None) -> tuple[float, ...] | None:
    """The probability of each choice; None where the player gives none."""
    if probabilities is None:
        return None
    return tuple(probabilities.get(choice.label, 0.0) for choice in choices)


def chosen_index(choices: Sequence[Choice], action: Message | None) -> int | None:
    """Which choice an action is."""
    label = None if action is None else action_text(action)
    return next((index for index, choice in enumerate(choices) if choice.label == label), None)


def _choice(key: str, call: Mapping[str, Any]) -> Choice:
    return Choice(key, call_text(call["name"], call["arguments"]), call["name"], dict(call["arguments"]))


def _call(call: ToolCall) -> str:
    return call_text(call.function.name, call.function.arguments)


def _value(value: object, *, quoted: bool = False) -> str:
    if isinstance(value, str) and not quoted:
        return value
    return json.dumps(value, ensure_ascii=False)
