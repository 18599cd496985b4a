"""Time limits that keep nothing alive."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def within(seconds: float | None) -> AsyncIterator[None]:
    """`asyncio.timeout`, without keeping the caller's context for as long as the limit would have lasted.

    An event loop keeps cancelled timers until they are due, with the context they were set in, and so with the run of
    a compute graph.

    Raises:
        TimeoutError: If the block takes longer.
    """
    async with asyncio.timeout(None) as limit:
        if seconds is not None:
            contextvars.Context().run(limit.reschedule, asyncio.get_running_loop().time() + seconds)
        yield
