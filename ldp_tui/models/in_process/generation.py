"""What is asked of a model in its thread, and what it tells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

S = TypeVar("S")
"""How a token is picked: each kind of model has its own."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A token with its natural log-probability, and the most probable ones with theirs, best first."""

    id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a reply: `stop` or `length`, or what went wrong."""

    reason: str = ""
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class Generation(Generic[S]):
    """One reply to be written. `tell` is called from the model's thread and must return at once."""

    prompt: Sequence[int]
    most: int
    """Tokens after which it is cut, 1 or more; prompt and reply together must fit the context."""
    stop: Collection[int]
    """Tokens that end it; they belong to the reply."""
    sampler: S
    tell: Callable[[Picked | Finished], None]
    cancelled: bool = False
    """Set from any thread; nothing more is computed then, and nothing told."""
    reply: list[int] = field(default_factory=list, init=False)
    known: int = field(default=0, init=False)
    """Tokens of the prompt that had been read before, for another request."""
