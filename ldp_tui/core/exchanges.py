"""What was said between an agent and a service that it asked, word for word, for those who want to look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with its reply, as JSON values without secrets. `problem` is why there is no usable reply."""

    model: str
    request: Mapping[str, Any]
    reply: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    problem: str = ""


_kept: ContextVar[Callable[[Exchange], None] | None] = ContextVar("ldp_tui_exchanges", default=None)


@contextmanager
def keeping_exchanges(keep: Callable[[Exchange], None]) -> Iterator[None]:
    """Within the block, each exchange is given to `keep`."""
    token = _kept.set(keep)
    try:
        yield
    finally:
        _kept.reset(token)


def exchange_keeper() -> Callable[[Exchange], None] | None:
    """Who wants exchanges; None where nobody does, so that none need be put together."""
    return _kept.get()
