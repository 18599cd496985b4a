"""Identifiers that sort by time and never collide."""

from __future__ import annotations

import os
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_newest = (0, 0)
"""Millisecond and counter of the newest identifier."""


def new_uid() -> str:
    """UUIDv7 (RFC 9562): 48 bits of milliseconds, a 12-bit counter, 62 random bits.

    Those of one process sort in the order of making, also within a millisecond and when the clock is set back.
    """
    global _newest  # noqa: PLW0603 (one counter for the process)
    with _lock:
        now, (millisecond, counter) = time.time_ns() // 1_000_000, _newest
        if now > millisecond:
            millisecond, counter = now, 0
        elif counter < 0xFFF:
            counter += 1
        else:
            millisecond, counter = millisecond + 1, 0
        _newest = millisecond, counter
    random = int.from_bytes(os.urandom(8), "big") & (1 << 62) - 1
    value = (millisecond & (1 << 48) - 1) << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | random
    return str(UUID(int=value))
