"""Caching the calls of functions and coroutine functions."""

from __future__ import annotations

import asyncio
import functools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from ldp_tui.core.signatures import is_coroutine_callable

SIZE = 128
"""Distinct calls whose results are kept."""


def memoized(function: Callable[..., Any], size: int = SIZE) -> Callable[..., Any]:
    """`function` that keeps its newest `size` results. Failed calls are not kept; arguments must be hashable."""
    if not is_coroutine_callable(function):
        return functools.lru_cache(maxsize=size)(function)
    return _memoized_coroutine(function, size)


def _memoized_coroutine(function: Callable[..., Any], size: int) -> Callable[..., Any]:
    """Equal calls that overlap run once per event loop. If the one that runs is cancelled, another runs."""
    results: OrderedDict[Hashable, Any] = OrderedDict()
    running: dict[Hashable, asyncio.Future[Any]] = {}

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        key = (args, tuple(sorted(kwargs.items(), key=lambda item: item[0])))
        loop = asyncio.get_running_loop()
        while key not in results:
            ahead = running.get((loop, key))
            if ahead is None:
                return await run(loop, key, args, kwargs)
            await asyncio.wait([ahead])
            if not ahead.cancelled():
                return ahead.result()
        results.move_to_end(key)
        return results[key]

    async def run(loop: asyncio.AbstractEventLoop, key: Hashable, args: Any, kwargs: Any) -> Any:
        future = running[loop, key] = loop.create_future()
        try:
            value = results[key] = await function(*args, **kwargs)
            future.set_result(value)
        except Exception as error:
            future.set_exception(error)
            future.exception()  # seen: nobody may be waiting for it
            raise
        finally:
            future.cancel()
            del running[loop, key]
        if len(results) > size:
            results.popitem(last=False)
        return value

    return call
