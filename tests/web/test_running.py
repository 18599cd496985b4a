"""Listening, and being told where."""

from __future__ import annotations

import asyncio
import urllib.request

import pytest

pytest.importorskip("uvicorn")

from ldp_tui.core.errors import UsageError
from ldp_tui.web.running import bind, serve, serving, url_of


async def app(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
    """The smallest application."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"hello"})  # type: ignore[operator]


def test_serving_in_a_thread() -> None:
    """It answers as soon as the block begins, and its port is free when the block has ended."""
    with serving(app) as url, urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"hello"
    with bind("127.0.0.1", int(url.rpartition(":")[2])):
        pass


async def test_serving_in_a_loop() -> None:
    """Cancelling it ends it."""
    with bind("127.0.0.1", 0) as listening:
        task = asyncio.ensure_future(serve(app, listening))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert b"hello" in await reader.read()
        writer.close()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_port_in_use() -> None:
    """One sentence says so."""
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"Nothing can listen at 127.0.0.1:{port}: Address already in use"):
            bind("127.0.0.1", port)
    with pytest.raises(UsageError, match=r"Nothing can listen at no-such-host.invalid:0"):
        bind("no-such-host.invalid", 0)


def test_address_of_a_wildcard() -> None:
    """Every network of this machine is reached at this machine."""
    with bind("0.0.0.0", 0) as listening:
        assert url_of(listening).startswith("http://127.0.0.1:")
