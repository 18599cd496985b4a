"""Runs an ASGI application: until interrupted, or in a thread for tests and notebooks."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ldp_tui.core.errors import MissingExtra, UsageError

try:
    import uvicorn
except ImportError as error:
    raise MissingExtra("A server", "serve") from error

KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 5
"""How long requests may take to end after the server was told to stop."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        UsageError: If nothing can listen there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"Nothing can listen at {host}:{port}: {error.strerror or error}.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except (OSError, OverflowError) as error:
        listening.close()
        raise UsageError(f"Nothing can listen at {host}:{port}: {getattr(error, 'strerror', error)}.") from error
    return listening


def url_of(listening: socket.socket) -> str:
    """Where a listening socket answers, as a person reaches it: a wildcard address is this machine."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(app: Any, listening: socket.socket) -> None:
    """Answer at `listening` until cancelled or, in the main thread, interrupted; its lifespan ends too."""
    server = _Server(app)
    answering = asyncio.ensure_future(server.serve([listening]))
    try:
        await asyncio.shield(answering)
    except asyncio.CancelledError:
        server.should_exit = True
        await answering
        raise


def serve_until_interrupted(app: Any, listening: socket.socket) -> None:
    """Answer at `listening` until Ctrl-C, which is the ordinary end.

    One that comes while the event loop is being made waits until the loop can take it.
    """
    waits = {signal.SIGINT} if hasattr(signal, "pthread_sigmask") else set[signal.Signals]()

    async def answer() -> None:
        if waits:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, waits)
        await serve(app, listening)

    with contextlib.suppress(KeyboardInterrupt):
        if waits:
            signal.pthread_sigmask(signal.SIG_BLOCK, waits)
        asyncio.run(answer())


@contextlib.contextmanager
def serving(app: Any, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Within the block, a thread with its own event loop answers at the URL that is yielded."""
    listening = bind(host, port)
    server = _Server(app)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), name="serving", daemon=True)
    thread.start()
    try:
        server.answering.wait()
        yield url_of(listening)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


class _Server(uvicorn.Server):
    """`answering` is set as soon as the server answers, or has given up."""

    def __init__(self, app: Any) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        super().__init__(config)
        self.answering = threading.Event()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().serve(sockets)
        finally:
            self.answering.set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop. Further signals change nothing: stopping is bounded, and hurrying it would end in a traceback."""
        if not self.should_exit:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()
