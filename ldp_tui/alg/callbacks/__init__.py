"""Callbacks: what hears of rollouts, evaluations and trainings."""

from __future__ import annotations

from ldp_tui.alg.callbacks.base import Callback, Hook, Hooks
from ldp_tui.alg.callbacks.files import RolloutDebugDumpCallback, TerminalPrintingCallback, TrajectoryFileCallback
from ldp_tui.alg.callbacks.keeping import (
    ClearContextCallback,
    ClearOptimizerBuffersCallback,
    StoreEnvironmentsCallback,
    StoreTrajectoriesCallback,
)
from ldp_tui.alg.callbacks.metrics import (
    ComputeTrajectoryMetricsMixin,
    LoggingCallback,
    MeanMetricsCallback,
    TrajectoryMetricsCallback,
    WandBLoggingCallback,
)

__all__ = [
    "Callback",
    "ClearContextCallback",
    "ClearOptimizerBuffersCallback",
    "ComputeTrajectoryMetricsMixin",
    "Hook",
    "Hooks",
    "LoggingCallback",
    "MeanMetricsCallback",
    "RolloutDebugDumpCallback",
    "StoreEnvironmentsCallback",
    "StoreTrajectoriesCallback",
    "TerminalPrintingCallback",
    "TrajectoryFileCallback",
    "TrajectoryMetricsCallback",
    "WandBLoggingCallback",
]
