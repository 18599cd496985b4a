import asyncio
import threading

import pytest

from ldp_tui.tui.query_thread import QueryThread


class Source:
    """Waits until it is interrupted, as a long query does."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.interrupted = threading.Event()
        self.closed = threading.Event()
        self.thread = threading.current_thread()

    def long_query(self) -> None:
        self.started.set()
        assert self.interrupted.wait(5)
        raise RuntimeError("interrupted")

    def interrupt(self) -> None:
        self.interrupted.set()

    def close(self) -> None:
        self.closed.set()


async def test_questions_one_after_another() -> None:
    """Each is answered, on one other thread that also opened the source."""
    thread = QueryThread(Source)
    threads = [await thread.run(lambda source: (source.thread, threading.current_thread())) for _ in range(2)]
    thread.close()
    assert len({*threads[0], *threads[1]}) == 1
    assert threads[0][0] is not threading.current_thread()


async def test_question_that_raises() -> None:
    """The error reaches the one who asked, and the next question is answered."""
    thread = QueryThread(Source)
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda source: 1 / 0)
    assert await thread.run(lambda source: 2) == 2
    thread.close()


async def test_source_that_opens_at_the_second_try() -> None:
    """The first question gets the error, the second its answer."""
    tries = iter([OSError("not there yet"), None])

    def open_source() -> Source:
        if (error := next(tries)) is not None:
            raise error
        return Source()

    thread = QueryThread(open_source)
    with pytest.raises(OSError, match="not there yet"):
        await thread.run(lambda source: 1)
    assert await thread.run(lambda source: 1) == 1
    thread.close()


async def test_waiting_for_an_answer_is_cancelled() -> None:
    """A running query is interrupted, a waiting one is never begun, and the next is answered."""
    source = Source()
    begun: list[str] = []
    thread = QueryThread(lambda: source)
    running = asyncio.ensure_future(thread.run(Source.long_query))
    waiting = asyncio.ensure_future(thread.run(lambda _: begun.append("waiting")))
    await asyncio.to_thread(source.started.wait, 5)
    waiting.cancel()
    await asyncio.sleep(0)
    assert not source.interrupted.is_set()
    running.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    assert source.interrupted.is_set()
    assert await thread.run(lambda _: "next") == "next"
    assert begun == []
    thread.close()


async def test_closing_during_a_query() -> None:
    """The query is interrupted, the source is closed, and asking again is cancelled at once."""
    source = Source()
    thread = QueryThread(lambda: source)
    running = asyncio.ensure_future(thread.run(Source.long_query))
    await asyncio.to_thread(source.started.wait, 5)
    thread.close()
    assert await asyncio.to_thread(source.closed.wait, 5)
    assert source.interrupted.is_set()
    with pytest.raises(RuntimeError):
        await running
    with pytest.raises(asyncio.CancelledError):
        await thread.run(lambda _: None)
