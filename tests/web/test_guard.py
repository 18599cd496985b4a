"""What stands before a route, seen from outside."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

pytest.importorskip("fastapi")

import aiohttp
from fastapi import FastAPI, Request
from pydantic import BaseModel

from ldp_tui.web.guard import Check, Refused, api_key_check, bearer_check, guarded_route, while_connected
from ldp_tui.web.running import serving

LIMIT = 1000


class Body(BaseModel):
    """What the routes take."""

    text: str


@contextlib.contextmanager
def guarded(check: Check) -> Iterator[str]:
    """A server with one guarded route, `/length`."""
    app = FastAPI()
    app.router.route_class = guarded_route(check, max_body_bytes=LIMIT)

    @app.post("/length")
    async def length(body: Body) -> int:
        if body.text == "refuse":
            raise Refused(418, {"detail": "no", "phase": "env"})
        return len(body.text)

    with serving(app) as url:
        yield f"{url}/length"


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client


async def ask(client: aiohttp.ClientSession, url: str, text: str = "abc", **headers: str) -> tuple[int, object]:
    async with client.post(url, json={"text": text}, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_api_key(client: aiohttp.ClientSession) -> None:
    """Only the very key lets in; without one, everybody comes in."""
    with guarded(api_key_check("sésame")) as url:
        assert await ask(client, url) == (403, {"detail": "Invalid or missing API key"})
        assert (await ask(client, url, **{"X-API-Key": "sesame"}))[0] == 403
        assert await ask(client, url, **{"X-API-Key": "sésame"}) == (200, 3)
    with guarded(api_key_check(None)) as url:
        assert await ask(client, url) == (200, 3)


async def test_bearer_token(client: aiohttp.ClientSession) -> None:
    """The token may change while the server runs; as long as there is none, nobody comes in."""
    tokens: list[str | None] = [None]
    with guarded(bearer_check(lambda: tokens[-1])) as url:
        assert await ask(client, url, Authorization="Bearer ") == (401, {"detail": "Incorrect bearer token"})
        tokens.append("one")
        assert (await ask(client, url, Authorization="Bearer two"))[0] == 401
        assert (await ask(client, url, Authorization="Basic one"))[0] == 401
        assert await ask(client, url, Authorization="bearer one") == (200, 3)


async def test_long_body(client: aiohttp.ClientSession) -> None:
    """It is refused, whether its length is announced or comes out; what fits passes."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    with guarded(api_key_check(None)) as url:
        assert (await ask(client, url, "a" * 900))[0] == 200
        assert (await ask(client, url, "a" * 1001))[0] == 413
        async with client.post(url, data=pieces(), headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 413
            assert "longer than the 1000 bytes" in (await answer.json())["detail"]


async def test_key_before_body(client: aiohttp.ClientSession) -> None:
    """Who has no key sends nothing that is read."""
    with guarded(api_key_check("key")) as url:
        assert (await ask(client, url, "a" * 5000))[0] == 403


async def test_refusal(client: aiohttp.ClientSession) -> None:
    """The route's own report is the answer."""
    with guarded(api_key_check(None)) as url:
        assert await ask(client, url, "refuse") == (418, {"detail": "no", "phase": "env"})


async def test_client_that_goes_away() -> None:
    """The work for it is cancelled; work for others goes on."""
    begun, cancelled, release = threading.Event(), threading.Event(), threading.Event()
    app = FastAPI()

    async def work() -> str:
        begun.set()
        try:
            while not release.is_set():
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return "done"

    @app.post("/work")
    async def route(request: Request) -> str:
        return await while_connected(request, work())

    with serving(app) as url:
        async with aiohttp.ClientSession() as client:
            asking = asyncio.ensure_future(client.post(f"{url}/work"))
            assert await asyncio.to_thread(begun.wait, 10)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            assert await asyncio.to_thread(cancelled.wait, 10)
            release.set()
            async with client.post(f"{url}/work") as answer:
                assert await answer.json() == "done"
