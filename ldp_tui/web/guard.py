"""What stands before a route: who may ask, how much may be sent, and whether anybody still waits for the answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from ldp_tui.core.errors import MissingExtra

try:
    from fastapi import HTTPException, Request, Response
    from fastapi.responses import JSONResponse
    from fastapi.routing import APIRoute
    from starlette.types import Message, Receive
except ImportError as error:
    raise MissingExtra("A server", "serve") from error

Result = TypeVar("Result")
Check = Callable[[Mapping[str, str]], None]
"""Looks at the headers of a request; raises HTTPException to refuse it. Names of headers are in lower case."""

MAX_BODY_BYTES: Final = 16 * 2**20
GRACE_SECONDS: Final = 0.05
"""How long work may take before somebody looks whether the client still waits: most work is done by then."""
CLIENT_CLOSED_REQUEST: Final = 499
"""Status for an answer that nobody will read (nginx's number)."""


class Refused(Exception):
    """Raised in a guarded route: the answer is `report`, a JSON object such as `failure_report` makes."""

    def __init__(self, status: int, report: Mapping[str, str]) -> None:
        self.status, self.report = status, report
        super().__init__(report.get("detail", ""))


def api_key_check(key: str | None) -> Check:
    """Requests must bring `key` as `X-API-Key` (403 otherwise); None lets everybody in."""

    def check(headers: Mapping[str, str]) -> None:
        if key is not None and not _equal(headers.get("x-api-key"), key):
            raise HTTPException(403, "Invalid or missing API key")

    return check


def bearer_check(token: Callable[[], str | None]) -> Check:
    """Requests must bring the token as `Authorization: Bearer …` (401 otherwise). While there is none, none gets in."""

    def check(headers: Mapping[str, str]) -> None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        expected = token()
        if not expected or scheme.lower() != "bearer" or not _equal(given.strip(), expected):
            raise HTTPException(401, "Incorrect bearer token", headers={"WWW-Authenticate": "Bearer"})

    return check


def guarded_route(check: Check, *, max_body_bytes: int = MAX_BODY_BYTES) -> type[APIRoute]:
    """A route class that refuses a request before its body is read, and bodies that are too long while they come.

    For `FastAPI(…).router.route_class`, or as `route_class_override` of single routes.
    """

    class GuardedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def guarded(request: Request) -> Response:
                check(request.headers)
                try:
                    return await handle(Request(request.scope, _bounded(request, max_body_bytes)))
                except Refused as refused:
                    return JSONResponse(dict(refused.report), refused.status)

            return guarded

    return GuardedRoute


async def while_connected(request: Request, work: Awaitable[Result]) -> Result:
    """The result of `work`, which is cancelled when the client goes away (HTTPException 499) or this call is."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=GRACE_SECONDS)
        if not done:
            gone = asyncio.ensure_future(_disconnected(request))
            try:
                await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
        if not task.done():
            raise HTTPException(CLIENT_CLOSED_REQUEST, "The client went away")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _bounded(request: Request, limit: int) -> Receive:
    """The request's body, piece by piece; raises HTTPException 413 as soon as it is longer than `limit` bytes."""
    too_long = HTTPException(413, f"The body is longer than the {limit} bytes that this server takes")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise too_long
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise too_long
        return message

    return receive


def _equal(given: str | None, expected: str) -> bool:
    """Headers are read as Latin-1, and written as UTF-8 by those who send more than ASCII."""
    return given is not None and secrets.compare_digest(given.encode("latin-1"), expected.encode())
