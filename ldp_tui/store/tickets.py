"""Tickets: which operations are committed, which were refused, and who waits for them.

Tickets are numbered in the order of submission and resolved in that order, so one number says how far a writer is. A
commit wakes each waiting event loop once, however many of its tasks wait.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Mapping

from ldp_tui.store.errors import StoreClosed, StoreError

_REMEMBERED_FAILURES = 10_000


class Tickets:
    """Shared by the thread that resolves and the threads and loops that wait."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._resolved = 0
        self._failures: OrderedDict[int, StoreError] = OrderedDict()
        self._fatal: StoreError | None = None
        self._waiting: dict[asyncio.AbstractEventLoop, list[tuple[int, asyncio.Future[None]]]] = {}

    @property
    def resolved(self) -> int:
        """The highest ticket up to which every operation is committed or refused."""
        return self._resolved

    @property
    def fatal(self) -> StoreError | None:
        """Why nothing will be resolved any more; None while the writer works."""
        return self._fatal

    def resolve(self, upto: int, failures: Mapping[int, StoreError]) -> None:
        """All tickets up to `upto` are committed, but for `failures`."""
        with self._condition:
            self._resolved = upto
            if failures:
                self._failures.update(failures)
                while len(self._failures) > _REMEMBERED_FAILURES:
                    self._failures.popitem(last=False)
            self._wake()

    def fail(self, error: StoreError) -> None:
        """Nothing after this is resolved: all who wait, and all who come, get `error`."""
        with self._condition:
            self._fatal = self._fatal or error
            self._wake()

    def wait(self, ticket: int, timeout: float | None = None) -> None:
        """Block until `ticket` is committed; raises the operation's own StoreError, or TimeoutError."""
        if self._resolved < ticket:
            with self._condition:
                if not self._condition.wait_for(lambda: self._is_settled(ticket), timeout):
                    raise TimeoutError(f"Ticket {ticket} was not committed within {timeout} s.")
        self._check(ticket)

    async def committed(self, ticket: int) -> None:
        """Return once `ticket` is committed; raises the operation's own StoreError."""
        if self._resolved < ticket:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            with self._condition:
                waits = not self._is_settled(ticket)
                if waits:
                    self._waiting.setdefault(loop, []).append((ticket, future))
            if waits:
                await future
        self._check(ticket)

    def _is_settled(self, ticket: int) -> bool:
        return self._resolved >= ticket or self._fatal is not None

    def _check(self, ticket: int) -> None:
        if self._failures:
            with self._condition:
                failure = self._failures.pop(ticket, None)
            if failure is not None:
                raise failure
        if ticket > self._resolved:
            raise self._fatal or StoreClosed("The writer is closed; nothing more is recorded.")

    def _wake(self) -> None:
        """Called with the lock held."""
        self._condition.notify_all()
        for loop, waiting in list(self._waiting.items()):
            due = [future for ticket, future in waiting if self._is_settled(ticket)]
            if not due:
                continue
            if len(due) == len(waiting):
                del self._waiting[loop]
            else:
                self._waiting[loop] = [entry for entry in waiting if not self._is_settled(entry[0])]
            try:
                loop.call_soon_threadsafe(_settle, due)
            except RuntimeError:  # the loop was closed, and its tasks with it: nobody is left to be told
                self._waiting.pop(loop, None)


def _settle(due: list[asyncio.Future[None]]) -> None:
    for future in due:
        if not future.done():
            future.set_result(None)
