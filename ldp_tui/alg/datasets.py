"""A task dataset to try evaluators and trainers with."""

from __future__ import annotations

from ldp_tui.alg.callbacks.metrics import ComputeTrajectoryMetricsMixin
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.tasks import TaskDataset


class DummyTaskDataset(TaskDataset[DummyEnv], ComputeTrajectoryMetricsMixin):
    """An endless supply of `DummyEnv`, with metrics."""

    def get_new_env(self) -> DummyEnv:
        """Another one."""
        return DummyEnv()
