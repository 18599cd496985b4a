"""Callbacks that keep what passes, or let go of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ldp_tui.alg.callbacks.base import Callback
from ldp_tui.core.environment import Environment
from ldp_tui.core.trajectory import Trajectory


class StoreTrajectoriesCallback(Callback):
    """Keeps all trajectories in memory: `train_trajectories` and `eval_trajectories`."""

    def __init__(self) -> None:
        self.train_trajectories: list[Trajectory] = []
        self.eval_trajectories: list[Trajectory] = []

    async def after_train_step(self, trajectories: Sequence[Trajectory]) -> None:
        """Keep them."""
        self.train_trajectories.extend(trajectories)

    async def after_eval_step(self, trajectories: Sequence[Trajectory]) -> None:
        """Keep them."""
        self.eval_trajectories.extend(trajectories)


class StoreEnvironmentsCallback(Callback):
    """Keeps the environment of each trajectory in `traj_id_to_envs`."""

    def __init__(self) -> None:
        self.traj_id_to_envs: dict[str, Environment[Any]] = {}

    async def before_rollout(self, traj_id: str, env: Environment[Any]) -> None:
        """Keep it."""
        self.traj_id_to_envs[traj_id] = env


class ClearContextCallback(Callback):
    """Frees what calls of the compute graph stored, after each evaluated batch and each update.

    `op_names` restricts it to the calls of these ops.
    """

    def __init__(self, op_names: Iterable[str] | None = None) -> None:
        self._op_names = None if op_names is None else tuple(op_names)

    async def after_eval_step(self, trajectories: Sequence[Trajectory]) -> None:
        """Free the evaluation's calls."""
        self._clear()

    async def after_update(self) -> None:
        """Free the calls that the update was made of."""
        self._clear()

    def _clear(self) -> None:
        from ldp_tui.graph import OpCtx

        OpCtx.clear_contexts(self._op_names)


class Clearable(Protocol):
    """Anything with a `clear` method, such as a replay buffer."""

    def clear(self) -> None:
        """Forget everything."""


class ClearOptimizerBuffersCallback(Callback):
    """Empties the given buffers after each update of the optimizer."""

    def __init__(self, *buffers: Clearable) -> None:
        self._buffers = buffers

    async def after_update(self) -> None:
        """Empty them."""
        for buffer in self._buffers:
            buffer.clear()
