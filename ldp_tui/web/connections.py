"""Connections to a server that stay open between requests; every failure is a TransportError with one sentence."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from ldp_tui.core.errors import TransportError, UsageError
from ldp_tui.web.apart import apart
from ldp_tui.web.failures import error_of_answer, excerpt

Result = TypeVar("Result")
Parameters = Mapping[str, Any] | Sequence[tuple[str, Any]] | str

MAX_ANSWER_BYTES = 64 * 2**20
KEEP_ALIVE_SECONDS = 4
"""Connections idle for longer are not used again: uvicorn closes its end after five seconds, and a request that meets a
closing connection may or may not have been carried out."""
LOCAL = {"localhost", "127.0.0.1", "::1"}


class Connections:
    """Keep-alive connections, shared by all that talk to one server, from any number of event loops.

    They close with the loop that uses them (`asyncio.run` sees to it), or at once by `aclose`.
    """

    def __init__(
        self,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._headers = {**(headers or {}), "Accept-Encoding": "identity"}  # what is not packed has the length it says
        self._timeout = timeout
        self._max_answer_bytes = max_answer_bytes
        self._sessions: dict[asyncio.AbstractEventLoop, _Session] = {}

    async def post(
        self, url: str, json: Any, *, params: Parameters | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The JSON value that `url` answers to a JSON value.

        Raises:
            TransportError: If there is no answer, or none that can be used.
            EpisodeError: If the server tells that an environment, a tool or an agent failed.
        """
        return await self._ask("POST", url, json=json, params=params, headers=headers)

    async def get(self, url: str, *, params: Parameters | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON value that is at `url`; raises as `post` does."""
        return await self._ask("GET", url, params=params, headers=headers)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.aclose()

    async def _ask(self, method: str, url: str, **request: Any) -> Any:
        try:
            status, body = await apart(self._exchange(method, url, **request))
        except aiohttp.InvalidURL as error:
            raise UsageError(f"{url} is no address that can be reached by HTTP.") from error
        except TimeoutError as error:
            limit = "the system's time limit" if self._timeout is None else f"{self._timeout:g} seconds"
            raise TransportError(f"{url} did not answer within {limit}.") from error
        except aiohttp.ClientConnectorError as error:
            raise TransportError(f"{url} cannot be reached: {_reason(error)}.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(f"{url} broke off: {type(error).__name__}: {error}.") from error
        if not 200 <= status < 300:
            raise error_of_answer(status, body, url=url)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise TransportError(f"{url} answered no JSON, but {excerpt(body)}.", status=status) from error

    async def _exchange(self, method: str, url: str, **request: Any) -> tuple[int, bytes]:
        session = await self._session()
        async with session.request(
            method, url, allow_redirects=False, proxy=_proxy(url), timeout=self._total(), **request
        ) as response:
            encoding = response.headers.get("Content-Encoding", "identity")
            if encoding != "identity":
                raise TransportError(f"{url} answered in the encoding {encoding}, which was not asked for.")
            if response.status in {301, 302, 303, 307, 308}:
                raise TransportError(f"{url} has moved to {response.headers.get('Location')}.", status=response.status)
            return response.status, await self._body(response, url)

    async def _body(self, response: aiohttp.ClientResponse, url: str) -> bytes:
        limit = self._max_answer_bytes
        too_long = f"{url} answered more than the {limit} bytes that are read."
        if (response.content_length or 0) > limit:
            raise TransportError(too_long, status=response.status)
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > limit:
                raise TransportError(too_long, status=response.status)
        return bytes(body)

    def _total(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self._timeout)

    async def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        found = self._sessions.get(loop)
        if found is None:
            for ended in [other for other in self._sessions if other.is_closed()]:
                del self._sessions[ended]
            found = self._sessions[loop] = _Session(self._headers)
        return await found.client()


class _Session:
    """A client of one event loop. An unfinished async generator holds it, which the loop closes when it ends."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._held = _held_client(headers)
        self._client: aiohttp.ClientSession | None = None

    async def client(self) -> aiohttp.ClientSession:
        if self._client is None:
            self._client = await anext(self._held)
        return self._client

    async def aclose(self) -> None:
        await self._held.aclose()


async def _held_client(headers: Mapping[str, str]) -> AsyncGenerator[aiohttp.ClientSession, None]:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS)
    async with aiohttp.ClientSession(headers=headers, connector=connector, auto_decompress=False) as client:
        yield client


def wait_for(make: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Result of a coroutine for callers that cannot await, whether or not an event loop runs in their thread.

    A server in the event loop of the calling thread cannot answer meanwhile.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(make())).result()


def _reason(error: aiohttp.ClientConnectorError) -> str:
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else str(error.os_error)


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for `url`; none for this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None  # whoever connects says what is wrong with it
    if parts.hostname is None or parts.hostname in LOCAL:
        return None
    proxies = getproxies()
    if parts.scheme not in proxies or proxy_bypass(parts.hostname):
        return None
    return proxies[parts.scheme]
