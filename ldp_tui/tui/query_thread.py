"""Questions to the database, answered on a thread with a connection of its own, so that the screen never waits."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar


class Source(Protocol):
    """What the questions are put to; `interrupt` is called from another thread and ends a running query early."""

    def interrupt(self) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


SourceType = TypeVar("SourceType", bound=Source)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, eq=False)
class _Question(Generic[SourceType]):
    ask: Callable[[SourceType], Any]
    future: asyncio.Future[Any]

    def settle(self, result: Any = None, error: Exception | None = None) -> None:
        """Hand the outcome to whoever waits, from the thread; nobody may be left to take it."""
        with contextlib.suppress(RuntimeError):  # the loop has closed
            self.future.get_loop().call_soon_threadsafe(self._take, result, error)

    def _take(self, result: Any, error: Exception | None) -> None:
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class QueryThread(Generic[SourceType]):
    """Answers one question after another. The thread is a daemon: leaving the app never waits for it.

    `open_source` is called on the thread, with the first question; what it raises is the answer, and it is tried again
    with the next question.
    """

    def __init__(self, open_source: Callable[[], SourceType]) -> None:
        self._open = open_source
        self._source: SourceType | None = None
        self._questions: queue.SimpleQueue[_Question[SourceType] | None] = queue.SimpleQueue()
        self._running: _Question[SourceType] | None = None
        self._guard = threading.Lock()
        self._closed = False
        threading.Thread(target=self._work, name="query", daemon=True).start()

    async def run(self, ask: Callable[[SourceType], Answer]) -> Answer:
        """The answer of `ask`, which runs on the thread. Cancelling skips a waiting, or interrupts a running, one."""
        if self._closed:
            raise asyncio.CancelledError
        question = _Question(ask, asyncio.get_running_loop().create_future())
        self._questions.put(question)
        try:
            answer: Answer = await question.future
        except asyncio.CancelledError:
            self._interrupt(question)
            raise
        return answer

    def close(self) -> None:
        """Answer no more; does not wait for what is running."""
        self._closed = True
        self._questions.put(None)
        self._interrupt(self._running)

    def _interrupt(self, question: _Question[SourceType] | None) -> None:
        with self._guard:
            if question is not None and self._running is question and self._source is not None:
                self._source.interrupt()

    def _work(self) -> None:
        try:
            while (question := self._questions.get()) is not None and not self._closed:
                if not question.future.done():
                    self._answer(question)
        finally:
            if self._source is not None:
                self._source.close()

    def _answer(self, question: _Question[SourceType]) -> None:
        try:
            if self._source is None:
                self._source = self._open()
            with self._guard:
                self._running = question
            answer = question.ask(self._source)
        except Exception as error:  # noqa: BLE001  # whatever the question raises goes to the one who asked
            question.settle(error=error)
        else:
            question.settle(answer)
        finally:
            with self._guard:
                self._running = None
