"""A loopback server that answers whatever bytes a test wants, and counts who comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Answering:
    """Where it answers, and how many connections and requests came."""

    url: str
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)


@contextlib.asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[Answering]:
    """Answer every request by `answer`, in this event loop."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.connections += 1
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await converse(reader, writer)
        finally:
            writer.close()
            serving.discard(task)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(length[0].partition(b":")[2])) if length else b""
                told.requests.append(head + body)
                await answer(writer)
                if writer.is_closing():
                    break

    serving: set[asyncio.Task[None]] = set()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    told = Answering(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield told
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def whole(body: bytes, *, status: str = "200 OK", headers: str = "") -> Answer:
    """An ordinary answer; the connection stays open."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return answer


def broken_off(sent: bytes) -> Answer:
    """Some bytes, then the end."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        writer.close()

    return answer


def endless(piece: bytes = b"x" * 65536) -> Answer:
    """More and more, in chunks, until the client has had enough."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()

    return answer


async def silent(writer: asyncio.StreamWriter) -> None:
    """Nothing, for as long as the client waits."""
    while not writer.is_closing():
        await asyncio.sleep(0.01)
