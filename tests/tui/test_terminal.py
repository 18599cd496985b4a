import fcntl
import os
import pty
import struct
import sys
import termios
from pathlib import Path

import pytest

from ldp_tui.tui.terminal import LOG_LIMIT, cell_aspect, own_terminal, terminal_facts
from tests.ptyterm import PtyTerm

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("ending", ["quit", "crash"])
def test_libraries_that_write_to_the_terminal(tmp_path: Path, ending: str) -> None:
    """The screen stays clean and its size right, the noise is in the log, and afterwards the streams are back."""
    log = tmp_path / "logs" / "app.log"
    with PtyTerm(
        [sys.executable, "-m", "tests.tui.noisy_app", str(log), ending], columns=70, rows=10, cwd=ROOT
    ) as term:
        term.wait_for("NOISE MADE, size 70×10")
        term.settle()
        assert term.lines[1:] == [""] * 9
        term.press("q")
        term.wait_for("stderr is back")
        assert "stdout is back" in term.text
        assert ("crashed on purpose" in term.text) == (ending == "crash")
        assert term.wait_exit() == 0
    assert sorted(log.read_text().splitlines()) == ["C NOISE on 1", "C NOISE on 2", "CHILD ERROR", "CHILD NOISE"]


def test_resized_terminal(tmp_path: Path) -> None:
    """The app learns the new size although its streams were moved."""
    with PtyTerm(
        [sys.executable, "-m", "tests.tui.noisy_app", str(tmp_path / "log")], columns=70, rows=10, cwd=ROOT
    ) as term:
        term.wait_for("size 70×10")
        term.resize(50, 8)
        term.wait_for("size 50×8")


def test_log_that_has_grown(tmp_path: Path) -> None:
    """It is set aside, and a new one begun."""
    log = tmp_path / "app.log"
    log.write_bytes(b"x" * (LOG_LIMIT + 1))
    with own_terminal(log):
        os.write(2, b"new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "app.log.old").stat().st_size == LOG_LIMIT + 1


def test_log_that_cannot_be_written(tmp_path: Path) -> None:
    """The error travels and no stream was touched."""
    before = os.fstat(1).st_ino, sys.__stderr__
    with pytest.raises(IsADirectoryError), own_terminal(tmp_path):
        raise AssertionError("not reached")
    assert (os.fstat(1).st_ino, sys.__stderr__) == before


@pytest.mark.parametrize(
    ("term", "redirect", "reason"),
    [
        ("xterm", "", "None"),
        ("dumb", "", "the terminal cannot move its cursor (TERM=dumb)"),
        ("xterm", "< /dev/null", "standard input is not a terminal"),
    ],
)
def test_where_the_app_can_open(term: str, redirect: str, reason: str) -> None:
    """It says why not, in words."""
    ask = f'"{sys.executable}" -c "from ldp_tui.tui.terminal import why_no_terminal as w; print(w())" {redirect}'
    with PtyTerm(["sh", "-c", ask], columns=100, env={"TERM": term}, cwd=ROOT) as terminal:
        terminal.wait_for(reason)


def test_facts() -> None:
    """Colours come from the environment, NO_COLOR apart; tmux and ssh are named."""
    environ = {"TERM": "tmux-256color", "TMUX": "x", "SSH_CONNECTION": "x", "NO_COLOR": "1"}
    facts = terminal_facts(environ)
    assert (facts.colours, facts.multiplexer, facts.remote, facts.no_color) == ("256", "tmux", True, True)
    assert terminal_facts({"TERM": "xterm", "COLORTERM": "truecolor"}).colours == "truecolor"


@pytest.mark.parametrize(
    ("pixels", "aspect"), [((800, 480), 2.0), ((0, 0), None), ((800, 4800), None)], ids=["known", "unknown", "absurd"]
)
def test_shape_of_a_cell(pixels: tuple[int, int], aspect: float | None) -> None:
    """It is what the terminal says, if that makes sense."""
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, *pixels))
        assert cell_aspect(slave) == aspect
    finally:
        os.close(master)
        os.close(slave)


def test_no_terminal_in_a_pipe() -> None:
    """A stream that is no terminal has no cells."""
    reader, writer = os.pipe()
    try:
        assert cell_aspect(reader) is None
    finally:
        os.close(reader)
        os.close(writer)
