"""Paces requests to one model: so many a minute, so many tokens a minute, so many at once — over all threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from weakref import WeakValueDictionary

_MINUTE: Final = 60.0


class Throttle:
    """In memory and for this process. Lanes have an event loop each, so waiting is by time or by a thread-safe queue.

    A rate is a bucket that holds one minute's worth and fills evenly: a burst passes, then requests wait their turn in
    the order in which they came.
    """

    def __init__(
        self,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        max_concurrent: int | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._requests = _Bucket(requests_per_minute, clock) if requests_per_minute else None
        self._tokens = _Bucket(tokens_per_minute, clock) if tokens_per_minute else None
        self._free = max_concurrent
        self._lock = threading.Lock()
        self._waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()

    def __deepcopy__(self, memo: dict[int, Any]) -> Throttle:
        """Copies of a specification share it: they ask the same server."""
        return self

    @asynccontextmanager
    async def turn(self, tokens: float) -> AsyncIterator[None]:
        """Wait until a request of about `tokens` may be sent; inside the block it counts as under way."""
        with self._lock:
            wait = max(
                self._requests.take(1) if self._requests else 0, self._tokens.take(tokens) if self._tokens else 0
            )
        if wait > 0:
            await asyncio.sleep(wait)
        if self._free is None:
            yield
            return
        await self._enter()
        try:
            yield
        finally:
            self._leave()

    def spend(self, tokens: float) -> None:
        """Count further tokens, those of the reply: what comes next waits for them."""
        with self._lock:
            if self._tokens is not None:
                self._tokens.take(tokens)

    async def _enter(self) -> None:
        loop = asyncio.get_running_loop()
        with self._lock:
            assert self._free is not None
            if self._free > 0:
                self._free -= 1
                return
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append((loop, turn))
        try:
            await turn
        except asyncio.CancelledError:
            with self._lock:
                handed_over = (loop, turn) not in self._waiting
                if not handed_over:
                    self._waiting.remove((loop, turn))
            if handed_over:  # the place was ours already, or is on its way
                self._leave()
            raise

    def _leave(self) -> None:
        """Hand the place to the next who waits, in whichever thread; or keep it free."""
        with self._lock:
            assert self._free is not None
            while self._waiting:
                loop, turn = self._waiting.popleft()
                with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits there any more
                    loop.call_soon_threadsafe(_resolve, turn)
                    return
            self._free += 1


class _Bucket:
    """Allows `per_minute` a minute; `take` says how long to wait, and may go into debt."""

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._rate, self._size, self._clock = per_minute / _MINUTE, max(per_minute, 1.0), clock
        self._left, self._at = self._size, clock()

    def take(self, amount: float) -> float:
        now = self._clock()
        self._left = min(self._size, self._left + (now - self._at) * self._rate) - amount
        self._at = now
        return max(0.0, -self._left / self._rate)


def _resolve(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


_throttles: WeakValueDictionary[tuple[object, ...], Throttle] = WeakValueDictionary()
_throttles_lock = threading.Lock()


def throttle_for(
    name: str, base: str | None, requests: float | None, tokens: float | None, concurrent: int | None
) -> Throttle:
    """The throttle of this model at this place; it lives as long as somebody holds it."""
    key = (name, base, requests, tokens, concurrent)
    with _throttles_lock:
        throttle = _throttles.get(key)
        if throttle is None:
            throttle = _throttles[key] = Throttle(requests, tokens, concurrent)
        return throttle
