"""The moment at which one episode branches off from another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ldp_tui.core.messages import Message
from ldp_tui.engine.events import EpisodeStarted, StepTaken


@dataclass(frozen=True, slots=True)
class Fork:
    """The moment at which an episode branches off from the one that `started`; `step` is the newest step up to there.

    `agent_state` and the environment that `rollout` gets must stand at this moment. `return_` sums the rewards so far.
    """

    started: EpisodeStarted
    step: StepTaken | None
    agent_state: Any
    return_: float = 0.0
    calls: int = 0
    """Tool calls made so far: the branch numbers its own from there."""

    @property
    def t(self) -> int:
        """The row that the branch begins with: the number of steps taken."""
        return 0 if self.step is None else self.step.index + 1

    @property
    def observation(self) -> tuple[Message, ...]:
        """What the agent sees next."""
        return self.started.observation if self.step is None else self.step.observation
