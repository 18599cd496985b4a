"""Work that leaves something behind, kept apart from whoever asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

Result = TypeVar("Result")


async def apart(
    work: Coroutine[Any, Any, Result],
    *,
    context: Context | None = None,
    unwanted: Callable[[Result], object] | None = None,
) -> Result:
    """Result of `work`, which runs in a context of its own, or the one given.

    Sockets and timers hold the context that they are opened in for as long as they stay open: the caller's would keep
    alive the run of a compute graph, or an episode. Cancelling the caller cancels the work; `unwanted` is given a
    result that came all the same.
    """
    own = Context() if context is None else context
    task = asyncio.get_running_loop().create_task(work, context=own)
    try:
        return await task
    except asyncio.CancelledError:
        task.add_done_callback(lambda done: _put_away(done, unwanted), context=own)
        raise


def _put_away(done: asyncio.Task[Result], unwanted: Callable[[Result], object] | None) -> None:
    """Nobody waits any more; asking for the exception keeps asyncio from complaining that nobody did."""
    if not done.cancelled() and done.exception() is None and unwanted is not None:
        unwanted(done.result())
