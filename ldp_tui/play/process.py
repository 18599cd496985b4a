"""One engine process as seen from the front end: how it is started, heard, and ended whatever it does."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from ldp_tui.play.mailbox import Mailbox
from ldp_tui.play.messages import Command, Heartbeat, LanePhase, Level, Log, Shutdown
from ldp_tui.play.transport import Channel, Envelope, TransportError, check_hello, decode, hello

LOG_LINES: Final = 2_000
LAST_LINES: Final = 100
"""Enough for the traces of all threads that Python prints when it crashes."""
KILLED_SECONDS: Final = 0.3
"""How long a killed process may take to be gone."""
_TIDY_SECONDS: Final = 0.1
"""How long each thread of a process that is gone may take; one that something else holds up ends by itself later."""
_LINE_BYTES: Final = 8_192

_ENVIRONMENT: Final = {
    "SDL_VIDEODRIVER": "dummy",
    "SDL_AUDIODRIVER": "dummy",
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONFAULTHANDLER": "1",
}
"""No window, no sound, prints at once, and a traceback from a crash; what the user has set stays."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the engine's log; `output` is what its code printed."""

    level: Level | Literal["output"]
    text: str


class EngineLog:
    """The newest lines, over all engine processes of one handle."""

    def __init__(self, bound: int = LOG_LINES) -> None:
        self._lines: deque[LogLine] = deque(maxlen=bound)
        self.total = 0
        """Lines so far, those no longer kept included; tells whether there are new ones."""

    def add(self, level: Level | Literal["output"], text: str) -> None:
        """Append a line."""
        self._lines.append(LogLine(level, text))
        self.total += 1

    def lines(self) -> tuple[LogLine, ...]:
        """The lines that are kept, oldest first."""
        return tuple(self._lines.copy())


class EngineProcess:
    """A process with three threads here: one receives, one sends, one reads what the process prints.

    Nothing but `end` waits for the process.
    """

    def __init__(self, command: Sequence[str], mailbox: Mailbox, log: EngineLog) -> None:
        self._mailbox = mailbox
        self._log = log
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._process, ours, self._lifeline = _spawned(command)
        self._channel = Channel(ours)
        self.started_at = self.heard_at = time.monotonic()
        self.greeted = False
        self.trouble = ""
        """Why the connection was given up, as a sentence; empty while it works."""
        self.progress = ""
        """What the engine is making; empty once lanes play."""
        self._beat = (Heartbeat(()), self.started_at)
        self._output: deque[str] = deque(maxlen=LAST_LINES)
        self._commands.put(hello())
        self._sender = _started("engine-send", self._send)
        self._receiver = _started("engine-receive", self._receive)
        self._reader = _started("engine-output", self._read_output)

    def send(self, command: Command) -> None:
        """Have `command` sent; returns at once even if the process reads nothing."""
        self._commands.put(command)

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its process group."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit status (negative: the signal that ended it); None while it runs."""
        return self._process.poll()

    @property
    def last_output(self) -> tuple[str, ...]:
        """The last lines it printed."""
        return tuple(self._output.copy())

    def phases(self) -> tuple[LanePhase, ...]:
        """What each lane is at, as of the newest heartbeat; the seconds run on."""
        beat, at = self._beat
        passed = time.monotonic() - at
        return tuple(LanePhase(phase.lane, phase.name, phase.seconds + passed) for phase in beat.phases)

    def kill(self) -> None:
        """End the process and all it started, now. What the recorder has acknowledged is safe."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self, grace: float) -> None:
        """Ask it to leave, then tell it to, then kill it; waits `grace` seconds and half a second at most."""
        deadline = time.monotonic() + grace
        self._mailbox.close()
        self.send(Shutdown())
        if not self._gone_within(0.75 * grace):
            self._process.terminate()
            self._gone_within(deadline - time.monotonic())
        self.kill()
        self._gone_within(KILLED_SECONDS)
        os.close(self._lifeline)
        self._channel.stop_receiving()
        self._receiver.join(_TIDY_SECONDS)
        self._reader.join(_TIDY_SECONDS)

    def _gone_within(self, seconds: float) -> bool:
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _send(self) -> None:
        while (command := self._commands.get()) is not None:
            try:
                self._channel.send(command)
            except OSError:  # the process is gone; whoever asks for its state learns it there
                return
            except TransportError as error:
                self._log.add("error", str(error))

    def _receive(self) -> None:
        try:
            while (envelope := self._channel.receive()) is not None:
                self.heard_at = time.monotonic()
                self._sort(envelope)
        except TransportError as error:
            self.trouble = str(error)
            self._log.add("error", self.trouble)
            self.kill()
        finally:
            self._commands.put(None)
            self._sender.join()
            self._channel.close()

    def _sort(self, envelope: Envelope) -> None:
        if not self.greeted:
            check_hello(envelope)
            self.greeted = True
            return
        if envelope.type in _KEPT_HERE:
            match decode(envelope):
                case Heartbeat() as beat:
                    self._beat = (beat, self.heard_at)
                case Log(level, text):
                    self._log.add(level, text)
            return
        if envelope.type in _PROGRESS:
            self.progress = str(envelope.fields.get("text", ""))
        self._mailbox.put(envelope)

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as printed:
            while line := printed.readline(_LINE_BYTES):
                text = line.decode(errors="replace").rstrip()
                self._output.append(text)
                self._log.add("output", text)


def _started(name: str, target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread


def _spawned(command: Sequence[str]) -> tuple[subprocess.Popen[bytes], socket.socket, int]:
    """The process, our end of its socket, and our end of its lifeline; raises OSError."""
    ours, theirs = socket.socketpair()
    lifeline, our_lifeline = os.pipe()
    try:
        process = subprocess.Popen(
            [*command, "--fd", str(theirs.fileno()), "--lifeline", str(lifeline)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(theirs.fileno(), lifeline),
            start_new_session=True,
            env={**_ENVIRONMENT, **os.environ},
        )
    except OSError:
        ours.close()
        os.close(our_lifeline)
        raise
    finally:
        theirs.close()
        os.close(lifeline)
    return process, ours, our_lifeline


_KEPT_HERE: Final = frozenset({"Heartbeat", "Log", "Bye"})
_PROGRESS: Final = frozenset({"Progress", "LaneReady", "LaneFailed"})
"""What begins something, and what ends it."""
