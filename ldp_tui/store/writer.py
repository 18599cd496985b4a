"""The one thread that writes: operations queue up, and each commit takes all that are there (group commit)."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ldp_tui.store.connection import Opened
from ldp_tui.store.errors import RowRejected, StoreClosed, StoreError, StoreFull, StoreLocked, translate
from ldp_tui.store.index import index_slice
from ldp_tui.store.ledger import BeginFor, Ledger
from ldp_tui.store.ownership import Owner
from ldp_tui.store.rows import Operation
from ldp_tui.store.secrets import Redactor
from ldp_tui.store.sweep import beat, sweep
from ldp_tui.store.tickets import Tickets

QUEUE_BOUND: Final = 4096
BATCH: Final = 1024
SUBMIT_PATIENCE_S: Final = 60.0

_BEAT_S: Final = 15.0
_CHECKPOINT_S: Final = 1.0
_IDLE_S: Final = 0.2
_FULL_RETRY_S: Final = 0.5
_FULL_PATIENCE_S: Final = 10.0
_REFUSALS: Final = (sqlite3.Error, StoreError, TypeError, ValueError, OverflowError)
"""What an operation, or the disk, can make `Ledger.apply` raise."""


class Writer(ABC):
    """Stores operations in order. Use as a context manager, or `close` it: both commit what is queued."""

    path: Path

    def __init__(self) -> None:
        self._tickets = Tickets()

    @abstractmethod
    def submit(self, operation: Operation) -> int:
        """Queue `operation`; returns its ticket at once, or waits while the queue is full.

        Raises StoreError once the writer has failed, or when the queue stays full for a minute.
        """

    @abstractmethod
    def close(self) -> None:
        """Commit what is queued and let go of the database. Closing twice does nothing."""

    def wait(self, ticket: int, timeout: float | None = None) -> None:
        """Block until `ticket` is committed; raises the operation's own StoreError, or TimeoutError."""
        self._tickets.wait(ticket, timeout)

    async def committed(self, ticket: int) -> None:
        """Return once `ticket` is committed; raises the operation's own StoreError."""
        await self._tickets.committed(ticket)

    @property
    def resolved(self) -> int:
        """The highest ticket up to which every operation is committed or refused."""
        return self._tickets.resolved

    @property
    def failure(self) -> StoreError | None:
        """Why the writer stopped for good; None while it works."""
        return self._tickets.fatal

    @property
    def stalled(self) -> StoreError | None:
        """Why commits do not get through at the moment, such as a full disk; None when they do."""
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class LocalWriter(Writer):
    """Writes from a thread of this process, which holds the database's lock (see `connect_writer`)."""

    def __init__(
        self,
        path: Path,
        opened: Opened,
        *,
        redactor: Redactor | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self.path = path
        self.warning = opened.warning
        self._connection = opened.connection
        self._ended = False
        self._ledger = Ledger(self._connection, redactor or Redactor.of_environment(os.environ), Owner.of(os.getpid()))
        self._on_close = on_close
        self._queue: deque[Operation | BeginFor] = deque()
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._drained = threading.Condition(self._lock)
        self._newest = 0
        self._idle = False
        self._closing = False
        self._stalled: StoreError | None = None
        self._checkpointed = self._beaten = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="ldp-store-writer", daemon=True)
        self._thread.start()

    @property
    def stalled(self) -> StoreError | None:
        """Why commits do not get through at the moment, such as a full disk; None when they do."""
        return self._stalled

    def submit(self, operation: Operation | BeginFor) -> int:
        """Queue `operation`, also on behalf of another process; see `Writer.submit`."""
        with self._lock:
            if len(self._queue) >= QUEUE_BOUND and not self._drained.wait_for(self._has_room, SUBMIT_PATIENCE_S):
                raise self._stalled or StoreLocked(f"{self.path} has not taken a step for a minute; is the disk busy?")
            self._refuse_if_over()
            self._queue.append(operation)
            self._newest += 1
            if self._idle:
                self._filled.notify()
            return self._newest

    def close(self) -> None:
        """Commit what is queued, end the thread and close the connection."""
        with self._lock:
            self._closing = True
            self._filled.notify()
            self._drained.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _has_room(self) -> bool:
        return len(self._queue) < QUEUE_BOUND or self._closing or self._tickets.fatal is not None

    def _refuse_if_over(self) -> None:
        if self._tickets.fatal is not None:
            raise self._tickets.fatal
        if self._closing:
            raise StoreClosed("The writer is closed; nothing more is recorded.")

    def _run(self) -> None:
        try:
            while (batch := self._next_batch()) is not None:
                if batch:
                    self._store(batch)
                else:
                    self._rest()
            self._connection.execute("pragma optimize")
        except sqlite3.Error as error:
            self._tickets.fail(translate(error, self.path))
        except StoreError as error:
            self._tickets.fail(error)
        except BaseException as error:
            self._tickets.fail(StoreError(f"The writer of {self.path} failed: {error!r}."))
            raise
        finally:
            self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            self._closing = True
            self._queue.clear()
            self._drained.notify_all()
        self._connection.close()
        self._tickets.fail(StoreClosed("The writer is closed; nothing more is recorded."))
        if self._on_close is not None:
            self._on_close()

    def _next_batch(self) -> list[Operation | BeginFor] | None:
        """What is queued, at most BATCH; empty after a while of nothing; None when closing and all is stored."""
        with self._lock:
            if not self._queue and not self._closing:
                self._idle = True
                self._filled.wait(_IDLE_S)
                self._idle = False
            if not self._queue:
                return None if self._closing else []
            if len(self._queue) <= BATCH:
                batch = list(self._queue)
                self._queue.clear()
            else:
                batch = [self._queue.popleft() for _ in range(BATCH)]
            self._drained.notify_all()
            return batch

    def _store(self, batch: list[Operation | BeginFor]) -> None:
        first = self._tickets.resolved + 1
        failures = self._commit_patiently(batch, first)
        self._tickets.resolve(first + len(batch) - 1, failures)
        now = time.monotonic()
        if self._ended and now - self._checkpointed > _CHECKPOINT_S:
            self._checkpoint(now)
        if now - self._beaten > _BEAT_S:
            self._beat(now)

    def _commit_patiently(self, batch: list[Operation | BeginFor], first: int) -> dict[int, StoreError]:
        """Commit `batch`, again while the disk is full; returns the failures by ticket."""
        deadline = time.monotonic() + _FULL_PATIENCE_S
        commit = self._commit
        while True:
            try:
                failures = commit(batch, first)
            except _REFUSALS as error:
                problem = self._translated(error)
                self._roll_back()
                if isinstance(problem, RowRejected) and commit == self._commit:
                    commit = self._commit_one_by_one
                elif not isinstance(problem, StoreFull | StoreLocked):
                    raise problem from error
                elif time.monotonic() < deadline and not self._closing:
                    self._stalled = problem
                    time.sleep(_FULL_RETRY_S)
                else:
                    self._stalled = problem
                    return dict.fromkeys(range(first, first + len(batch)), problem)
            else:
                self._stalled = None
                return failures

    def _commit(self, batch: list[Operation | BeginFor], first: int) -> dict[int, StoreError]:
        self._connection.execute("begin immediate")
        ended = self._ledger.apply(batch)
        self._connection.execute("commit")
        self._ended |= ended
        return {}

    def _commit_one_by_one(self, batch: list[Operation | BeginFor], first: int) -> dict[int, StoreError]:
        """Each operation in a savepoint of its own, so that a bad one is refused alone; one commit for all."""
        failures: dict[int, StoreError] = {}
        ended = False
        self._connection.execute("begin immediate")
        for ticket, operation in enumerate(batch, first):
            self._connection.execute("savepoint one")
            try:
                ended |= self._ledger.apply([operation])
            except _REFUSALS as error:
                problem = self._translated(error)
                if not isinstance(problem, RowRejected) or not self._connection.in_transaction:
                    raise problem from error
                self._connection.execute("rollback to one")
                self._ledger.forget()
                failures[ticket] = problem
            self._connection.execute("release one")
        self._connection.execute("commit")
        self._ended |= ended
        return failures

    def _translated(self, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        if isinstance(error, sqlite3.Error) and hasattr(error, "sqlite_errorcode"):
            return translate(error, self.path)
        refused = RowRejected(f"A value cannot be stored: {error}.")
        refused.__cause__ = error
        return refused

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("rollback")
        self._ledger.forget()

    def _rest(self) -> None:
        """Housekeeping while nothing is queued: short slices, so that the next operation hardly waits."""
        now = time.monotonic()
        if self._ended:
            self._checkpoint(now)
        if self._ledger.running and now - self._beaten > _BEAT_S:
            self._beat(now)
        try:
            while not self._queue and not self._closing and index_slice(self._connection):
                pass
        except sqlite3.Error as error:
            self._roll_back()
            problem = translate(error, self.path)
            if not isinstance(problem, StoreFull | StoreLocked):
                raise problem from error
            self._stalled = problem

    def _beat(self, now: float) -> None:
        self._beaten = now
        beat(self._connection)
        self._ledger.release(sweep(self._connection))

    def _checkpoint(self, now: float) -> None:
        self._checkpointed, self._ended = now, False
        self._connection.execute("pragma wal_checkpoint(passive)")
