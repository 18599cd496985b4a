"""A real terminal for tests: a command in a pseudo-terminal, its output in a VT emulator, cell by cell.

with PtyTerm([sys.executable, "app.py"], columns=80, rows=24) as term:
    term.wait_for("Ready")
    term.press("down", "enter")
    assert term.cell(0, 0).data == "╭"
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import pyte

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "shift+left": "\x1b[1;2D",
    "shift+right": "\x1b[1;2C",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    **{f"f{n}": code for n, code in enumerate(["\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS"], 1)},
    **{f"f{n}": f"\x1b[{code}~" for n, code in zip(range(5, 13), [15, 17, 18, 19, 20, 21, 23, 24], strict=True)},
    **{f"ctrl+{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}

# What pyte would print instead of ignoring: keyboard-protocol changes, mode queries, device-control strings.
UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=?][\d;]*(?:u|\$p|q)|\x1bP.*?\x1b\\|\x1b_.*?\x1b\\", re.DOTALL)
_UNFINISHED = re.compile(rb"\x1b(?:\[[<>=?]?[\d;]*\$?|[P_][^\x1b]*\x1b?)?$")

# A child in a new session takes the pseudo-terminal as its controlling one, then becomes the command.
_EXEC = "import fcntl,os,sys,termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"


class PtyTerm:
    """A command on a terminal of its own; leave the context to end it."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str | None] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> None:
        """`env` is laid over a plain truecolor environment; None unsets a variable."""
        self.screen = pyte.Screen(columns, rows)
        self.output = bytearray()
        self._stream = pyte.ByteStream(self.screen)
        self._held = b""
        self._master, slave = pty.openpty()
        self._set_size(columns, rows)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _EXEC, *argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=_environment(env or {}),
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def lines(self) -> list[str]:
        """The screen's rows, without trailing spaces."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The screen as one string."""
        return "\n".join(self.lines)

    def cell(self, x: int, y: int) -> Any:
        """The pyte character at a cell: `.data`, `.fg`, `.bg` (names or six hex digits), `.bold`, `.reverse`."""
        return self.screen.buffer[y][x]

    def find(self, text: str) -> tuple[int, int]:
        """The (x, y) of the first cell of `text`."""
        for y, line in enumerate(self.screen.display):
            if (x := line.find(text)) >= 0:
                return x, y
        raise AssertionError(f"{text!r} is not on the screen:\n{self.text}")

    def send(self, text: str) -> None:
        """Type characters as they are."""
        os.write(self._master, text.encode())

    def press(self, *keys: str) -> None:
        """Press keys by name (see KEYS); other strings are typed."""
        for key in keys:
            self.send(KEYS.get(key, key))

    def click(self, x: int, y: int) -> None:
        """Press and release the left mouse button on a cell."""
        self.send(f"\x1b[<0;{x + 1};{y + 1}M\x1b[<0;{x + 1};{y + 1}m")

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the command gets SIGWINCH."""
        self.screen.resize(rows, columns)
        self._set_size(columns, rows)

    def wait_for(self, wanted: str | re.Pattern[str] | Callable[[PtyTerm], object], *, timeout: float = 20.0) -> None:
        """Read output until text is on the screen (or a pattern matches, or a condition holds)."""
        self._wait(lambda: _holds(wanted, self), f"{wanted!r} did not appear", timeout)

    def wait_gone(self, text: str, *, timeout: float = 20.0) -> None:
        """Read output until `text` is no longer on the screen."""
        self._wait(lambda: text not in self.text, f"{text!r} did not go away", timeout)

    def wait_exit(self, *, timeout: float = 20.0) -> int:
        """Read output until the command ends; its exit status."""
        self._wait(lambda: self.process.poll() is not None, "the command did not end", timeout)
        return int(self.process.wait())

    def settle(self, *, quiet: float = 0.2, timeout: float = 20.0) -> None:
        """Read output until none has come for `quiet` seconds."""
        deadline = time.monotonic() + timeout
        while self._read(quiet):
            assert time.monotonic() < deadline, "the output did not settle"

    def close(self) -> None:
        """End the command with everything it started in its session, and close the terminal."""
        if self._master < 0:
            return
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)
        self._master = -1

    def _wait(self, condition: Callable[[], bool], complaint: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            alive = self._read(0.05) or self.process.poll() is None
            if time.monotonic() > deadline or (not alive and not condition()):
                state = "" if self.process.poll() is None else f" (the command ended with {self.process.returncode})"
                raise AssertionError(f"{complaint}{state}:\n{self.text}")

    def _read(self, timeout: float) -> bool:
        """Feed what has come to the emulator; whether anything came within `timeout` seconds."""
        if not select.select([self._master], [], [], timeout)[0]:
            return False
        try:
            chunk = os.read(self._master, 1 << 16)
        except OSError:  # EIO: every writer has closed the terminal
            time.sleep(min(timeout, 0.01))
            return False
        self.output += chunk
        chunk = UNKNOWN_TO_PYTE.sub(b"", self._held + chunk)
        unfinished = _UNFINISHED.search(chunk)
        cut = unfinished.start() if unfinished else len(chunk)
        self._held = chunk[cut:]
        self._stream.feed(chunk[:cut])
        return True

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _holds(wanted: str | re.Pattern[str] | Callable[[PtyTerm], object], term: PtyTerm) -> bool:
    if isinstance(wanted, str):
        return wanted in term.text
    if isinstance(wanted, re.Pattern):
        return wanted.search(term.text) is not None
    return bool(wanted(term))


def _environment(overrides: Mapping[str, str | None]) -> dict[str, str]:
    base = {name: value for name, value in os.environ.items() if not name.startswith(("TEXTUAL", "LDP_TUI", "TMUX"))}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        base.pop(name, None)
    base |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "TEXTUAL_ANIMATIONS": "none"}
    merged = base | {name: value for name, value in overrides.items() if value is not None}
    return {name: value for name, value in merged.items() if overrides.get(name, value) is not None}
