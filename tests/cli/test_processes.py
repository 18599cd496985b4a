from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ldp_tui import __version__
from ldp_tui.store.errors import StoreError
from ldp_tui.store.reader import Reader
from ldp_tui.store.verify import verify
from tests.cli.conftest import STANDS_STILL, Commands

Start = Callable[..., subprocess.Popen[str]]


def test_version_and_help(started: Start) -> None:
    """Both answer without loading what plays: no Gymnasium, NumPy, Textual, pydantic or litellm."""
    assert started(["--version"]).communicate(timeout=30)[0] == f"ldp-tui {__version__}\n"
    script = (
        "import sys\nfrom ldp_tui.cli.app import run\nassert run(['-h']) == 0\n"
        "print('loaded:', sorted({'gymnasium', 'numpy', 'textual', 'pydantic', 'litellm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.endswith("loaded: []\n")


def test_without_a_terminal(ldp: Commands, started: Start) -> None:
    """The demo is played as plain text, recorded in ./recordings, and ends well."""
    process = started([])
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0
    assert out.count("Blackjack-v1: ") == 2
    assert "terminated after 4 steps: return 1, success" in out
    assert err.endswith("Recorded in recordings/ldp.db.\n")
    with ldp.reader() as reader:
        assert reader.count() == 2


def test_reader_that_goes_away(ldp: Commands, started: Start) -> None:
    """`ldp-tui … | head -1` ends quietly and well, and the episode is closed."""
    process = started(["play", "maze", "-a", "random", "--seed", 1, "--plain"])
    assert process.stdout is not None
    assert process.stdout.readline() == "maze: random plays, seed 1\n"
    process.stdout.close()
    process.stdout = None

    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (0, "")
    with ldp.reader() as reader:
        assert reader.count() == 1
        assert not reader.running()


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c(ldp: Commands, started: Start, jobs: int) -> None:
    """Exit status 130 and one sentence; what was recorded until then is kept and verifies."""
    ldp.environment("still", STANDS_STILL)
    process = started(["run", "still", "-a", "random", "-j", jobs, "-n", 8], start_new_session=True)
    _wait_for_steps(ldp.db, process)

    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (130, "")
    assert err.endswith("Interrupted; what was recorded until now is kept.\n")
    assert "Traceback" not in err
    assert verify(ldp.db).ok
    assert {row["status"] for row in ldp("ls", "--json").json} == {"aborted" if jobs == 1 else "interrupted"}
    with ldp.reader() as reader:
        assert not reader.running()


def test_command_that_is_killed(ldp: Commands, started: Start) -> None:
    """The processes it started end with it: their ends of the pipes close, and nothing goes on recording."""
    ldp.environment("still", STANDS_STILL)
    process = started(["run", "still", "-a", "random", "-j", 2, "-n", 8])
    _wait_for_steps(ldp.db, process)

    process.kill()
    process.communicate(timeout=30)

    assert process.returncode == -signal.SIGKILL


def test_environment_that_kills_its_process(ldp: Commands, started: Start) -> None:
    """The other processes are ended too, and one sentence says what happened."""
    ldp.environment("deadly", STANDS_STILL.replace('return "Still', 'import os\n    os._exit(1)\n    return "Still'))
    process = started(["run", "deadly", "-a", "random", "-j", 2, "-n", 4])
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (3, "")
    assert err == "ldp-tui: A process that played died; what it recorded is kept. Play with --jobs 1 to see more.\n"


def test_two_commands_at_once(ldp: Commands, started: Start) -> None:
    """Both record into the same database."""
    commands = [started(["run", "maze", "-a", "random", "-n", 20, "--seed", seed]) for seed in (0, 100)]
    for process in commands:
        process.communicate(timeout=60)

    assert [process.returncode for process in commands] == [0, 0]
    with ldp.reader() as reader:
        assert reader.count() == 40
    assert verify(ldp.db).ok


@pytest.mark.parametrize(
    ("shell", "line"), [("bash", "complete -o "), ("zsh", "#compdef ldp-tui"), ("fish", "complete --command ldp-tui")]
)
def test_completion_script(started: Start, shell: str, line: str) -> None:
    """`--show-completion` prints the script of the shell, which is named here: a test need not run in one."""
    process = started(
        ["--show-completion", shell], env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    )
    out, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "_LDP_TUI_COMPLETE" in out
    assert line in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [("ldp-tui ru", "run"), ("ldp-tui run Blackj", "Blackjack-v1"), ("ldp-tui run maze --agent opt", "optimal")],
)
def test_completion(started: Start, words: str, expected: str) -> None:
    """Commands, environments and players are completed."""
    typed = words.split()
    shell = {"_LDP_TUI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(typed) - 1)}
    out, _ = started([], env={**os.environ, **shell}).communicate(timeout=30)

    assert expected in out.split()


def test_text_that_the_terminal_cannot_show(ldp: Commands, started: Start) -> None:
    """A terminal of few letters gets escapes instead of an error."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    out, err = started(["run", "Blackjack-v1", "-a", "random", "-n", 1], env=environment).communicate(timeout=60)

    assert "Traceback" not in err
    assert "\\xb1 95%" in out


def _wait_for_steps(db: Path, process: subprocess.Popen[str]) -> None:
    """Until at least one step is recorded; the process must live meanwhile."""
    for _ in range(600):
        assert process.poll() is None, process.communicate()
        if db.exists():
            with contextlib.suppress(StoreError), Reader(db) as reader:  # at first its schema is being made
                if reader.running():
                    return
        time.sleep(0.05)
    raise AssertionError("nothing was recorded in half a minute")
