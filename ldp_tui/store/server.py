"""The writing process serves others through a Unix socket: same operations, same acknowledgements after COMMIT.

The socket lies in a folder of mode 0700, so that only this user reaches it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
from collections import deque
from pathlib import Path
from typing import Any, Final

from ldp_tui.store import wire
from ldp_tui.store.errors import StoreError
from ldp_tui.store.ledger import BeginFor
from ldp_tui.store.ownership import Owner
from ldp_tui.store.rows import BeginEpisode
from ldp_tui.store.writer import LocalWriter

FOLDER_PREFIX: Final = "ldp-tui-writer-"

WINDOW: Final = 256
"""Operations a client may have unacknowledged: small enough that a dozen busy clients leave room in the queue."""


class WriterServer:
    """Listens from a thread with an event loop of its own."""

    def __init__(self, writer: LocalWriter) -> None:
        self._writer = writer
        self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=_socket_home()))
        self.socket = self._folder / "writer.sock"
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stopping = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._problem: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="ldp-store-server", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._problem is not None:
            raise StoreError(
                f"No socket can be opened in {self._folder} ({self._problem}); set TMPDIR to a shorter path."
            )

    def stop(self) -> None:
        """Close all connections and remove the socket. Clients find another way to write, or take over."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has stopped already
            self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as error:
            self._problem = error
        finally:
            self._loop.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            self._ready.set()

    async def _serve(self) -> None:
        server = await asyncio.start_unix_server(self._accept, self.socket)
        self._ready.set()
        await self._stopping.wait()
        server.close()
        await asyncio.sleep(0)  # connections that were accepted just now become tasks
        while self._connections:
            for task in self._connections:
                task.cancel()
            await asyncio.wait(self._connections)
        await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(_Connection(self._writer, reader, writer).run())
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)


class _Connection:
    def __init__(self, writer: LocalWriter, incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._incoming = incoming
        self._outgoing = outgoing
        self._owner: Owner | None = None
        self._received = 0
        self._submitted: deque[tuple[int, int | StoreError]] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def run(self) -> None:
        acknowledging = asyncio.ensure_future(self._acknowledge())
        try:
            await self._greet()
            await self._receive()
        except (OSError, EOFError, StoreError):
            pass  # the client is gone, or does not speak our language: it sees the connection close and decides
        finally:
            acknowledging.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await acknowledging
            self._outgoing.close()
            with contextlib.suppress(OSError):
                await self._outgoing.wait_closed()

    async def _greet(self) -> None:
        match wire.unpack(await self._frame()):
            case ["hello", wire.VERSION, int(pid), str(boot), str(host)]:
                self._owner = Owner(pid, boot, host)
                self._send(("welcome", wire.VERSION))
            case _:
                self._send(
                    ("refused", "StoreLocked", "The writing process runs another version; close one of the two.")
                )
                await self._outgoing.drain()
                raise EOFError

    async def _receive(self) -> None:
        while True:
            frame = await self._frame()
            self._received += 1
            while len(self._submitted) >= WINDOW:
                self._room.clear()
                await self._room.wait()
            try:
                operation = wire.unpack_operation(frame)
                if isinstance(operation, BeginEpisode) and self._owner is not None:
                    local = self._writer.submit(BeginFor(operation, self._owner))
                else:
                    local = self._writer.submit(operation)
                self._submitted.append((self._received, local))
            except StoreError as error:
                self._submitted.append((self._received, error))
            self._news.set()

    async def _acknowledge(self) -> None:
        while True:
            while not self._submitted:
                self._news.clear()
                await self._news.wait()
            failures: dict[int, StoreError] = {}
            upto = await self._settle(failures)
            self._room.set()
            self._send(("done", upto, wire.pack_failures(failures)))
            await self._outgoing.drain()

    async def _settle(self, failures: dict[int, StoreError]) -> int:
        """Wait for the oldest operation, then take all that the same commit settled; returns the newest's number."""
        upto = 0
        while self._submitted:
            number, local = self._submitted[0]
            if upto and isinstance(local, int) and local > self._writer.resolved:
                break
            try:
                if isinstance(local, StoreError):
                    raise local
                await self._writer.committed(local)
            except StoreError as error:
                failures[number] = error
            self._submitted.popleft()
            upto = number
        return upto

    async def _frame(self) -> bytes:
        (length,) = wire.LENGTH.unpack(await self._incoming.readexactly(wire.LENGTH.size))
        if length > wire.LARGEST_FRAME:
            self._send(("refused", "ValueRefused", f"A message of {length} bytes is too large."))
            await self._outgoing.drain()
            raise EOFError
        return await self._incoming.readexactly(length)

    def _send(self, message: Any) -> None:
        self._outgoing.write(wire.framed(wire.pack(message)))


def _socket_home() -> str | None:
    """A short folder for sockets, whose paths are limited to about 100 bytes."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return runtime if runtime and len(runtime) < 60 and os.access(runtime, os.W_OK) else None
