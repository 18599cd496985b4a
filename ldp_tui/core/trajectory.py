"""Records of play: transitions, trajectories, returns. Field names follow LDP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ldp_tui.core.tool_calls import Messages


class Transition(BaseModel):
    """One step (s_t, o_t, a_t, r_t, o_t+1). `done` and `truncated` are two facts; `failed` is a third."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    timestep: int = Field(description="Zero-based index of the step.")
    agent_state: Any = Field(default=None, description="State before the observation was taken in.")
    next_agent_state: Any = Field(default=None, description="State after acting.")
    observation: Messages = Field(description="What the agent saw before it acted (o_t).")
    next_observation: Messages = Field(default_factory=list, description="What the action led to (o_t+1).")
    action: Any | None = Field(
        default=None, description="Node whose `value` is the message sent; None if choosing failed."
    )
    reward: float = Field(default=0.0, description="Reward of this step alone (r_t).")
    truncated: bool = Field(default=False, description="Something outside the task cut the episode here.")
    done: bool = Field(default=False, description="The task ended here.")
    value: float = Field(default=0.0, description="The agent's own estimate of the return from here on.")
    metadata: dict[str, JsonValue] = Field(default_factory=dict, description="Timings, exceptions, diagnostics.")

    @property
    def failed(self) -> bool:
        """Whether an exception ended the episode in this step."""
        return bool(self.metadata.get("exception"))


class Trajectory(BaseModel):
    """The record of one episode."""

    model_config = ConfigDict(extra="forbid")

    traj_id: str = Field(default_factory=lambda: uuid4().hex)
    steps: list[Transition] = Field(default_factory=list)
    metadata: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether an exception ended the episode."""
        return any(step.failed for step in self.steps)

    @property
    def done(self) -> bool:
        """Whether the task ended; False for an empty trajectory."""
        return bool(self.steps) and self.steps[-1].done

    def compute_discounted_returns(self, discount: float = 1.0) -> list[float]:
        """Return from each step on; a step that is done or truncated starts anew."""
        return discounted_returns(
            [step.reward for step in self.steps], [step.done or step.truncated for step in self.steps], discount
        )


def discounted_returns(rewards: Sequence[float], terminated: Sequence[bool], discount: float = 1.0) -> list[float]:
    """G_t = r_t + discount · G_t+1, with G = 0 behind each end.

    Raises:
        ValueError: If the two sequences differ in length.
    """
    returns: list[float] = []
    following = 0.0
    for reward, end in zip(reversed(rewards), reversed(terminated), strict=True):
        following = reward + discount * (0.0 if end else following)
        returns.append(following)
    returns.reverse()
    return returns
