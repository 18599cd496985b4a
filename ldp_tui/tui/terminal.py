"""The terminal belongs to the app alone: what libraries write to it goes to a log file instead."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console

LOG_LIMIT = 5_000_000
"""A log larger than this (bytes) is set aside before the app starts; one older log is kept."""
SWITCH_INTERVAL = 0.001
"""Seconds after which a busy thread hands over to the one that paints."""
PLAUSIBLE_ASPECTS = (1.2, 3.5)

_STREAMS = (1, 2)


@contextmanager
def own_terminal(log: Path) -> Iterator[None]:
    """Inside, file descriptors 1 and 2 lead to `log`; Textual keeps the terminal through descriptors of its own.

    C libraries and child processes write to descriptors, not to `sys.stdout`, and would paint over the screen. Use it
    around `App.run()`. Raises OSError if the log cannot be written; then nothing is changed.
    """
    log_fd = _open_log(log)
    saved = [os.dup(fd) for fd in _STREAMS]
    own = [os.fdopen(os.dup(fd), "w", encoding="utf-8", errors="replace") for fd in _STREAMS]
    originals = sys.__stdout__, sys.__stderr__
    interval = sys.getswitchinterval()
    try:
        _flush(sys.stdout, sys.stderr)
        for fd in _STREAMS:
            os.dup2(log_fd, fd)
        # Textual writes to sys.__stderr__ and asks sys.__stdout__ for the size of the terminal.
        _replace_originals(*own)
        sys.setswitchinterval(SWITCH_INTERVAL)
        yield
    finally:
        sys.setswitchinterval(interval)
        _flush(sys.stdout, sys.stderr, *own)
        _replace_originals(*originals)
        for fd, original in zip(_STREAMS, saved, strict=True):
            os.dup2(original, fd)
            os.close(original)
        for stream in own:
            stream.close()
        os.close(log_fd)


def why_no_terminal(environ: Mapping[str, str] = os.environ) -> str | None:
    """Why the app cannot open here, in words for a person; None if it can."""
    for fd, name in ((0, "standard input"), (1, "standard output")):
        if not os.isatty(fd):
            return f"{name} is not a terminal"
    term = environ.get("TERM", "")
    return f"the terminal cannot move its cursor (TERM={term or 'unset'})" if term in {"", "dumb"} else None


@dataclass(frozen=True, slots=True)
class TerminalFacts:
    """What the terminal says of itself."""

    term: str
    colours: str
    """`truecolor`, `256`, `standard` (16 colours) or `none`."""
    columns: int
    rows: int
    cell_aspect: float | None
    """Height of a cell over its width; None where the terminal does not say."""
    multiplexer: str | None
    """`tmux` or `screen`, which may reduce colours on the way out."""
    remote: bool
    no_color: bool


def terminal_facts(environ: Mapping[str, str] = os.environ) -> TerminalFacts:
    """Facts for diagnosis, from the environment and the size of the terminal, which is asked nothing else."""
    console = Console(_environ={key: value for key, value in environ.items() if key != "NO_COLOR"}, force_terminal=True)
    size = shutil.get_terminal_size()
    term = environ.get("TERM", "")
    return TerminalFacts(
        term=term,
        colours=console.color_system or "none",
        columns=size.columns,
        rows=size.lines,
        cell_aspect=cell_aspect(),
        multiplexer="tmux" if "TMUX" in environ else "screen" if term.startswith("screen") else None,
        remote="SSH_CONNECTION" in environ,
        no_color="NO_COLOR" in environ,
    )


def cell_aspect(fd: int | None = None) -> float | None:
    """A cell's height over its width by the terminal's size in pixels; None if it gives none or an implausible one.

    Without `fd` it is the app's terminal, inside and outside of `own_terminal`.
    """
    if fd is None:
        fd = sys.__stdout__.fileno() if sys.__stdout__ is not None else 1
    try:
        answer = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return None
    rows, columns, width, height = struct.unpack("HHHH", answer)
    if not (rows and columns and width and height):
        return None
    aspect = (height / rows) / (width / columns)
    low, high = PLAUSIBLE_ASPECTS
    return aspect if low <= aspect <= high else None


def _open_log(log: Path) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_name(f"{log.name}.old"))
    return os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)


def _replace_originals(stdout: TextIO | None, stderr: TextIO | None) -> None:
    # typeshed calls these constants; Textual reads them when its driver starts.
    setattr(sys, "__stdout__", stdout)  # noqa: B010
    setattr(sys, "__stderr__", stderr)  # noqa: B010


def _flush(*streams: TextIO | None) -> None:
    for stream in streams:
        if stream is not None and not stream.closed:
            stream.flush()
