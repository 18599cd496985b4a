"""Events as text: the plain form of play and replay, readable by ear and by grep."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ldp_tui.cli.output import counted, number
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.engine.codec import event_to_wire
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, Event, Intervention, Rendering, StepTaken
from ldp_tui.tui.plain import plain, plain_except_colours, plain_line

_INDENT = " " * 6
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")


class Narrator:
    """Tells one episode, live or recorded, in the same words.

    A step is a line with its index, action, reward and reasons, then what was seen, indented. A text rendering is told
    when it shows something new.
    """

    def __init__(self) -> None:
        self._shown = ""

    def lines(self, event: Event) -> Iterator[str]:
        """What is said of one event, free of control characters."""
        match event:
            case EpisodeStarted():
                seed = "" if event.seed is None else f", seed {event.seed}"
                yield plain_line(f"{event.environment.name}: {event.agent.name} plays{seed}")
                yield from _lines(_seen(event.observation))
                yield from self._new_rendering(event.rendering, _seen(event.observation), "")
            case StepTaken():
                yield plain_line(step_line(event))
                for done in event.interventions:
                    yield _INDENT + plain_line(intervention_line(done))
                yield from _lines(_seen(event.observation), _INDENT)
                yield from self._new_rendering(event.rendering, _seen(event.observation), _INDENT)
            case EpisodeEnded():
                yield plain_line(end_line(event))

    def _new_rendering(self, rendering: Rendering, seen: str, indent: str) -> Iterator[str]:
        if not isinstance(rendering, str):
            return
        text = _COLOURS.sub("", plain_except_colours(rendering)).strip("\n")
        if text != self._shown and text not in plain(seen):
            yield from _lines(text, indent)
        self._shown = text


def step_line(step: StepTaken) -> str:
    """Index, action, reward and reasons of a step."""
    why = f"  ({' '.join(step.reflection.split())})" if step.reflection else ""
    return f"{step.index:4d}  {call_text(step.action)}  reward {signed(step.reward)}{why}"


def intervention_line(done: Intervention) -> str:
    """Who did what to the decision, with the action that was not played."""
    proposed = "" if done.proposed is None else f", proposed was {call_text(done.proposed)}"
    return f"{done.kind} by {done.by}{proposed}{f': {done.text}' if done.text else ''}"


def end_line(end: EpisodeEnded) -> str:
    """How it ended: reason, return, steps, success."""
    success = {True: ", success", False: ", no success", None: ""}[end.success]
    whose = f" ({end.phase}: {end.detail})" if end.phase else f" ({end.detail})" if end.detail else ""
    return f"{end.reason} after {counted(end.steps, 'step')}: return {number(end.return_)}{success}{whose}"


def call_text(action: Message) -> str:
    """The action as a person would write it: `act(action='hit')`, or the text that was said."""
    if isinstance(action, ToolRequestMessage) and action.tool_calls:
        return ", ".join(call.function.written() for call in action.tool_calls)
    return f"says {action.text!r}"


def signed(reward: float) -> str:
    """Reward with its sign, so that colour is not needed to tell gains from losses."""
    return f"{'+' if reward > 0 else ''}{number(reward)}"


def event_json(event: Event, lane: int) -> dict[str, object]:
    """Event as JSON values for `--json`; pictures are left out, their sizes are told."""
    wire = event_to_wire(event)
    picture = wire.get("rendering")
    if isinstance(picture, dict):
        wire["rendering"] = {"width": picture["width"], "height": picture["height"]}
    return {"lane": lane, **wire}


def _seen(observation: tuple[Message, ...]) -> str:
    return "\n".join(message.text for message in observation)


def _lines(text: str, indent: str = "") -> Iterator[str]:
    for line in plain(text).strip("\n").split("\n"):
        yield (indent + line).rstrip()
