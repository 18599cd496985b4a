import re
import sys

import pytest

from tests.ptyterm import PtyTerm

ECHO = "import sys; print('ready'); [print('got', line.strip()) for line in sys.stdin]"
SIZE = "import os, signal; signal.signal(signal.SIGWINCH, lambda *_: print(os.get_terminal_size())); print('ready')"


def test_keys_typed_into_a_command() -> None:
    """Its answers appear on the screen, where text can be found and waited for."""
    with PtyTerm([sys.executable, "-c", ECHO], columns=40, rows=6) as term:
        term.wait_for("ready")
        term.press("h", "i", "enter")
        term.wait_for(re.compile(r"got h\w"))
        assert term.find("got hi") == (0, 2)
        assert term.cell(4, 2).data == "h"


def test_text_that_never_comes() -> None:
    """The failure shows the screen and how the command ended."""
    with (
        PtyTerm([sys.executable, "-c", "print('something else'); raise SystemExit(3)"]) as term,
        pytest.raises(AssertionError, match=r"'wanted' did not appear \(the command ended with 3\):\nsomething else"),
    ):
        term.wait_for("wanted")


def test_resized_terminal() -> None:
    """The command is told, and the emulator has the new size."""
    script = f"{SIZE}\nwhile True: signal.pause()"
    with PtyTerm([sys.executable, "-c", script], columns=80, rows=24) as term:
        term.wait_for("ready")
        term.resize(60, 10)
        term.wait_for("columns=60, lines=10")
        assert len(term.lines) == 10


def test_command_that_ends() -> None:
    """Its status is returned."""
    with PtyTerm([sys.executable, "-c", "raise SystemExit(7)"]) as term:
        assert term.wait_exit() == 7


def test_command_that_does_not_end() -> None:
    """Leaving the context ends it."""
    with PtyTerm([sys.executable, "-c", "import time; print('ready'); time.sleep(600)"]) as term:
        term.wait_for("ready")
    assert term.process.poll() is not None


def test_sequences_the_emulator_does_not_know() -> None:
    """They leave no letters on the screen, even when they arrive in pieces."""
    script = (
        r"import time; print('a\x1b[>1', end='', flush=True); time.sleep(.1); print('ub\x1b[?2026$pc\x1bP+q\x1b\\d')"
    )
    with PtyTerm([sys.executable, "-c", script]) as term:
        term.wait_for("abcd")


def test_environment() -> None:
    """A plain one that is the same everywhere; overrides are laid over it."""
    script = "import os; print([os.environ.get(n) for n in ('TERM', 'COLORTERM', 'NO_COLOR', 'EXTRA')])"
    with PtyTerm([sys.executable, "-c", script], env={"COLORTERM": None, "EXTRA": "1"}) as term:
        term.wait_for("['xterm-256color', None, None, '1']")
