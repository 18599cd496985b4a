"""Identifiers that sort by time and never collide."""

from __future__ import annotations

import os
import time
from uuid import UUID


def new_uid() -> str:
    """UUIDv7 (RFC 9562): 48 bits of milliseconds, 74 random bits; sorts by time of making."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return str(UUID(int=value))
