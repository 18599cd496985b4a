"""The environments that a server holds for its clients: used by one request at a time, bounded in number and age."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import LdpTuiError

logger = logging.getLogger(__name__)

AnyEnvironment = TypeVar("AnyEnvironment", bound=Environment[Any])
Result = TypeVar("Result")

MAX_ENVIRONMENTS: Final = 1024
IDLE_SECONDS: Final = 3600.0
SPARE_SECONDS: Final = 60.0
"""An environment unused for that long may be closed to make room for another one."""
CLOSE_SECONDS: Final = 10.0
REMEMBERED: Final = 1000
"""Closed environments whose reason of closing is still told."""


class NotLive(LdpTuiError):
    """No environment of that id. `reason` tells why it was closed; empty if it never was here."""

    def __init__(self, env_id: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"Environment {env_id} was closed: {reason}" if reason else f"Environment {env_id} not found")


class NoRoom(LdpTuiError):
    """As many environments are live as the server holds, and all are in use."""


@dataclass(slots=True, eq=False)
class Live(Generic[AnyEnvironment]):
    """One environment with what the server knows of it. `unready` says why it must be reset before a step."""

    env: AnyEnvironment
    last_used: float
    """Seconds since the epoch."""
    unready: str = ""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    under_way: set[asyncio.Task[Any]] = field(default_factory=set)


class LiveEnvironments(MutableMapping[str, tuple[AnyEnvironment, float]], Generic[AnyEnvironment]):
    """Id → (environment, when it was last used).

    Environments unused for `idle_seconds` are closed. When there are `max_environments`, the least recently used one
    that nobody used for SPARE_SECONDS makes room for the next; if there is none, the next is refused.
    """

    def __init__(self, *, max_environments: int = MAX_ENVIRONMENTS, idle_seconds: float | None = IDLE_SECONDS) -> None:
        self.max_environments = max_environments
        self.idle_seconds = idle_seconds
        self._live: dict[str, Live[AnyEnvironment]] = {}
        self._closed: OrderedDict[str, str] = OrderedDict()
        self._promised = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def __getitem__(self, env_id: str) -> tuple[AnyEnvironment, float]:
        live = self._live[env_id]
        return live.env, live.last_used

    def __setitem__(self, env_id: str, entry: tuple[AnyEnvironment, float]) -> None:
        self._live[env_id] = Live(*entry)

    def __delitem__(self, env_id: str) -> None:
        del self._live[env_id]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._live))

    def __len__(self) -> int:
        return len(self._live)

    async def add(self, make: Callable[[], Awaitable[AnyEnvironment]]) -> str:
        """Make an environment and hold it under a new id.

        Raises:
            NoRoom: If as many are in use as the server holds; nothing is made then.
        """
        self._make_room()
        self._promised += 1
        try:
            env = await make()
        finally:
            self._promised -= 1
        env_id = str(uuid.uuid4())
        self._live[env_id] = Live(env, time.time(), unready="has not been reset")
        self._watch()
        return env_id

    def live(self, env_id: str) -> Live[AnyEnvironment]:
        """The environment of that id, which counts as used now; raises NotLive."""
        live = self._live.get(env_id)
        if live is None:
            raise NotLive(env_id, self._closed.get(env_id, ""))
        live.last_used = time.time()
        return live

    async def use(self, env_id: str, work: Callable[[Live[AnyEnvironment]], Awaitable[Result]]) -> Result:
        """Result of `work`, done when it is this request's turn; raises NotLive, also if it is closed meanwhile."""
        live = self.live(env_id)
        task = asyncio.current_task()
        assert task is not None  # it runs in one
        live.under_way.add(task)
        try:
            async with live.turn:
                return await _undisturbed(live, work)
        except asyncio.CancelledError:
            if self._live.get(env_id) is live:
                raise
            raise NotLive(env_id, self._closed.get(env_id, "")) from None
        finally:
            live.under_way.discard(task)
            live.last_used = time.time()

    async def close(self, env_id: str, reason: str) -> None:
        """Let go of an environment at once, stop what it is doing, and close it; raises NotLive, or what closing does.

        Others wait for nothing: closing is given up after CLOSE_SECONDS, and goes on if this call is cancelled.
        """
        live = self.live(env_id)
        self._forget(env_id, reason)
        await asyncio.shield(self._close_soon(live))

    def stale(self, seconds: float) -> list[str]:
        """Ids of environments that nobody used for `seconds` and that are doing nothing now."""
        oldest = time.time() - seconds
        return [id_ for id_, live in self._live.items() if live.last_used < oldest and not live.under_way]

    async def close_all(self) -> None:
        """Close everything; what goes wrong is logged."""
        if self._timer is not None:
            self._timer.cancel()
        for env_id in list(self._live):
            self.let_go(env_id, "the server ended")
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _make_room(self) -> None:
        if len(self._live) + self._promised < self.max_environments:
            return
        spare = self.stale(SPARE_SECONDS)
        if not spare:
            raise NoRoom(
                f"All {self.max_environments} environments that this server holds are in use."
                " Close some, or start it with more."
            )
        oldest = min(spare, key=lambda env_id: self._live[env_id].last_used)
        self.let_go(oldest, f"unused for {SPARE_SECONDS:g} seconds while another was wanted (least recently used)")

    def _watch(self) -> None:
        """Look again when the least recently used environment may have been idle for too long."""
        if self.idle_seconds is None or (self._timer is not None and not self._timer.cancelled()) or not self._live:
            return
        oldest = min(live.last_used for live in self._live.values())
        wait = max(oldest + self.idle_seconds - time.time(), 0.0) + 0.001
        self._timer = asyncio.get_running_loop().call_later(wait, self._close_idle, self.idle_seconds)

    def _close_idle(self, seconds: float) -> None:
        self._timer = None
        for env_id in self.stale(seconds):
            self.let_go(env_id, f"unused for {seconds:g} seconds")
        self._watch()

    def let_go(self, env_id: str, reason: str) -> None:
        """Close an environment without waiting for it; what goes wrong is logged. Raises NotLive."""
        live = self.live(env_id)
        self._forget(env_id, reason)
        logger.info("Environment %s was closed: %s", env_id, reason)
        self._close_soon(live)

    def _forget(self, env_id: str, reason: str) -> None:
        del self._live[env_id]
        self._closed[env_id] = reason
        while len(self._closed) > REMEMBERED:
            self._closed.popitem(last=False)

    def _close_soon(self, live: Live[AnyEnvironment]) -> asyncio.Task[None]:
        closing = asyncio.ensure_future(_close(live))
        self._closing.add(closing)
        closing.add_done_callback(self._closed_at_last)
        return closing

    def _closed_at_last(self, closing: asyncio.Task[None]) -> None:
        self._closing.discard(closing)
        if not closing.cancelled() and (error := closing.exception()) is not None:
            logger.warning("Closing an environment failed: %r", error)


async def _undisturbed(live: Live[AnyEnvironment], work: Callable[[Live[AnyEnvironment]], Awaitable[Result]]) -> Result:
    try:
        return await work(live)
    except asyncio.CancelledError:
        live.unready = "was interrupted in the middle of a call"
        raise


async def _close(live: Live[Any]) -> None:
    if live.under_way:
        for task in live.under_way:
            task.cancel()
        await asyncio.wait(set(live.under_way), timeout=CLOSE_SECONDS)
    if type(live.env).close is not Environment.close:
        await asyncio.wait_for(live.env.close(), CLOSE_SECONDS)
