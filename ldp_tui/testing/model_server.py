"""A real server on this machine that speaks OpenAI's protocol and answers by a script: for tests, examples, benchmarks.

    with ModelServer(["Hello!", ("act", {"action": "stick"}), Fails(429, retry_after=0.1), Hangs()]) as server:
        agent = SimpleAgent(llm_config={"name": "openai/any", "base_url": server.base_url})

It lives in a thread of its own, so that it serves blocking and asynchronous callers alike (`async with` works too). It
answers `/v1/chat/completions` by the script (streamed where asked); `/v1/embeddings` and `/v1/models` need none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from ldp_tui.testing.model_replies import (
    BROKEN_JSON,
    EMPTY,
    NO_CHOICE,
    WEB_PAGE,
    Cuts,
    Fails,
    Floods,
    Hangs,
    Reply,
    Says,
    Scripted,
    Sends,
    completion,
    embeddings,
    events,
    reply_of,
)

__all__ = [
    "BROKEN_JSON",
    "EMPTY",
    "NO_CHOICE",
    "WEB_PAGE",
    "Cuts",
    "Fails",
    "Floods",
    "Hangs",
    "ModelServer",
    "Received",
    "Says",
    "Sends",
]

_CHUNK = 2**16
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came. `body` is its JSON; headers have lower-case names."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str] = field(repr=False)


class ModelServer:
    """Answers its requests by `replies`, in order. `repeat` begins the script again when it is used up.

    A script that is used up answers 500 and says so. `requests` holds what came, `seconds` how long the server itself
    took for each answer, `abandoned` how many requests their clients gave up.
    """

    def __init__(self, replies: Iterable[Scripted] = (), *, repeat: bool = False, api_key: str | None = None) -> None:
        self._script = list(replies)
        self._repeat, self._key = repeat, api_key
        self._next = 0
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="model-server", daemon=True)
        self._listening = threading.Event()
        self._gave_up = threading.Condition()
        self.requests: list[Received] = []
        self.seconds: list[float] = []
        self.abandoned = 0
        self.port = 0

    @property
    def base_url(self) -> str:
        """What to give as `base_url`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, traceback)

    def wait_abandoned(self, count: int = 1, seconds: float = 10.0) -> bool:
        """Block until so many requests were given up by their clients; False if it takes longer."""
        with self._gave_up:
            return self._gave_up.wait_for(lambda: self.abandoned >= count, seconds)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0, limit=2**26))
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._hang_up())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _hang_up(self) -> None:
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._serve(reader, writer):
                    pass
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection may be used for another."""
        received = await _read(reader)
        started = time.perf_counter()
        self.requests.append(received)
        if self._key is not None and received.headers.get("authorization") != f"Bearer {self._key}":
            given = received.headers.get("authorization", "none")
            return await self._answer(Fails(401, f"Incorrect API key provided: {given}"), received, reader, writer)
        if received.path.endswith("/models"):
            await _send(writer, b'{"object": "list", "data": [{"id": "scripted", "object": "model"}]}')
            return True
        if received.path.endswith("/embeddings"):
            await _send(writer, embeddings(received.body))
            return True
        if not received.path.endswith("/chat/completions"):
            return await self._answer(Fails(404, f"no page {received.path}"), received, reader, writer)
        keep = await self._answer(self._reply(received.body), received, reader, writer)
        self.seconds.append(time.perf_counter() - started)
        return keep

    def _reply(self, request: dict[str, Any]) -> Reply:
        if self._next >= len(self._script) and not (self._repeat and self._script):
            return Fails(500, f"the script of {len(self._script)} replies is used up")
        scripted = self._script[self._next % len(self._script)]
        self._next += 1
        return reply_of(scripted, request)

    async def _answer(
        self, reply: Reply, received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        request = received.body
        match reply:
            case Says() if request.get("stream"):
                return await self._stream(reply, request, reader, writer)
            case Says():
                await self._pause(reply.pause, reader)
                await _send(writer, completion(reply, request))
            case Fails(status, message, code, retry_after):
                error = {"error": {"message": message, "type": "server_error", "code": code or None}}
                header = "" if retry_after is None else f"Retry-After: {retry_after}\r\n"
                await _send(writer, json.dumps(error).encode(), status=status, headers=header)
            case Hangs(seconds):
                await self._pause(seconds, reader)
                return False
            case Cuts(says, count):
                writer.write(_head(200, "text/event-stream", "Transfer-Encoding: chunked\r\n"))
                for _, event in zip(range(count), events(says, request), strict=False):
                    writer.write(b"%x\r\n%b\r\n" % (len(event), event))
                await writer.drain()
                return False
            case Sends(body, content_type, status):
                await _send(writer, body, status=status, content_type=content_type)
            case Floods(size):
                return await _flood(writer, size, streamed=bool(request.get("stream")))
        return True

    async def _stream(
        self, says: Says, request: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        writer.write(_head(200, "text/event-stream", "Transfer-Encoding: chunked\r\n"))
        for event in events(says, request):
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            if says.pause:
                await writer.drain()
                await self._pause(says.pause, reader)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _pause(self, seconds: float, reader: asyncio.StreamReader) -> None:
        """Wait, unless the client goes away first; that is counted, and ends the connection."""
        if seconds <= 0:
            return
        with contextlib.suppress(TimeoutError):
            gone = await asyncio.wait_for(reader.read(1), seconds) == b""
            if gone:
                with self._gave_up:
                    self.abandoned += 1
                    self._gave_up.notify_all()
                raise ConnectionResetError


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(head[0].split(" ")[1], json.loads(body) if body else {}, headers)


async def _send(
    writer: asyncio.StreamWriter,
    body: bytes,
    *,
    status: int = 200,
    content_type: str = "application/json",
    headers: str = "",
) -> None:
    writer.write(_head(status, content_type, f"Content-Length: {len(body)}\r\n{headers}") + body)
    await writer.drain()


def _head(status: int, content_type: str, headers: str) -> bytes:
    reason = _REASONS.get(status, "Answer")
    return f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n{headers}\r\n".encode()


async def _flood(writer: asyncio.StreamWriter, size: int, *, streamed: bool) -> bool:
    """Write `size` bytes of text in one reply, or in one event without end."""
    before, after = (b'data: {"choices":[{"index":0,"delta":{"content":"', b'"}}]}\n\ndata: [DONE]\n\n')
    if not streamed:
        before = b'{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"'
        after = b'"}}],"usage":{}}'
    length = f"Content-Length: {len(before) + size + len(after)}\r\n"
    writer.write(_head(200, "text/event-stream" if streamed else "application/json", length) + before)
    for start in range(0, size, _CHUNK):
        writer.write(b"a" * min(_CHUNK, size - start))
        await writer.drain()
    writer.write(after)
    await writer.drain()
    return True
