"""The one thread in which a model computes. It lives while there is work, and a little longer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)


class Batch(Protocol[Item_contra]):
    """Everything that a model has under way. Used by its thread alone."""

    @property
    def busy(self) -> bool:
        """Whether something is left to do."""

    def admit(self, waiting: Sequence[Item_contra]) -> None:
        """Take what came since the last time."""

    def advance(self) -> None:
        """One step of everything; short, because a cancelled reply goes on until its end."""

    def fail(self, error: Exception, waiting: Sequence[Item_contra]) -> None:
        """Tell everybody that nothing more comes."""


class ModelThread(Generic[Item]):
    """Runs the requests of all threads and event loops on one model, a step at a time."""

    def __init__(
        self,
        name: str,
        make_batch: Callable[[], Batch[Item]],
        *,
        around: Callable[[], AbstractContextManager[object]] = nullcontext,
        linger: float = 0.0,
    ) -> None:
        """A thread for the batches of `make_batch`.

        Args:
            name: Of the thread.
            make_batch: Called now, and after each failure.
            around: Within what the thread computes.
            linger: Seconds that it waits for more work before it ends.
        """
        self._name, self._make_batch, self._around, self._linger = name, make_batch, around, linger
        self._batch = make_batch()
        self._work = threading.Condition()
        self._waiting: list[Item] = []
        self._jobs: list[Callable[[], None]] = []
        self._running = False
        self._idle = threading.Event()
        self._idle.set()

    def start(self, item: Item) -> None:
        """Begin with something; what comes of it is told as it comes."""
        with self._work:
            self._waiting.append(item)
            self._wake()

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` between two steps. It must not raise."""
        with self._work:
            self._jobs.append(job)
            self._wake()

    def wait_idle(self, seconds: float) -> bool:
        """Block until nothing is left to do; False if that takes longer."""
        return self._idle.wait(seconds)

    def _wake(self) -> None:
        self._idle.clear()
        self._work.notify()
        if not self._running:
            self._running = True
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        with self._around():
            while (work := self._next()) is not None:
                waiting, jobs = work
                for job in jobs:
                    job()
                self._step(waiting)

    def _step(self, waiting: Sequence[Item]) -> None:
        try:
            self._batch.admit(waiting)
            self._batch.advance()
        except Exception as error:  # noqa: BLE001 (whoever waits must hear of it, whatever it is)
            failed, self._batch = self._batch, self._make_batch()
            failed.fail(error, waiting)

    def _next(self) -> tuple[list[Item], list[Callable[[], None]]] | None:
        """What came meanwhile; None if the thread is to end."""
        with self._work:
            if not self._has_work():
                self._idle.set()
                self._work.wait_for(self._has_work, timeout=self._linger)
            if not self._has_work():
                self._running = False
                return None
            waiting, self._waiting = self._waiting, []
            jobs, self._jobs = self._jobs, []
            return waiting, jobs

    def _has_work(self) -> bool:
        return bool(self._waiting or self._jobs or self._batch.busy)
