"""What the panes of one lane show, as a pure function of the events so far. Live play and replay share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ldp_tui.core.messages import Message
from ldp_tui.engine.events import (
    ActionProposed,
    EpisodeEnded,
    EpisodeStarted,
    Event,
    Intervened,
    Intervention,
    LegalActions,
    ReflectionDelta,
    Rendering,
    StepTaken,
)

MAX_LOG = 2_000
"""Steps kept for display; older ones are in the store."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One step as the step log shows it."""

    index: int
    action: Message
    reward: float
    observation: tuple[Message, ...]
    reflection: str
    interventions: tuple[Intervention, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionState:
    """State of one lane. Slices that did not change keep their identity, so `is` tells what to repaint."""

    started: EpisodeStarted | None = None
    ended: EpisodeEnded | None = None
    rendering: Rendering = None
    observation: tuple[Message, ...] = ()
    legal_actions: LegalActions = None
    info: Mapping[str, Any] = field(default_factory=dict)
    reflection: str = ""
    reflection_index: int = 0
    proposed: ActionProposed | None = None
    interventions: tuple[Intervention, ...] = ()
    """What others did to the decision that is being made."""
    probabilities: Mapping[str, float] | None = None
    steps: int = 0
    return_: float = 0.0
    last_reward: float | None = None
    rewards: tuple[float, ...] = ()
    log: tuple[LogEntry, ...] = ()
    tokens: int = 0
    cost_usd: float = 0.0


def reduce(state: SessionState, event: Event) -> SessionState:
    """The state after `event`. A new episode starts from nothing."""
    match event:
        case EpisodeStarted():
            return SessionState(
                started=event,
                rendering=event.rendering,
                observation=event.observation,
                legal_actions=event.legal_actions,
                info=event.info,
            )
        case ReflectionDelta():
            before = state.reflection if event.index == state.reflection_index else ""
            return replace(state, reflection=before + event.text, reflection_index=event.index)
        case ActionProposed():
            return replace(state, proposed=event, probabilities=event.probabilities)
        case Intervened():
            told = (*state.interventions, event.intervention)
            again = event.intervention.kind in ("interrupted", "asked again", "took over")
            if again:
                return replace(state, interventions=told, proposed=None, reflection="", reflection_index=event.index)
            return replace(state, interventions=told)
        case StepTaken():
            return _step(state, event)
        case EpisodeEnded():
            return replace(state, ended=event, proposed=None)


def _step(state: SessionState, event: StepTaken) -> SessionState:
    entry = LogEntry(event.index, event.action, event.reward, event.observation, event.reflection, event.interventions)
    usage = event.usage
    return replace(
        state,
        rendering=event.rendering if event.rendering is not None else state.rendering,
        observation=event.observation,
        legal_actions=event.legal_actions,
        info=event.info,
        reflection=event.reflection,
        reflection_index=event.index,
        proposed=None,
        interventions=(),
        probabilities=event.probabilities,
        steps=event.index + 1,
        return_=state.return_ + event.reward,
        last_reward=event.reward,
        rewards=(*state.rewards, event.reward),
        log=(*state.log[-(MAX_LOG - 1) :], entry),
        tokens=state.tokens + (usage.tokens_in + usage.tokens_out if usage else 0),
        cost_usd=state.cost_usd + (usage.cost_usd if usage else 0.0),
    )
