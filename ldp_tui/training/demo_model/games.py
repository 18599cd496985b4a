"""What the bundled model learns to play, and how long its teacher plays it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Lesson:
    """One environment as the teacher plays it."""

    environment: str
    episodes: int
    """Enough that every situation of the game comes up."""
    exploration: float
    """Share of moves that are drawn instead of chosen, so that also bad situations come up."""
    max_steps: int = 200
    share: float = 1.0
    """Share of its situations that are looked at in each round of training; variants of a game need fewer."""


LESSONS: Final = (
    Lesson("Blackjack-v1", 16_000, 0.15),
    Lesson("Blackjack-v1,sab=false", 2_000, 0.15, share=0.25),
    Lesson("Blackjack-v1,sab=false,natural=true", 2_000, 0.15, share=0.25),
    Lesson("FrozenLake-v1", 400, 0.2),
    Lesson("FrozenLake-v1,is_slippery=false", 600, 0.5),
    Lesson("FrozenLake8x8-v1", 600, 0.3),
    Lesson("FrozenLake8x8-v1,is_slippery=false", 1_500, 0.6),
    Lesson("CliffWalking-v1", 200, 0.4, max_steps=60),
    Lesson("Taxi-v4", 4_000, 0.35, max_steps=40),
    Lesson("blackjack_llm", 8_000, 0.15, share=0.5),
    Lesson("taxi_llm", 4_000, 0.35, max_steps=40, share=0.5),
)
