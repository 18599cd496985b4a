"""One pooled HTTP client per event loop, closed with the loop, and how its failures become ours."""

from __future__ import annotations

import asyncio
import contextvars
import email.utils
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from weakref import WeakKeyDictionary

import aiohttp

from ldp_tui.models.errors import InvalidReply, ModelTimeout, ModelUnavailable, ReplyCut
from ldp_tui.web.apart import apart

CONNECT_SECONDS: Final = 10.0

_Held = tuple[aiohttp.ClientSession, AsyncGenerator[aiohttp.ClientSession, None]]
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Held] = WeakKeyDictionary()


@asynccontextmanager
async def posted(
    url: str, body: bytes, headers: Mapping[str, str], *, model: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to a POST of JSON, its body still to be read. It is waited for without end: the caller sets the limit.

    Connections outlive the request, and so do not work in the caller's context.

    Raises:
        ModelError: For whatever fails on the way, also while the body is read inside the block.
    """
    sent = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
    own = contextvars.Context()
    with translated(model):
        client = await _client()
        posting = client.post(url, data=body, headers=sent, allow_redirects=False)
        response = await apart(_answer(posting), context=own, unwanted=aiohttp.ClientResponse.close)
        try:
            yield response
        finally:
            own.run(response.release)


@contextmanager
def translated(model: str) -> Iterator[None]:
    """Inside the block, failures of the connection are ModelErrors."""
    try:
        yield
    except TimeoutError as error:
        raise ModelTimeout(f"no connection within {CONNECT_SECONDS:g} s", model=model) from error
    except aiohttp.ClientPayloadError as error:
        raise ReplyCut("the connection ended before the reply did", model=model) from error
    except aiohttp.ServerDisconnectedError as error:
        raise ModelUnavailable("the server closed the connection without an answer", model=model) from error
    except aiohttp.ClientConnectorError as error:
        reason = error.strerror or str(error)
        raise ModelUnavailable(f"no connection to {error.host}:{error.port} ({reason})", model=model) from error
    except aiohttp.ClientResponseError as error:
        raise InvalidReply(f"the answer is no HTTP ({error.message})", model=model) from error
    except (aiohttp.ClientError, OSError) as error:
        raise ModelUnavailable(f"the connection broke off ({type(error).__name__})", model=model) from error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        value = headers.get("retry-after")
        if not value:
            return None
        if (date := email.utils.parsedate_tz(value)) is not None:
            return max(0.0, email.utils.mktime_tz(date) - time.time())
        return max(0.0, float(value))
    except (ValueError, OverflowError):
        return None


async def _answer(posting: Awaitable[aiohttp.ClientResponse]) -> aiohttp.ClientResponse:
    return await posting


async def _client() -> aiohttp.ClientSession:
    loop = asyncio.get_running_loop()
    held = _clients.get(loop)
    if held is None:
        opened = _opened()
        held = _clients[loop] = (await anext(opened), opened)
    return held[0]


async def _opened() -> AsyncGenerator[aiohttp.ClientSession, None]:
    """Agents are never closed, loops are: a loop closes the generators that it ran before it ends."""
    timeout = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=CONNECT_SECONDS)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=True) as opened:
        yield opened
