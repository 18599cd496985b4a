"""Records of play: transitions, trajectories, returns. Field names follow LDP."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages
from ldp_tui.core.transition_json import (
    action_json,
    json_line,
    message_json,
    read_action,
    read_message,
    without_answers,
)

if TYPE_CHECKING:
    from ldp_tui.core.environment import Environment

TRAJECTORY_METADATA = "trajectory_metadata"
"""Key of the first step's metadata under which files keep the trajectory's own, for which LDP's form has no place."""


class Transition(BaseModel):
    """One step (s_t, o_t, a_t, r_t, o_t+1). `done` and `truncated` are two facts; `failed` is a third."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    NO_OBSERVATION: ClassVar[list[Message]] = []

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

    @field_validator("observation", "next_observation", mode="before")
    @classmethod
    def _read_messages(cls, messages: Any) -> Any:
        return [read_message(message) for message in messages] if isinstance(messages, list | tuple) else messages

    @field_validator("action", mode="before")
    @classmethod
    def _read_action(cls, action: Any) -> Any:
        return read_action(action)

    @property
    def failed(self) -> bool:
        """Whether an exception ended the episode in this step."""
        return bool(self.metadata.get("exception"))

    def to_json(self, *, traj_id: str | None = None, agent_states: bool = False) -> dict[str, Any]:
        """The step as a line of LDP's files holds it; see `core.transition_json`."""
        return {
            "timestep": self.timestep,
            "agent_state": self.agent_state if agent_states else None,
            "next_agent_state": self.next_agent_state if agent_states else None,
            "observation": [message_json(message) for message in self.observation],
            "next_observation": [message_json(message) for message in self.next_observation],
            "action": action_json(self.action, unique=f"{traj_id}:{self.timestep}"),
            "reward": self.reward,
            "truncated": self.truncated,
            "done": self.done,
            "value": self.value,
            "metadata": self.metadata,
        }

    def model_dump_json(self, *, indent: int | None = None, agent_states: bool = True, **_: Any) -> str:
        """The whole step as JSON text, agent states included."""
        return json_line(self.to_json(agent_states=agent_states), indent=indent)


class Trajectory(BaseModel):
    """The record of one episode."""

    model_config = ConfigDict(extra="forbid")

    traj_id: str | None = Field(default_factory=lambda: uuid4().hex)
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

    @classmethod
    async def from_env(cls, env: Environment[Any], **kwargs: Any) -> Self:
        """Empty trajectory of an episode in `env`, whose task it names in `metadata["env_id"]` if it has a name."""
        metadata = dict(kwargs.pop("metadata", None) or {})
        with suppress(NotImplementedError, ValueError):
            metadata["env_id"] = await env.get_id()
        return cls(metadata=metadata, **kwargs)

    async def to_jsonl(self, filename: str | os.PathLike[str], *, agent_states: bool = False) -> None:
        """Write LDP's trajectory file: the id, then one line per step. Linear in the number of steps."""
        lines = [json.dumps(self.traj_id)]
        for index, step in enumerate(self.steps):
            metadata = self.metadata if index == 0 else None
            lines.append(step_line(step, traj_id=self.traj_id, metadata=metadata, agent_states=agent_states))
        _write(Path(filename), "\n".join(lines) + "\n")

    @classmethod
    def from_jsonl(cls, filename: str | os.PathLike[str]) -> Self:
        """Read LDP's trajectory file, with its first observation repaired (see `without_answers`).

        Raises:
            ValueError: For a line that is not of this form.
        """
        with Path(filename).open(encoding="utf-8") as file:
            trajectory = cls(traj_id=json.loads(next(file, "null")))
            trajectory.steps = [Transition.model_validate(json.loads(line)) for line in file if line.strip()]
        if trajectory.steps:
            first = trajectory.steps[0]
            first.observation = [*without_answers(first.observation, first.action)]
            own = first.metadata.pop(TRAJECTORY_METADATA, None)
            trajectory.metadata = own if isinstance(own, dict) else {}
        return trajectory


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def step_line(
    step: Transition, *, traj_id: str | None, metadata: dict[str, JsonValue] | None = None, agent_states: bool = False
) -> str:
    """A step as a line of a trajectory file; `metadata` of the trajectory goes into the first one."""
    fields = step.to_json(traj_id=traj_id, agent_states=agent_states)
    if metadata:
        fields["metadata"] = {**step.metadata, TRAJECTORY_METADATA: metadata}
    return json_line(fields)


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
