"""Messages over a socket: four bytes of length (big-endian), then msgpack of `[type, fields]`.

TransportError
├── MessageTooLarge     one message is above the limit; the connection stays usable for the sender
├── MessageUnsendable   it holds a value that msgpack has no form for
└── VersionMismatch     the other side is another version of this program
"""

from __future__ import annotations

import functools
import os
import socket
import struct
import threading
from dataclasses import asdict, dataclass
from typing import Any, Final

import msgpack
from pydantic import TypeAdapter, ValidationError

from ldp_tui import __version__
from ldp_tui.core.errors import LdpTuiError
from ldp_tui.engine.codec import event_from_wire, event_to_wire
from ldp_tui.play.messages import MESSAGE_TYPES, Command, EventReport, Hello, Report

PROTOCOL: Final = 2
"""Raised whenever messages of two builds with equal `__version__` would not fit."""
MAX_BYTES: Final = 64 * 1024 * 1024
"""Largest message; a full 4K picture has 25 MB."""

_LENGTH: Final = struct.Struct(">I")
_TYPES: Final = {kind.__name__: kind for kind in MESSAGE_TYPES}


class TransportError(LdpTuiError):
    """The connection between front end and engine cannot be used as it was."""


class MessageTooLarge(TransportError):
    """A message above the limit."""


class MessageUnsendable(TransportError):
    """A message with a value that msgpack has no form for."""


class VersionMismatch(TransportError):
    """The two sides are different versions of this program."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message that has arrived and is not decoded yet."""

    type: str
    fields: dict[str, Any]


def encode(message: Command | Report) -> bytes:
    """The message as bytes, without their length; raises MessageUnsendable."""
    try:
        if isinstance(message, EventReport):
            fields = {"lane": message.lane, "number": message.number, "event": event_to_wire(message.event)}
        else:
            fields = asdict(message)
        packed: bytes = msgpack.packb([type(message).__name__, fields], unicode_errors="surrogatepass")
    except (TypeError, ValueError, OverflowError) as error:
        raise MessageUnsendable(f"A {type(message).__name__} cannot be sent: {error}.") from error
    return packed


def unpack(data: bytes) -> Envelope:
    """The message's type and fields; raises TransportError if `data` is none of ours."""
    try:
        name, fields = msgpack.unpackb(data, unicode_errors="surrogatepass", strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise TransportError(f"What arrived is no message: {error}.") from error
    if name not in _TYPES or not isinstance(fields, dict):
        raise TransportError(f"A message of unknown type {name!r} arrived.")
    return Envelope(name, fields)


def decode(envelope: Envelope) -> Command | Report:
    """The message of an envelope.

    Raises:
        TransportError: If its fields are not those of its type.
        UsageError: If they ask for something that makes no sense.
    """
    fields = envelope.fields
    try:
        if envelope.type == "EventReport":
            return EventReport(fields["lane"], fields["number"], event_from_wire(fields["event"]))
        return _adapter(envelope.type).validate_python(fields)
    except (KeyError, TypeError, ValidationError) as error:
        reason = " ".join(str(error).split())
        raise TransportError(f"A {envelope.type} message cannot be read: {reason}") from error


@functools.cache
def _adapter(name: str) -> TypeAdapter[Command | Report]:
    return TypeAdapter(_TYPES[name])


class Channel:
    """One end of a connection. Any thread may send; one thread receives."""

    def __init__(self, connected: socket.socket, *, limit: int = MAX_BYTES) -> None:
        self._socket = connected
        self._limit = limit
        self._sending = threading.Lock()

    def send(self, message: Command | Report) -> None:
        """Send one message; waits while the other side's buffer is full.

        Raises:
            MessageTooLarge: Nothing was sent.
            MessageUnsendable: Nothing was sent.
            OSError: The other side is gone.
        """
        data = encode(message)
        if len(data) > self._limit:
            raise MessageTooLarge(
                f"A {type(message).__name__} of {len(data):,} bytes is above the limit of {self._limit:,}."
            )
        with self._sending:
            self._socket.sendall(_LENGTH.pack(len(data)) + data)

    def receive(self) -> Envelope | None:
        """The next message; None when the other side is gone. Raises TransportError for what is none of ours."""
        header = self._read(_LENGTH.size)
        if header is None:
            return None
        (length,) = _LENGTH.unpack(header)
        if length > self._limit:
            raise MessageTooLarge(f"A message of {length:,} bytes was announced; the limit is {self._limit:,}.")
        data = self._read(length)
        return None if data is None else unpack(data)

    def stop_receiving(self) -> None:
        """Make a `receive` that waits, in any thread, return None; safe in a signal handler."""
        try:
            self._socket.shutdown(socket.SHUT_RD)
        except OSError:  # the other side is gone already, which ends `receive` as well
            return

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def _read(self, size: int) -> bytes | None:
        parts: list[bytes] = []
        while size:
            try:
                part = self._socket.recv(min(size, 1 << 20))
            except ConnectionError:
                return None
            if not part:
                return None
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def hello() -> Hello:
    """This side's first message."""
    return Hello(__version__, PROTOCOL, os.getpid())


def check_hello(envelope: Envelope) -> Hello:
    """The other side's first message; raises VersionMismatch unless it is this version's."""
    fields = envelope.fields
    other = (fields.get("version"), fields.get("protocol"))
    if envelope.type != "Hello" or other != (__version__, PROTOCOL):
        raise VersionMismatch(
            f"The other side is ldp-tui {other[0]} (protocol {other[1]}), this one is {__version__} (protocol "
            f"{PROTOCOL}): the installation has changed under a running app. Restart it."
        )
    return Hello(__version__, PROTOCOL, fields.get("pid", 0))
