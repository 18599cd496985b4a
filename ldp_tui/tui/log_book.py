"""What the engine and its libraries said, for the log screen."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

KEPT = 5_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; `at` is seconds since the epoch."""

    at: float
    level: str
    text: str

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.at))
        return f"{clock} {self.level:<7} {self.text.rstrip()}"


class LogBook:
    """The newest lines. `written` counts all, so that a reader knows what it has not seen."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self.written = 0

    def add(self, level: str, text: str) -> None:
        """Keep one line."""
        self._lines.append(LogLine(time.time(), level, text))
        self.written += 1

    def since(self, seen: int) -> Iterator[LogLine]:
        """The lines after the first `seen` ever written, as far as they are kept."""
        fresh = min(self.written - seen, len(self._lines))
        start = len(self._lines) - fresh
        return (line for index, line in enumerate(self._lines) if index >= start)
