"""LDP's algorithms: rollouts in batches, callbacks, searches, evaluators and trainers, optimizers.

Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldp_tui.alg.algorithms import (
        bulk_evaluate_consensus,
        compute_pass_at_k,
        evaluate_consensus,
        measure_consensus_proportion,
        split_message_transitions,
        to_network,
    )
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
    from ldp_tui.alg.checkpoints import CheckpointError
    from ldp_tui.alg.datasets import DummyTaskDataset
    from ldp_tui.alg.evaluators import Evaluation, Evaluator, EvaluatorConfig, Progress
    from ldp_tui.alg.failures import AgentError, CaughtError, EnvError, format_error_details, reraise_exc_as
    from ldp_tui.alg.logs import configure_stdout_logs
    from ldp_tui.alg.optimizer import (
        APEOpt,
        APEScoreFn,
        ChainedOptimizer,
        MemoryFactory,
        MemoryOpt,
        Optimizer,
        OptimizerConfig,
        PositiveMemoryOpt,
        default_optimizer_factory,
    )
    from ldp_tui.alg.optimizer.replay_buffers import (
        CircularReplayBuffer,
        PrioritizedReplayBuffer,
        RandomizedReplayBuffer,
        ReplayBuffer,
        ReplayBufferConfig,
        ReplayBufferType,
    )
    from ldp_tui.alg.rollout import RolloutManager
    from ldp_tui.alg.trainers import OfflineTrainer, OfflineTrainerConfig, OnlineTrainer, OnlineTrainerConfig
    from ldp_tui.alg.transition_tree import TransitionTree
    from ldp_tui.alg.tree_search import TreeSearchRollout

_HOMES = {
    "algorithms": (
        "bulk_evaluate_consensus",
        "compute_pass_at_k",
        "evaluate_consensus",
        "measure_consensus_proportion",
        "split_message_transitions",
        "to_network",
    ),
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
    "checkpoints": ("CheckpointError",),
    "datasets": ("DummyTaskDataset",),
    "evaluators": ("Evaluation", "Evaluator", "EvaluatorConfig", "Progress"),
    "failures": ("AgentError", "CaughtError", "EnvError", "format_error_details", "reraise_exc_as"),
    "logs": ("configure_stdout_logs",),
    "optimizer": (
        "APEOpt",
        "APEScoreFn",
        "ChainedOptimizer",
        "MemoryFactory",
        "MemoryOpt",
        "Optimizer",
        "OptimizerConfig",
        "PositiveMemoryOpt",
        "default_optimizer_factory",
    ),
    "optimizer.replay_buffers": (
        "CircularReplayBuffer",
        "PrioritizedReplayBuffer",
        "RandomizedReplayBuffer",
        "ReplayBuffer",
        "ReplayBufferConfig",
        "ReplayBufferType",
    ),
    "rollout": ("RolloutManager",),
    "trainers": ("OfflineTrainer", "OfflineTrainerConfig", "OnlineTrainer", "OnlineTrainerConfig"),
    "transition_tree": ("TransitionTree",),
    "tree_search": ("TreeSearchRollout",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "APEOpt",
    "APEScoreFn",
    "AgentError",
    "BeamSearchRollout",
    "Callback",
    "CannotBranch",
    "CaughtError",
    "ChainedOptimizer",
    "CheckpointError",
    "CircularReplayBuffer",
    "ClearContextCallback",
    "ClearOptimizerBuffersCallback",
    "ComputeTrajectoryMetricsMixin",
    "DummyTaskDataset",
    "EnvError",
    "Evaluation",
    "Evaluator",
    "EvaluatorConfig",
    "LoggingCallback",
    "MeanMetricsCallback",
    "MemoryFactory",
    "MemoryOpt",
    "OfflineTrainer",
    "OfflineTrainerConfig",
    "OnlineTrainer",
    "OnlineTrainerConfig",
    "Optimizer",
    "OptimizerConfig",
    "PositiveMemoryOpt",
    "PrioritizedReplayBuffer",
    "Progress",
    "RandomizedReplayBuffer",
    "ReplayBuffer",
    "ReplayBufferConfig",
    "ReplayBufferType",
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
    "bulk_evaluate_consensus",
    "compute_pass_at_k",
    "configure_stdout_logs",
    "default_optimizer_factory",
    "evaluate_consensus",
    "format_error_details",
    "measure_consensus_proportion",
    "reraise_exc_as",
    "split_message_transitions",
    "to_network",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
