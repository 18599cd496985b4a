"""One pooled HTTP client per event loop, closed with the loop, and how its failures become ours."""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from weakref import WeakKeyDictionary

import httpx

from ldp_tui.models.errors import InvalidReply, ModelTimeout, ModelUnavailable, ReplyCut

CONNECT_SECONDS: Final = 10.0
_IDLE_CONNECTIONS: Final = 64

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[httpx.AsyncClient, AsyncGenerator[httpx.AsyncClient]]] = (
    WeakKeyDictionary()
)


async def client() -> httpx.AsyncClient:
    """The running loop's client. It waits without end for replies: whoever calls sets the time limit."""
    loop = asyncio.get_running_loop()
    held = _clients.get(loop)
    if held is None:
        opened = _opened()
        held = _clients[loop] = (await anext(opened), opened)
    return held[0]


async def _opened() -> AsyncGenerator[httpx.AsyncClient]:
    """Agents are never closed, loops are: a loop closes the generators that it ran before it ends."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=_IDLE_CONNECTIONS)
    timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
    async with httpx.AsyncClient(limits=limits, timeout=timeout, follow_redirects=False) as opened:
        yield opened


@contextmanager
def translated(model: str) -> Iterator[None]:
    """Inside the block, failures of the connection are ModelErrors."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise ModelTimeout(f"no answer in time ({type(error).__name__})", model=model) from error
    except httpx.RemoteProtocolError as error:
        raise ReplyCut(f"the connection ended before the reply did ({error})", model=model) from error
    except httpx.TransportError as error:
        raise ModelUnavailable(f"no connection to the server ({error or type(error).__name__})", model=model) from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise InvalidReply(f"the answer cannot be read ({error})", model=model) from error


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
