"""The front end's handle on its engine process. Nothing here waits for the engine, except `close`.

Safe to import in the process that paints: no Textual, and nothing that environments or models need.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ldp_tui.play.mailbox import Mailbox
from ldp_tui.play.messages import Command, LanePhase, Pace, Report, Speed, Start, View
from ldp_tui.play.process import EngineLog, EngineProcess

ENGINE_COMMAND: Final = (sys.executable, "-P", "-m", "ldp_tui.play")
"""`-P`: a file of the user's in the working directory must not stand in for a module."""
SILENT_SECONDS: Final = 3.0
"""Six heartbeats: with fewer, an engine that is merely busy would count as not responding."""
CLOSE_GRACE: Final = 2.0


@dataclass(frozen=True, slots=True)
class EngineState:
    """How the engine is.

    off: not started, or closed · starting: not heard of yet · ready: heartbeats arrive · silent: they do not, so code
    of an environment or model holds the process up · ended: the process is gone.
    """

    kind: Literal["off", "starting", "ready", "silent", "ended"]
    seconds: float = 0.0
    """starting: since the start · silent: since it was last heard."""
    text: str = ""
    """For people: what is under way, or why it ended."""
    code: int | None = None
    """Exit status of an ended process; negative: the signal."""
    lines: tuple[str, ...] = ()
    """The last that an ended process printed."""


class EngineHandle:
    """Starts an engine, sends it commands, keeps what it reports, and replaces it when it hangs or dies.

    Methods belong to one thread, the user interface's.
    """

    def __init__(self, command: Sequence[str] = ENGINE_COMMAND) -> None:
        self._command = tuple(command)
        self._mailbox = Mailbox()
        self._process: EngineProcess | None = None
        self._replacing: threading.Thread | None = None
        self._again: dict[tuple[str, int], Command] = {}
        self._switching = threading.Lock()
        self._refused = ""
        self._closed = False
        self.log = EngineLog()

    def start(self) -> None:
        """Spawn the engine process; takes some milliseconds, and the process is ready later (see `state`)."""
        if self._process is None and not self._closed:
            self._mailbox = Mailbox()
            self._process = self._spawn(self._mailbox)

    def send(self, command: Command) -> None:
        """Send `command`; returns at once. Lost if there is no engine, except what `restart` repeats."""
        with self._switching:
            self._remember(command)
            if self._process is not None:
                self._process.send(command)

    def drain(self, budget_s: float = 0.004) -> list[Report]:
        """What the engine reported since the last call, as much as can be decoded in `budget_s` seconds.

        Events are complete and in order; of pictures, the newest of each lane. Progress, LaneReady and LaneFailed
        come too; heartbeats are in `phases`, log lines in `log`.
        """
        return self._mailbox.drain(budget_s)

    @property
    def state(self) -> EngineState:
        """How the engine is now."""
        process = self._process
        if process is None:
            if self._replacing:
                return EngineState("starting", text="restarting the engine")
            return EngineState("ended", text=self._refused) if self._refused else EngineState("off")
        now = time.monotonic()
        if (code := process.code) is not None:
            return EngineState("ended", 0.0, process.trouble or _ending(code), code, process.last_output)
        if not process.greeted:
            return EngineState("starting", now - process.started_at, "starting the engine")
        silent = 0.0 if self._mailbox.full else now - process.heard_at
        if silent > SILENT_SECONDS:
            return EngineState("silent", silent, f"The engine has not responded for {silent:.0f} s.")
        return EngineState("ready", text=process.progress)

    @property
    def pid(self) -> int | None:
        """Process id of the engine; None while there is none."""
        return self._process.pid if self._process is not None else None

    @property
    def dropped(self) -> Mapping[int, int]:
        """Pictures of each lane that were replaced by newer ones before they were drained."""
        return self._mailbox.dropped

    def phases(self) -> tuple[LanePhase, ...]:
        """What each lane is at, and for how long."""
        return self._process.phases() if self._process is not None else ()

    def restart(self) -> None:
        """Replace the engine, and start the same session again with the same views, speed and pace.

        Returns at once. An engine that responds ends its episodes first (aborted); one that does not is killed, and
        its episodes count as interrupted. Either way all that was shown is kept.
        """
        if self._replacing is not None or self._closed:
            return
        grace = CLOSE_GRACE if self.state.kind == "ready" else 0.0
        old, self._process = self._process, None
        self._replacing = threading.Thread(target=self._replace, args=(old, grace), name="engine-restart", daemon=True)
        self._replacing.start()

    def close(self, grace: float = CLOSE_GRACE) -> None:
        """End the engine: politely, then firmly; at most `grace` and half a second. The handle is spent then."""
        deadline = time.monotonic() + grace
        self._closed = True
        if (replacing := self._replacing) is not None:
            replacing.join(grace)
        process, self._process = self._process, None
        if process is not None:
            process.end(max(0.0, deadline - time.monotonic()))

    def _replace(self, old: EngineProcess | None, grace: float) -> None:
        if old is not None:
            old.end(grace)
        if self._closed:
            return
        mailbox = Mailbox()
        process = self._spawn(mailbox)
        with self._switching:
            if process is not None:
                for command in self._again.values():
                    process.send(command)
            self._mailbox, self._process, self._replacing = mailbox, process, None

    def _spawn(self, mailbox: Mailbox) -> EngineProcess | None:
        """A new process; None if the system refuses one, which `state` then tells."""
        try:
            process = EngineProcess(self._command, mailbox, self.log)
        except OSError as error:
            self._refused = f"The engine cannot be started: {error}."
            self.log.add("error", self._refused)
            return None
        self._refused = ""
        return process

    def _remember(self, command: Command) -> None:
        match command:
            case Start():
                self._again = {("Start", 0): command}
            case Speed():
                self._again["Speed", 0] = command
            case View(lane=lane) | Pace(lane=lane):
                self._again[type(command).__name__, lane] = command


def _ending(code: int) -> str:
    if code == 0:
        return "The engine has ended."
    if code > 0:
        return f"The engine ended with status {code}."
    return f"The engine was ended by {signal.Signals(-code).name}."
