"""Reports on their way to the screen: events all and in order, of pictures only the newest of each lane."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from typing import Final

from ldp_tui.play.messages import Report
from ldp_tui.play.transport import Envelope, decode

BOUND: Final = 1_000
"""Events that may wait. Beyond it the receiver stops reading, and so the lanes wait: nothing is lost, and what is on
screen never lags far behind what is played."""


class Mailbox:
    """Filled by the thread that receives, emptied by the user interface on its own clock.

    Decoding happens in `drain`, so that the interface decides how much of it is done at a time.
    """

    def __init__(self, bound: int = BOUND) -> None:
        self._bound = bound
        self._changed = threading.Condition()
        self._queue: deque[Envelope] = deque()
        self._pictures: dict[int, Envelope] = {}
        self._unopened: Counter[int] = Counter()
        self._closed = False
        self.dropped: Counter[int] = Counter()
        """Pictures of each lane that a newer one replaced before they were drained."""

    def put(self, envelope: Envelope) -> None:
        """Take a report in; waits while the box is full."""
        with self._changed:
            if envelope.type == "PictureReport":
                self._put_picture(envelope)
                return
            self._changed.wait_for(lambda: len(self._queue) < self._bound or self._closed)
            if self._closed:
                return
            if _opens_episode(envelope):
                lane = envelope.fields["lane"]
                self._unopened[lane] += 1
                self._drop_picture(lane)
            self._queue.append(envelope)

    def drain(self, budget_s: float) -> list[Report]:
        """Reports in order, as many as can be decoded in `budget_s` seconds (at least one); pictures come last.

        A picture never comes before the episode that it belongs to.
        """
        deadline = time.monotonic() + budget_s
        reports: list[Report] = []
        while (envelope := self._next()) is not None:
            reports.append(decode(envelope))  # type: ignore[arg-type]
            if time.monotonic() >= deadline:
                break
        with self._changed:
            ready = sorted(lane for lane in self._pictures if not self._unopened[lane])
            pictures = [self._pictures.pop(lane) for lane in ready]
        reports.extend(decode(picture) for picture in pictures)  # type: ignore[misc]
        return reports

    def close(self) -> None:
        """Take nothing in any more, and let go of a `put` that waits. What is in the box can still be drained."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def full(self) -> bool:
        """Whether the receiver waits for the user interface."""
        return len(self._queue) >= self._bound

    def _next(self) -> Envelope | None:
        with self._changed:
            if not self._queue:
                return None
            envelope = self._queue.popleft()
            if _opens_episode(envelope):
                self._unopened[envelope.fields["lane"]] -= 1
            self._changed.notify()
            return envelope

    def _put_picture(self, envelope: Envelope) -> None:
        lane = envelope.fields["lane"]
        self._drop_picture(lane)
        self._pictures[lane] = envelope

    def _drop_picture(self, lane: int) -> None:
        if self._pictures.pop(lane, None) is not None:
            self.dropped[lane] += 1


def _opens_episode(envelope: Envelope) -> bool:
    return envelope.type == "EventReport" and envelope.fields["event"]["event"] == "EpisodeStarted"
