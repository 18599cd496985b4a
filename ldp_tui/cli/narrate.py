"""Events as lines of text: the plain form of play and replay, one line per step, readable by ear and by grep."""

from __future__ import annotations

from collections.abc import Iterator

from ldp_tui.cli.output import number
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.engine.codec import event_to_wire
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, Event, StepTaken
from ldp_tui.tui.plain import plain


def lines_of(event: Event, *, lane: str = "", pictures: bool = True) -> Iterator[str]:
    """What is said of one event; `lane` leads every line where several episodes run side by side."""
    lead = f"{lane} │ " if lane else ""
    for text in _said(event, pictures=pictures):
        for line in plain(text).split("\n"):
            yield (lead + line).rstrip()


def _said(event: Event, *, pictures: bool) -> Iterator[str]:
    match event:
        case EpisodeStarted():
            seed = "" if event.seed is None else f", seed {event.seed}"
            yield f"{event.environment.name}: {event.agent.name} plays{seed}"
            yield from (message.text for message in event.observation)
            if pictures and isinstance(event.rendering, str):
                yield event.rendering
        case StepTaken():
            yield step_line(event)
            if pictures and isinstance(event.rendering, str):
                yield event.rendering
        case EpisodeEnded():
            yield end_line(event)


def step_line(step: StepTaken) -> str:
    """Index, action, reward, what was seen, why."""
    seen = " ".join(" ".join(message.text.split()) for message in step.observation)
    why = f"  ({' '.join(step.reflection.split())})" if step.reflection else ""
    return f"{step.index:4d}  {call_text(step.action)}  {signed(step.reward)}  {seen}{why}"


def end_line(end: EpisodeEnded) -> str:
    """How it ended: reason, return, steps, success."""
    success = {True: ", success", False: ", no success", None: ""}[end.success]
    whose = f" ({end.phase}: {end.detail})" if end.phase else f" ({end.detail})" if end.detail else ""
    return f"{end.reason} after {end.steps} steps: return {number(end.return_)}{success}{whose}"


def call_text(action: Message) -> str:
    """The action as a person would write it: `act(action='hit')`, or the text that was said."""
    if isinstance(action, ToolRequestMessage) and action.tool_calls:
        return ", ".join(str(call) for call in action.tool_calls)
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
