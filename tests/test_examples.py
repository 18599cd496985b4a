from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ldp_tui.store.verify import verify

EXAMPLES = Path(__file__).parent.parent / "examples"
LDP_TUI = (sys.executable, "-c", "from ldp_tui.cli import main; main()")


def run(*command: object, cwd: Path) -> str:
    command_line = [str(part) for part in command]
    done = subprocess.run(command_line, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("own_environment.py", "The environment keeps all rules.\n"),
        ("own_agent.py", "terminated after 4 steps with return 0.97\n"),
        ("record_gymnasium.py", "Three episodes are in cartpole.db.\n"),
    ],
)
def test_example(tmp_path: Path, example: str, said: str) -> None:
    """It runs as it is, from anywhere."""
    assert run(sys.executable, EXAMPLES / example, cwd=tmp_path) == said
    if (tmp_path / "cartpole.db").exists():
        assert verify(tmp_path / "cartpole.db").episodes == 3


def test_own_player_in_an_own_environment(tmp_path: Path) -> None:
    """The command line finds both in the current folder."""
    out = run(
        *LDP_TUI, "run", "own_environment.py", "-a", "own_agent:Bisection", "-n", 20, "--json",
        "--db", tmp_path / "ldp.db", cwd=EXAMPLES,
    )  # fmt: skip

    assert '"success_rate": 1.0' in out
    assert verify(tmp_path / "ldp.db").ok
