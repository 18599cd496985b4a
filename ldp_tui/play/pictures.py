"""Which pictures go to the screen, and how large: as many and as big as it can show."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL import Image

from ldp_tui.core.environment import Picture
from ldp_tui.engine.events import Rendering

EARLY: Final = 0.25
"""Share of an interval by which a picture may come early, so that a lane that steps at the limit loses none."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a screen can use: cells (two pixels each, one above the other) and pictures a second."""

    fps: float
    columns: int = 0
    rows: int = 0


def scaled(rendering: Rendering, sight: Sight) -> Rendering:
    """The picture shrunk to the cells it has, in its own shape; text and small pictures stay as they are.

    Each pixel is the mean of the area it covers. The height is even, so that the screen need not scale again.
    """
    if not isinstance(rendering, Picture) or sight.columns <= 0 or sight.rows <= 0:
        return rendering
    scale = min(sight.columns / rendering.width, 2 * sight.rows / rendering.height)
    if scale >= 1:
        return rendering
    width = max(1, min(sight.columns, round(rendering.width * scale)))
    height = max(2, min(2 * sight.rows, round(rendering.height * scale)))
    height += height % 2
    full = Image.frombuffer("RGB", (rendering.width, rendering.height), rendering.rgb, "raw", "RGB", 0, 1)
    return Picture(width, height, full.resize((width, height), Image.Resampling.BOX).tobytes())


class PictureFeed:
    """Sends a lane's renderings, at most `fps` a second: one that comes too early waits, and a newer one replaces it.

    Any thread may call it.
    """

    def __init__(self, send: Callable[[int, Rendering], None], sight: Sight) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._limit = sight.fps
        self._sight = sight
        self._newest: tuple[int, Rendering] | None = None
        self._waits = False
        self._due = 0.0

    def look(self, columns: int, rows: int, fps: float | None) -> None:
        """Use a new size and rate from now on, and show the newest picture so."""
        with self._lock:
            self._sight = Sight(min(fps or self._limit, self._limit), columns, rows)
            self._waits = self._newest is not None
            self._flush()

    def first(self, number: int, rendering: Rendering) -> Rendering:
        """Start over with the picture of a new episode; returns it as it is to be shown."""
        with self._lock:
            self._newest, self._waits = (number, rendering), False
            self._due = time.monotonic() + 1 / self._sight.fps
            return scaled(rendering, self._sight)

    def offer(self, number: int, rendering: Rendering) -> None:
        """Send the rendering of event `number` now, or when it is due."""
        with self._lock:
            self._newest, self._waits = (number, rendering), True
            if time.monotonic() >= self._due - EARLY / self._sight.fps:
                self._flush()

    def flush(self) -> None:
        """Send what waits."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        if self._waits and self._newest is not None:
            number, rendering = self._newest
            self._waits = False
            now, interval = time.monotonic(), 1 / self._sight.fps
            self._due = self._due + interval if now - self._due < interval else now + interval
            self._send(number, scaled(rendering, self._sight))
