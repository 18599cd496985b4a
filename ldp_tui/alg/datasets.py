"""A task dataset to try evaluators and trainers with."""

from __future__ import annotations

from ldp_tui.alg.callbacks.metrics import ComputeTrajectoryMetricsMixin
from ldp_tui.core import tasks


class DummyTaskDataset(tasks.DummyTaskDataset, ComputeTrajectoryMetricsMixin):
    """An endless supply of `DummyEnv`, with metrics."""
