"""A writer that hands its operations to the process that holds the database, and takes over when that one dies.

What is not acknowledged yet is kept and sent again; the ledger knows rows that it has already: none is stored twice.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from ldp_tui.store import wire
from ldp_tui.store.errors import OwnerLost, StoreClosed, StoreError, StoreLocked
from ldp_tui.store.ownership import Owner
from ldp_tui.store.rows import AddAnnotation, AddMemory, AddStep, BeginEpisode, EndEpisode, Operation
from ldp_tui.store.secrets import Redactor
from ldp_tui.store.server import WINDOW
from ldp_tui.store.writer import QUEUE_BOUND, SUBMIT_PATIENCE_S, LocalWriter, Writer

_GREETING_S: Final = 10.0
_CHUNK: Final = 64


class Link(Protocol):
    """A way to the database. Operations are answered in the order in which they were sent."""

    def send(self, operations: list[bytes]) -> None:
        """Pass packed operations on. Raises OSError or StoreError when the way is closed."""

    def receive(self) -> tuple[int, dict[int, StoreError]]:
        """Block for the next answer: how many operations are settled by now, and which of them failed."""

    def close(self) -> None:
        """End it; a blocked `receive` raises."""


class SocketLink:
    """The way through another process's socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(_GREETING_S)
            self._socket.connect(str(path))
            owner = Owner.of(os.getpid())
            self._socket.sendall(wire.framed(wire.pack(("hello", wire.VERSION, owner.pid, owner.boot, owner.host))))
            self._expect_welcome()
            self._socket.settimeout(None)
        except BaseException:
            self._socket.close()
            raise

    def send(self, operations: list[bytes]) -> None:
        """Send the operations in as few writes as sensible."""
        for first in range(0, len(operations), _CHUNK):
            self._socket.sendall(b"".join(map(wire.framed, operations[first : first + _CHUNK])))

    def receive(self) -> tuple[int, dict[int, StoreError]]:
        """The next answer."""
        match wire.unpack(self._frame()):
            case ["done", int(upto), list(failures)]:
                return upto, wire.unpack_failures(failures)
            case ["refused", str(name), str(text)]:
                raise wire.unpack_error(name, text)
        raise StoreError("The writing process answered something unknown; update both to the same version.")

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _expect_welcome(self) -> None:
        match wire.unpack(self._frame()):
            case ["welcome", wire.VERSION]:
                return
            case ["refused", str(name), str(text)]:
                raise wire.unpack_error(name, text)
        raise StoreError("The writing process answered something unknown; update both to the same version.")

    def _frame(self) -> bytes:
        (length,) = wire.LENGTH.unpack(self._exactly(wire.LENGTH.size))
        return self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            piece = self._socket.recv(size - len(received))
            if not piece:
                raise ConnectionResetError("The writing process has closed the connection.")
            received += piece
        return bytes(received)


class LocalLink:
    """The way through this process's own writer, after it took over."""

    def __init__(self, writer: LocalWriter) -> None:
        self._writer = writer
        self._submitted: deque[int] = deque()
        self._settled = 0
        self._changed = threading.Condition()
        self._closed = False

    def send(self, operations: list[bytes]) -> None:
        """Submit them."""
        for packed in operations:
            ticket = self._writer.submit(wire.unpack_operation(packed))
            with self._changed:
                self._submitted.append(ticket)
                self._changed.notify()

    def receive(self) -> tuple[int, dict[int, StoreError]]:
        """Wait for the oldest."""
        with self._changed:
            self._changed.wait_for(lambda: self._submitted or self._closed)
            if not self._submitted:
                raise StoreClosed("The writer is closed; nothing more is recorded.")
            ticket = self._submitted.popleft()
        self._settled += 1
        try:
            self._writer.wait(ticket)
        except StoreError as error:
            if self._writer.failure is not None and ticket > self._writer.resolved:
                raise
            return self._settled, {self._settled: error}
        return self._settled, {}

    def close(self) -> None:
        """Close the writer."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._writer.close()


class ClientWriter(Writer):
    """Writes through a Link; when it breaks, `rejoin` gives another one: to the next owner, or to ourselves."""

    def __init__(self, path: Path, link: Link, rejoin: Callable[[], Link], *, redactor: Redactor | None = None) -> None:
        super().__init__()
        self.path = path
        self._rejoin = rejoin
        self._redactor = redactor or Redactor.of_environment(os.environ)
        self._link = link
        self._base = 0
        self._pending: deque[bytes] = deque()
        self._sent = 0
        self._newest = 0
        self._closing = False
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._send, name="ldp-store-send", daemon=True),
            threading.Thread(target=self._receive, name="ldp-store-receive", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, operation: Operation) -> int:
        """Queue `operation`; see `Writer.submit`."""
        packed = wire.pack_operation(operation)
        if self._redactor.suspects(packed):
            packed = wire.pack_operation(self._redacted(operation))
        with self._changed:
            if not self._changed.wait_for(self._has_room, SUBMIT_PATIENCE_S):
                raise StoreLocked(
                    f"The process that writes {self.path} has not taken a step for a minute; is it stopped?"
                )
            self._refuse_if_over()
            self._pending.append(packed)
            self._newest += 1
            self._changed.notify_all()
            return self._newest

    def close(self) -> None:
        """Wait until all is acknowledged (or lost for good), then disconnect."""
        with self._changed:
            already = self._closing
            self._closing = True
            self._changed.notify_all()
            if not already:
                self._changed.wait_for(lambda: not self._pending or self.failure is not None)
        if already:
            return
        self._tickets.fail(StoreClosed("The writer is closed; nothing more is recorded."))
        with self._changed:
            self._changed.notify_all()
        self._link.close()
        for thread in self._threads:
            thread.join()

    def _redacted(self, operation: Operation) -> Operation:
        redactor = self._redactor
        match operation:
            case AddStep(uid, row):
                return AddStep(uid, redactor.step(row))
            case EndEpisode():
                return redactor.end(operation)
            case AddAnnotation(uid, annotation):
                return AddAnnotation(uid, redactor.annotation(annotation))
            case AddMemory(memory):
                return AddMemory(redactor.memory(memory))
            case BeginEpisode():
                return replace(
                    redactor.begin(operation),
                    env=redactor.env(operation.env),
                    agent=redactor.agent(operation.agent),
                    first=redactor.step(operation.first),
                )

    def _has_room(self) -> bool:
        return len(self._pending) < QUEUE_BOUND or self._closing or self.failure is not None

    def _refuse_if_over(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self._closing:
            raise StoreClosed("The writer is closed; nothing more is recorded.")

    def _send(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._sent < min(len(self._pending), WINDOW) or self.failure is not None)
                if self.failure is not None:
                    return
                batch = list(itertools.islice(self._pending, self._sent, WINDOW))
                self._sent += len(batch)
                link = self._link
            try:
                link.send(batch)
            except (OSError, StoreError):
                # `_receive` sees the same broken link, replaces it, and has everything sent again.
                with self._changed:
                    while self._link is link and self.failure is None:
                        self._changed.wait()

    def _receive(self) -> None:
        while self.failure is None:
            try:
                self._settle(*self._link.receive())
            except (OSError, StoreError):
                self._link.close()
                if self.failure is None:
                    self._replace_link()

    def _settle(self, upto: int, failures: dict[int, StoreError]) -> None:
        with self._changed:
            settled = self._base + upto - self._tickets.resolved
            for _ in range(settled):
                self._pending.popleft()
            self._sent -= settled
            self._tickets.resolve(self._base + upto, {self._base + number: error for number, error in failures.items()})
            self._changed.notify_all()

    def _replace_link(self) -> None:
        try:
            link = self._rejoin()
        except StoreError as error:
            self._tickets.fail(OwnerLost(f"The process that wrote {self.path} is gone, and: {error}"))
            with self._changed:
                self._changed.notify_all()
            return
        with self._changed:
            self._link, self._base, self._sent = link, self._tickets.resolved, 0
            self._changed.notify_all()
