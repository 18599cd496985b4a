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


@pytest.mark.parametrize(
    ("example", "last_line"),
    [
        ("dummy_loop.py", "-> null (reward 1)"),
        ("own_simple_agent.py", "terminated, return 1"),
        ("no_think_agent.py", "[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]"),
        ("story_environment.py", '"info":{"tool_names":["print_story","think"]}}'),
        ("counter_environment.py", "counter=10 1.0 True {'count': 10}"),
        ("compute_graph.py", "12 ['add', 'double']"),
        ("memory_agent.py", "'_memory_op', '_package_op', '_prompt_op', '_query_factory_op']"),
        ("agent_state.py", "5 [1.0, 2.0, 2.0, 2.0]"),
        ("grade_school_maths.py", "solved 67% of 3 problems, 95% interval 21% to 94%"),
    ],
)
def test_examples_of_ldp_and_aviary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: str, last_line: str
) -> None:
    """What the two projects' own pages show, run against a model on this machine."""
    monkeypatch.delenv("MODEL", raising=False)
    assert run(sys.executable, EXAMPLES / "ldp" / example, cwd=tmp_path).rstrip().endswith(last_line)


def test_environments_among_them_are_played_by_name(tmp_path: Path) -> None:
    for example in ("story_environment.py", "counter_environment.py"):
        out = run(
            *LDP_TUI, "run", EXAMPLES / "ldp" / example, "-a", "random", "-n", 3, "--max-steps", 30, "--json",
            "--db", tmp_path / "ldp.db", cwd=tmp_path,
        )  # fmt: skip
        assert '"failures": 0' in out


def test_own_player_in_an_own_environment(tmp_path: Path) -> None:
    """The command line finds both in the current folder."""
    out = run(
        *LDP_TUI, "run", "own_environment.py", "-a", "own_agent:Bisection", "-n", 20, "--json",
        "--db", tmp_path / "ldp.db", cwd=EXAMPLES,
    )  # fmt: skip

    assert '"success_rate": 1.0' in out
    assert verify(tmp_path / "ldp.db").ok
