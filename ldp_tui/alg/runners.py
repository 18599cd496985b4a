"""Evaluators and trainers, under the name of LDP's module."""

from __future__ import annotations

from ldp_tui.alg.checkpoints import CheckpointError
from ldp_tui.alg.evaluators import Evaluation, Evaluator, EvaluatorConfig, Progress
from ldp_tui.alg.trainers import OfflineTrainer, OfflineTrainerConfig, OnlineTrainer, OnlineTrainerConfig

__all__ = [
    "CheckpointError",
    "Evaluation",
    "Evaluator",
    "EvaluatorConfig",
    "OfflineTrainer",
    "OfflineTrainerConfig",
    "OnlineTrainer",
    "OnlineTrainerConfig",
    "Progress",
]
