"""Connections to servers that do as they should, and to others."""

from __future__ import annotations

import asyncio
import contextvars
import gzip
import socket
import weakref

import pytest

from ldp_tui.core.errors import AgentError, EnvError, EpisodeError, ToolError, TransportError, UsageError
from ldp_tui.web.connections import Connections, wait_for
from tests.web.answering import Answer, answering, broken_off, endless, silent, whole

GIGABYTE = 2**30


async def failure(answer: Answer, *, timeout: float | None = 20.0) -> EpisodeError:
    """What a request to a server that answers so raises."""
    async with answering(answer) as server:
        with pytest.raises(EpisodeError) as raised:
            await Connections(timeout=timeout, max_answer_bytes=2**20).post(f"{server.url}/step", {})
    assert len(str(raised.value)) < 800
    assert server.url in str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (broken_off(b""), "broke off"),
        (broken_off(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1, 2"), "broke off"),
        (broken_off(b"\x16\x03\x01 this is no HTTP\r\n\r\n"), "broke off"),
        (whole(b"<html><body>Sign in</body></html>"), "answered no JSON, but '<html><body>Sign in"),
        (whole(b""), "answered no JSON, but nothing"),
        (whole(b"[" * 100_000), "answered no JSON"),
        (whole(b"<h1>Oh no</h1>", status="500 Oh"), "answered 500: '<h1>Oh no</h1>'"),
        (whole(b'{"detail": "Invalid API key"}', status="403 No"), "answered 403: Invalid API key"),
        (
            whole(b'{"detail": [{"loc": ["body", "env_id"], "msg": "Field required"}]}', status="422 Oh"),
            "answered 422: body.env_id: Field required",
        ),
        (whole(b"", status="307 Away", headers="Location: http://elsewhere/\r\n"), "has moved to http://elsewhere/"),
        (whole(gzip.compress(b"x" * 100), headers="Content-Encoding: gzip\r\n"), "the encoding gzip"),
        (broken_off(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIGABYTE), "more than the 1048576 bytes"),
        (endless(), "more than the 1048576 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
async def test_answers_that_cannot_be_used(answer: Answer, told: str) -> None:
    """A TransportError that says in one line what came."""
    error = await failure(answer)

    assert isinstance(error, TransportError)
    assert error.phase == "transport"
    assert told in str(error)


async def test_no_answer() -> None:
    """The time limit holds for the whole request."""
    assert "did not answer within 0.2 seconds" in str(await failure(silent, timeout=0.2))


async def test_nobody_there() -> None:
    """The reason is the system's."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(TransportError, match=f"{url} cannot be reached: Connection refused."):
            await Connections().get(url)


async def test_no_address() -> None:
    """What no request can be sent to is the caller's mistake."""
    with pytest.raises(UsageError, match="is no address"):
        await Connections().get("http://[nowhere")


@pytest.mark.parametrize(
    ("phase", "kind"), [("agent", AgentError), ("env", EnvError), ("tool", ToolError), ("other", TransportError)]
)
async def test_failure_that_names_its_phase(phase: str, kind: type[EpisodeError]) -> None:
    """The error is of that phase."""
    error = await failure(whole(b'{"detail": "step failed: oh", "phase": "%s"}' % phase.encode(), status="500 Oh"))

    assert type(error) is kind
    assert str(error).endswith("step failed: oh")


async def test_traceback_of_an_aviary_server() -> None:
    """Its environment failed; only the last line is told."""
    text = rb"Traceback (most recent call last):\n  File \"/srv/secret.py\", line 1\nValueError: x\n\nValueError('x')"
    error = await failure(whole(b'{"detail": "%s"}' % text, status="500 Oh"))

    assert type(error) is EnvError
    assert str(error).endswith(": ValueError('x')")


async def test_requests_in_turn() -> None:
    """They share one connection, and send the headers they were given."""
    async with answering(whole(b'{"a": NaN}')) as server:
        connections = Connections(headers={"X-API-Key": "k"})
        for _ in range(5):
            assert (await connections.post(server.url, {"n": 1}, headers={"X-More": "m"}))["a"] != 1
    head = server.requests[-1].lower()
    assert server.connections == 1
    assert b"x-api-key: k" in head
    assert b"x-more: m" in head
    assert b"accept-encoding: identity" in head


def test_event_loops_one_after_the_other() -> None:
    """Connections of a loop end with it, without a warning; the next loop gets its own."""
    connections = Connections()

    async def twice() -> int:
        async with answering(whole(b"1")) as server:
            await connections.get(server.url)
            return int(await connections.get(server.url)) + server.connections

    assert [asyncio.run(twice()), asyncio.run(twice())] == [2, 2]


async def test_connections_hold_nothing_of_the_caller() -> None:
    """What the context of a request holds, such as an episode, goes with the request; the connection stays open."""

    class Episode:
        pass

    async def played() -> weakref.ref[Episode]:
        episode = Episode()
        playing.set(episode)
        await connections.get(server.url)
        return weakref.ref(episode)

    playing: contextvars.ContextVar[Episode] = contextvars.ContextVar("playing")
    async with answering(whole(b"1")) as server:
        connections = Connections()
        kept = [await asyncio.create_task(played()) for _ in range(2)]
        await asyncio.sleep(0)  # the loop lets go of a task one turn after it ended
        assert [reference() for reference in kept] == [None, None]
        assert server.connections == 1
        await connections.aclose()


async def test_cancelled_request() -> None:
    """It ends at once, its connection with it, and the next one works."""
    async with answering(silent) as server:
        connections = Connections()
        asking = asyncio.create_task(connections.get(server.url))
        while not server.requests:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert [task for task in asyncio.all_tasks() if "exchange" in repr(task.get_coro())] == []
        await connections.aclose()


async def test_closing() -> None:
    """Closed connections open again when they are needed."""
    async with answering(whole(b"1")) as server:
        connections = Connections()
        await connections.aclose()
        await connections.get(server.url)
        await connections.aclose()
        await connections.get(server.url)
        assert server.connections == 2


async def test_waiting_without_await() -> None:
    """A coroutine's result, also where an event loop runs already."""

    async def two() -> int:
        await asyncio.sleep(0)
        return 2

    assert wait_for(two) == 2
