"""LDP's algorithms: rollouts in batches, callbacks, searches, evaluators and trainers, optimizers.

Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldp_tui.alg.beam_search import BeamSearchRollout
    from ldp_tui.alg.branching import CannotBranch, TEnvCloneFn
    from ldp_tui.alg.callbacks import (
        Callback,
        ClearContextCallback,
        ClearOptimizerBuffersCallback,
        ComputeTrajectoryMetricsMixin,
        LoggingCallback,
        MeanMetricsCallback,
        RolloutDebugDumpCallback,
        StoreEnvironmentsCallback,
        StoreTrajectoriesCallback,
        TerminalPrintingCallback,
        TrajectoryFileCallback,
        TrajectoryMetricsCallback,
        WandBLoggingCallback,
    )
    from ldp_tui.alg.failures import AgentError, CaughtError, EnvError, format_error_details, reraise_exc_as
    from ldp_tui.alg.rollout import RolloutManager
    from ldp_tui.alg.transition_tree import TransitionTree
    from ldp_tui.alg.tree_search import TreeSearchRollout

_HOMES = {
    "beam_search": ("BeamSearchRollout",),
    "branching": ("CannotBranch", "TEnvCloneFn"),
    "callbacks": (
        "Callback",
        "ClearContextCallback",
        "ClearOptimizerBuffersCallback",
        "ComputeTrajectoryMetricsMixin",
        "LoggingCallback",
        "MeanMetricsCallback",
        "RolloutDebugDumpCallback",
        "StoreEnvironmentsCallback",
        "StoreTrajectoriesCallback",
        "TerminalPrintingCallback",
        "TrajectoryFileCallback",
        "TrajectoryMetricsCallback",
        "WandBLoggingCallback",
    ),
    "failures": ("AgentError", "CaughtError", "EnvError", "format_error_details", "reraise_exc_as"),
    "rollout": ("RolloutManager",),
    "transition_tree": ("TransitionTree",),
    "tree_search": ("TreeSearchRollout",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AgentError",
    "BeamSearchRollout",
    "Callback",
    "CannotBranch",
    "CaughtError",
    "ClearContextCallback",
    "ClearOptimizerBuffersCallback",
    "ComputeTrajectoryMetricsMixin",
    "EnvError",
    "LoggingCallback",
    "MeanMetricsCallback",
    "RolloutDebugDumpCallback",
    "RolloutManager",
    "StoreEnvironmentsCallback",
    "StoreTrajectoriesCallback",
    "TEnvCloneFn",
    "TerminalPrintingCallback",
    "TrajectoryFileCallback",
    "TrajectoryMetricsCallback",
    "TransitionTree",
    "TreeSearchRollout",
    "WandBLoggingCallback",
    "format_error_details",
    "reraise_exc_as",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
