"""What happens in an episode, as frozen values: the only words between rollout, recorder, replay and screen.

    EpisodeStarted (ReflectionDelta* ActionProposed StepTaken)* EpisodeEnded

Where somebody oversees the agent (`engine.oversight`), any number of Intervened comes before a StepTaken, or before the
end, and an action may be proposed more than once: the newest is the one that is played.

`index` is zero-based: step `index` leads from the `index`-th observation to the next one. Messages in events are
copies; nothing that an environment or an agent does later changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ldp_tui.core.agent import AgentKind, Generation, Usage
from ldp_tui.core.environment import Picture
from ldp_tui.core.errors import Phase
from ldp_tui.core.messages import Message

EndReason = Literal["terminated", "truncated", "failed", "aborted", "interrupted"]
"""terminated: the task ended · truncated: a limit cut it · failed: see `phase` · aborted: a person stopped it ·
interrupted: the process ended before the episode did (found out when the store is opened next)."""

Rendering = Picture | str | None
LegalActions = tuple[Mapping[str, Any], ...] | None


@dataclass(frozen=True, slots=True)
class EnvironmentRecord:
    """Which environment was played, completely enough to make it again. All values are JSON."""

    name: str
    """How the environment is asked for: a Gymnasium id, an environment file's name, `module:Class`."""
    kind: str = "tools"
    """gymnasium | tools | aviary"""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Arguments and settings that it was made with."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Versions of the packages that decide how it behaves."""
    observation_space: Mapping[str, Any] | None = None
    action_space: Mapping[str, Any] | None = None
    deterministic: bool | None = None
    """Whether seed and actions reproduce it exactly; None if unknown."""


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """Who played. `config` is what the player was made with; secrets never are in it."""

    name: str
    kind: AgentKind = "scripted"
    model: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class EpisodeStarted:
    """Reset is done: the first observation, and everything that stays the same during the episode."""

    uid: str
    environment: EnvironmentRecord
    agent: AgentRecord
    seed: int | None
    task_id: str | None
    options: Mapping[str, Any]
    started_ns: int
    observation: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...]
    rendering: Rendering = None
    info: Mapping[str, Any] = field(default_factory=dict)
    legal_actions: LegalActions = None
    max_steps: int | None = None
    parent_uid: str | None = None
    fork_t: int | None = None


@dataclass(frozen=True, slots=True)
class ReflectionDelta:
    """A further piece of the agent's reasoning before step `index`."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class ActionProposed:
    """What the agent will do in step `index`, before it is carried out."""

    index: int
    action: Message
    probabilities: Mapping[str, float] | None = None


InterventionKind = Literal[
    "noted",
    "changed player",
    "interrupted",
    "asked again",
    "accepted",
    "edited",
    "replaced",
    "took over",
    "played",
    "handed back",
    "aborted",
]
"""edited: the same tools with other arguments · replaced: another action · played: one where none was proposed."""
CHOSEN_BY_OVERSEER: frozenset[InterventionKind] = frozenset({"edited", "replaced", "played"})
"""Interventions after which the action is not the agent's."""


@dataclass(frozen=True, slots=True)
class Intervention:
    """What somebody did to an agent's decision. `by` names who, `author` tells a person from a program.

    `text` is a note, the reason, the new player, or what the agent had said when it was interrupted; `proposed` is the
    action that was not played.
    """

    kind: InterventionKind
    by: str
    author: Literal["human", "code"] = "human"
    text: str = ""
    proposed: Message | None = None


@dataclass(frozen=True, slots=True)
class Intervened:
    """Somebody intervened in the decision of step `index`; its StepTaken tells so again."""

    index: int
    intervention: Intervention


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One transition. `reward` is of this step alone; `agent_us` and `env_us` are microseconds.

    `graph` is the compute graph that the action came out of, as `ldp_tui.graph.sketch` writes it; None for actions that
    no graph led to. `generations` are the requests to models behind it, in the order in which they ended, and
    `interventions` what others did to the decision, oldest first.
    """

    index: int
    action: Message
    observation: tuple[Message, ...]
    reward: float
    terminated: bool
    truncated: bool
    reflection: str = ""
    probabilities: Mapping[str, float] | None = None
    value: float = 0.0
    info: Mapping[str, Any] = field(default_factory=dict)
    rendering: Rendering = None
    legal_actions: LegalActions = None
    agent_us: int = 0
    env_us: int = 0
    usage: Usage | None = None
    graph: Mapping[str, Any] | None = None
    generations: tuple[Generation, ...] = ()
    interventions: tuple[Intervention, ...] = ()

    @property
    def overseen(self) -> Intervention | None:
        """The intervention that chose the action in the agent's place; None where the agent chose it."""
        return next((one for one in reversed(self.interventions) if one.kind in CHOSEN_BY_OVERSEER), None)


@dataclass(frozen=True, slots=True)
class EpisodeEnded:
    """The episode is over. `phase` and `detail` say whose failure it was and what happened, in one line.

    `generations` are requests to models that no step came of.
    """

    reason: EndReason
    return_: float
    steps: int
    ended_ns: int
    success: bool | None = None
    phase: Phase | None = None
    detail: str | None = None
    generations: tuple[Generation, ...] = ()


Event = EpisodeStarted | ReflectionDelta | ActionProposed | Intervened | StepTaken | EpisodeEnded
EVENT_TYPES: tuple[type[Event], ...] = (
    EpisodeStarted,
    ReflectionDelta,
    ActionProposed,
    Intervened,
    StepTaken,
    EpisodeEnded,
)
