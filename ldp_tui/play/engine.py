"""The engine process: carries out commands, owns the lanes and the recorder, and leaves in order when nobody is left.

The main thread reads commands. Each lane has a thread; a further one sends heartbeats, so that a front end can tell a
busy engine from a dead one.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final, NoReturn

from ldp_tui.core.errors import LdpTuiError, UsageError
from ldp_tui.play.lane import Lane
from ldp_tui.play.messages import Bye, Command, Heartbeat, LaneFailed, Level, Log, Progress, Report, Shutdown, Start
from ldp_tui.play.outbox import Outbox
from ldp_tui.play.session import Session
from ldp_tui.play.session_spec import SessionSpec
from ldp_tui.play.transport import Channel, TransportError, check_hello, decode, hello
from ldp_tui.store import Writer, connect_writer

HEARTBEAT_SECONDS: Final = 0.5
LEAVING_SECONDS: Final = 1.0
"""How long lanes may take to end their episodes when the engine leaves."""
COMMIT_SECONDS: Final = 0.7
"""How long the recorder may then take to commit what is queued. Both together stay below two seconds."""

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_REFUSED: Final = 3
"""The other side is another version, or no front end at all."""


class Engine:
    """One front end's engine, for as many sessions as it asks for, one after the other."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._outbox = Outbox(channel)
        self._writers: dict[str, Writer] = {}
        self._session: Session | None = None
        self._past: list[Lane] = []

    def serve(self) -> int:
        """Carry out commands until the front end asks to end, or is gone; returns the exit status."""
        self._outbox.send(hello())
        try:
            first = self._channel.receive()
            if first is None:
                return EXIT_DONE
            check_hello(first)
            threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
            while (command := self._next()) is not None:
                self._carry_out(command)
        except TransportError as error:
            sys.stderr.write(f"{error}\n")
            return EXIT_REFUSED
        finally:
            self._leave()
        return EXIT_DONE

    def _next(self) -> Command | None:
        """The next command that makes sense; None when there are no more."""
        while (envelope := self._channel.receive()) is not None:
            try:
                message = decode(envelope)
            except (UsageError, TransportError) as error:
                self._outbox.send(Log("error", str(error)))
                continue
            return None if isinstance(message, Shutdown) else message  # type: ignore[return-value]
        return None

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, Start):
            self._start(command.session)
        elif self._session is not None:
            self._session.obey(command)

    def _start(self, spec: SessionSpec) -> None:
        self._give_up_session()
        try:
            writer = self._writer(spec.db)
        except LdpTuiError as error:
            self._fail_all(spec, str(error), "")
            return
        except Exception as error:  # noqa: BLE001 (shown in every lane; the engine can start another session)
            self._fail_all(spec, f"{type(error).__name__}: {error}", traceback.format_exc())
            return
        self._session = Session(spec, writer, self._outbox.send)
        self._session.start()

    def _writer(self, db: str | None) -> Writer | None:
        if db is None:
            return None
        if db not in self._writers or self._writers[db].failure is not None:
            self._outbox.send(Progress(f"opening {db} …"))
            self._writers[db] = connect_writer(db)
        return self._writers[db]

    def _fail_all(self, spec: SessionSpec, message: str, detail: str) -> None:
        for number in range(len(spec.lanes)):
            self._outbox.send(LaneFailed(number, message, detail))

    def _give_up_session(self) -> None:
        if self._session is not None:
            for lane in self._session.lanes:
                lane.stop(mute=True)
            self._past = [lane for lane in (*self._past, *self._session.lanes) if not lane.wait(0)]
            self._session = None

    def _beat(self) -> None:
        while True:
            session = self._session
            lanes = session.lanes if session is not None else ()
            self._outbox.send(Heartbeat(tuple(lane.phase for lane in lanes)))
            for lane in lanes:
                lane.show_waiting_picture()
            time.sleep(HEARTBEAT_SECONDS)

    def _leave(self) -> None:
        """End episodes, commit, say goodbye; each for a bounded time, whatever hangs."""
        lanes = [*self._past, *(self._session.lanes if self._session is not None else ())]
        for lane in lanes:
            lane.stop()
        deadline = time.monotonic() + LEAVING_SECONDS
        for lane in lanes:
            lane.wait(deadline - time.monotonic())
        _within(COMMIT_SECONDS, self._commit)

    def _commit(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._outbox.send(Bye())


def _within(seconds: float, action: Callable[[], None]) -> None:
    """Run `action`, but go on after `seconds` if it has not ended."""
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(seconds)


class _LogReports(logging.Handler):
    """Log records as reports."""

    def __init__(self, send: Callable[[Report], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        if record.levelno < logging.WARNING:
            level = "info" if record.levelno >= logging.INFO else "debug"
        self._send(Log(level, f"{record.name}: {self.format(record)}"))


def run(descriptor: int) -> int:
    """Be the engine of the front end at the other end of the socket `descriptor`; returns the exit status."""
    sys.setswitchinterval(0.001)  # a lane of pure Python hands over the interpreter soon
    os.set_inheritable(descriptor, False)  # noqa: FBT003 (what environments start must not hold the connection open)
    channel = Channel(socket.socket(fileno=descriptor))
    signal.signal(signal.SIGTERM, lambda _signal, _frame: channel.stop_receiving())
    logging.basicConfig(level=logging.WARNING, handlers=[_LogReports(Outbox(channel).send)])
    logging.getLogger("ldp_tui").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    return Engine(channel).serve()


def run_and_leave(descriptor: int) -> NoReturn:
    """`run`, then end the process without waiting for threads that hang in somebody's code."""
    status = EXIT_FAILED
    try:
        status = run(descriptor)
    except BaseException:  # noqa: BLE001 (printed into the front end's log, as `os._exit` would leave it untold)
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
