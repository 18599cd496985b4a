"""How often each kind of pane is painted: pictures at once, text, charts and clocks at rates an eye can follow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

HERTZ: Final = 30.0
BEHIND: Final = 3
"""Writes that wait for the terminal; above it, pictures are skipped so that keys stay quick over slow links."""


@dataclass(frozen=True, slots=True)
class Due:
    """What may be painted in this beat."""

    pictures: bool
    text: bool
    charts: bool
    clocks: bool


class Cadence:
    """Says what is due. A kind that was not due is due later: nothing is lost, newer values replace older ones."""

    _RATES: Final = {"text": 15.0, "charts": 5.0, "clocks": 2.0}

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = dict.fromkeys(self._RATES, float("-inf"))

    def beat(self, *, backlog: int = 0) -> Due:
        """What is due now; `backlog` counts the writes that wait for the terminal."""
        now = self._clock()
        due = {}
        for kind, rate in self._RATES.items():
            due[kind] = now - self._last[kind] >= (1 / rate) - 0.001
            if due[kind]:
                self._last[kind] = now
        return Due(pictures=backlog <= BEHIND, **due)


class _HasQueue(Protocol):
    def qsize(self) -> int: ...


def writer_backlog(app: object) -> int:
    """Writes that Textual's terminal thread has not sent yet; 0 where there is no such thread."""
    thread = getattr(getattr(app, "_driver", None), "_writer_thread", None)
    queue: _HasQueue | None = getattr(thread, "_queue", None)
    return queue.qsize() if queue is not None else 0
