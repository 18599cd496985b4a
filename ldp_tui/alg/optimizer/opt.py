"""What an optimizer is: it takes in trajectories, then changes the agent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from ldp_tui.core.trajectory import Trajectory


class Optimizer(ABC):
    """Collects training samples from trajectories and updates something with them."""

    def aggregate(self, trajectories: Iterable[Trajectory]) -> None:
        """Take in several trajectories."""
        for trajectory in trajectories:
            self.aggregate_trajectory(trajectory)

    @abstractmethod
    def aggregate_trajectory(self, trajectory: Trajectory) -> None:
        """Take in one trajectory. Failed ones teach nothing."""

    @abstractmethod
    async def update(self) -> None:
        """Change what is optimized by what was taken in. Nothing taken in is no error."""

    def state_dict(self) -> dict[str, Any]:
        """What a training needs to go on from here, as JSON values. Samples that wait for an update are not part."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027 (an optimizer may have no state)
        """Take up what `state_dict` gave."""


class ChainedOptimizer(Optimizer):
    """Several optimizers, in their order."""

    def __init__(self, *optimizers: Optimizer) -> None:
        self.optimizers = optimizers

    def aggregate(self, trajectories: Iterable[Trajectory]) -> None:
        """All of them take in all trajectories."""
        whole = list(trajectories)
        for optimizer in self.optimizers:
            optimizer.aggregate(whole)

    def aggregate_trajectory(self, trajectory: Trajectory) -> None:
        """All of them take it in."""
        for optimizer in self.optimizers:
            optimizer.aggregate_trajectory(trajectory)

    async def update(self) -> None:
        """One after the other."""
        for optimizer in self.optimizers:
            await optimizer.update()

    def state_dict(self) -> dict[str, Any]:
        """Their states in their order."""
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give each its own; raises ValueError if they are not as many."""
        for optimizer, own in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(own)
