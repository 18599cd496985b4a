"""The numbers that decide the bundled model: its size, and how it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ldp_tui.training.demo_model.games import LESSONS, Lesson


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that the weights depend on, besides the versions of the packages and the machine."""

    lessons: Sequence[Lesson] = LESSONS
    vocabulary: int = 1536
    longest_token: int = 24
    context: int = 2048
    hidden: int = 96
    layers: int = 3
    heads: int = 4
    mlp: int = 256
    rounds: int = 130
    """How often every distinct situation is seen."""
    batch_tokens: int = 2048
    """Tokens of one step, padding included."""
    learning_rate: float = 3e-3
    warm_up: int = 50
    final_share: float = 0.02
    """The learning rate ends at this share of its highest."""
    weight_decay: float = 0.01
    seed: int = 1
    threads: int = 1


RECIPE = Recipe()
