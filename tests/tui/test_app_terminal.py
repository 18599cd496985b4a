"""The app in a real terminal, with the real engine."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ptyterm import PtyTerm

RUN = (
    "import sys; from pathlib import Path; from ldp_tui.tui.app import run_app; sys.exit(run_app(db=Path(sys.argv[1])))"
)
ROOT = Path(__file__).parents[2]


def terminal(tmp_path: Path, *argv: str, columns: int = 120, rows: int = 40, **env: str) -> PtyTerm:
    env = {"LDP_TUI_CONFIG": str(tmp_path / "p.toml"), "LDP_TUI_LOG": str(tmp_path / "app.log"), **env}
    command = [sys.executable, *(argv or ("-c", RUN)), str(tmp_path / "test.db")]
    return PtyTerm(command, columns=columns, rows=rows, env=env, cwd=ROOT)


def test_a_hand_of_blackjack(tmp_path: Path):
    """Demo, a key, a look at replay and library, quit: both episodes are in the database, the terminal as it was."""
    with terminal(tmp_path) as term:
        term.wait_for("Next game")
        term.press("d")
        term.wait_for("[s] stick", timeout=60)
        term.press("s")
        term.wait_for("Result", timeout=60)
        term.press("enter")
        term.wait_for("Next mark")
        term.press("escape")
        term.wait_for("Result")
        term.press("l")
        term.wait_for("ldp-tui · Library")
        term.press("ctrl+q")
        assert term.wait_exit() == 0
        assert b"\x1b[?1049l" in term.output
        assert b"Traceback" not in term.output
    with sqlite3.connect(tmp_path / "test.db") as connection:
        rows = connection.execute(
            "select agent.name, status, n_steps > 0 from episode join agent on agent.id = agent_id order by 1"
        ).fetchall()
    assert rows == [("human", "done", 1), ("tiny", "done", 1)]


def test_a_sum_by_form(tmp_path: Path):
    """A person calculates and submits by the generated form."""
    run = RUN.replace("run_app(db=Path(sys.argv[1]))", "run_app(db=Path(sys.argv[1]), session=S)").replace(
        "sys.exit",
        "from ldp_tui.play.session_spec import *; "
        "S = SessionSpec(lanes=(LaneSpec('calculator', 'human'),), seed=0, db=sys.argv[1]); sys.exit",
    )
    with terminal(tmp_path, "-c", run, columns=80, rows=24) as term:
        term.wait_for("Send calculator", timeout=60)
        term.send("(1 + 2) * 3\r")
        term.wait_for("◂ 9", timeout=30)
        term.press("escape")
        term.wait_for("Next game")
        term.press("q")
        assert term.wait_exit() == 0
    with sqlite3.connect(tmp_path / "test.db") as connection:
        assert connection.execute("select status, n_steps from episode").fetchall() == [("aborted", 1)]


def test_failure_of_a_screen(tmp_path: Path):
    """A dialog in words, no traceback on the terminal; the log has it, and Home works again."""
    with terminal(tmp_path, "-m", "tests.tui.crash_app") as term:
        term.wait_for("Next game")
        term.press("x")
        term.wait_for("ZeroDivisionError")
        assert "nothing divides by [red]zero[/]" in term.text
        term.press("escape")
        term.wait_gone("ZeroDivisionError")
        term.press("ctrl+q")
        assert term.wait_exit() == 0
        assert b"Traceback" not in term.output
    assert "Traceback" in (tmp_path / "app.log").read_text()


def test_failure_of_a_thread(tmp_path: Path):
    """A toast, and the app goes on."""
    with terminal(tmp_path, "-m", "tests.tui.crash_app") as term:
        term.wait_for("Next game")
        term.press("y")
        term.wait_for("Fault noted in the engine log")
        term.press("q")
        assert term.wait_exit() == 0
        assert b"Traceback" not in term.output


@pytest.mark.parametrize("how", ["ctrl+q", "ctrl+c"])
def test_quit_while_an_engine_ignores_everything(tmp_path: Path, how: str):
    """The app is gone within 2.5 seconds."""
    stubborn = tmp_path / "stubborn.py"
    stubborn.write_text(
        "import signal, time\n"
        "for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(name, signal.SIG_IGN)\n"
        "while True: time.sleep(60)\n"
    )
    run = (
        "import sys; from pathlib import Path; import ldp_tui.play.supervisor as s; "
        f"s.EngineHandle.__init__.__defaults__ = ((sys.executable, {str(stubborn)!r}),); "
        "from ldp_tui.tui.app import run_app; sys.exit(run_app(db=Path(sys.argv[1])))"
    )
    with terminal(tmp_path, "-c", run) as term:
        term.wait_for("Next game")
        term.press("d")
        term.wait_for("starting the engine")
        started = time.monotonic()
        term.press(how)
        assert term.wait_exit() == 0
        assert time.monotonic() - started < 2.5


def test_no_terminal(tmp_path: Path):
    """Without one, the app says which command does without, and exits with 2."""
    command = [sys.executable, "-c", RUN, str(tmp_path / "x.db")]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    assert done.returncode == 2
    assert "--plain" in done.stderr
    assert done.stderr.count("\n") == 1
