"""`ldp-tui verify`: episodes that repeat, and some that do not."""

from __future__ import annotations

from pathlib import Path

from ldp_tui.cli import OK, PROBLEMS, USAGE
from tests.cli.conftest import Commands

COUNTER = '''
"""Counts."""
from ldp_tui import fenv

@fenv.start()
def counter(start=0):
    return f"at {{start}}", {{"at": start}}

@counter.tool()
def add(n: int, state) -> str:
    """Add.

    Args:
        n: How much.
    """
    state.at += n {change}
    state.reward = 1.0
    return f"at {{state.at}}"

def make(start=0):
    return counter(start)
'''


def test_episodes_that_repeat(ldp: Commands) -> None:
    """Gymnasium's and those with tools, with options, whoever played them; those that are named or selected."""
    for environment in ("maze", "FrozenLake-v1,map_name=8x8", "CartPole-v1", "sql_puzzle"):
        ldp("run", environment, "-a", "random", "-n", 2, "--max-steps", 20)
    answer = ldp("verify")
    assert (answer.status, answer.out) == (OK, "")
    assert answer.err == "8 episodes played again: 8 as recorded, 0 not, 0 could not be played.\n"
    some = ldp("verify", "--select", "env:cartpole", "--json").json
    assert [(one["verdict"], one["environment"]) for one in some] == [("same", "CartPole-v1")] * 2
    assert len(ldp("verify", 1, 3, "--json").json) == 2


def test_the_first_step_that_differs(ldp: Commands) -> None:
    """An environment that was changed since: step, both sides, and an exit status for programs."""
    file = Path("counter.py")
    file.write_text(COUNTER.format(change=""))
    ldp("run", "counter.py,start=3", "-a", "random", "-n", 1, "--max-steps", 4)
    file.write_text(COUNTER.format(change="+ 1"))
    answer = ldp("verify")
    assert answer.status == PROBLEMS
    head, recorded, now = answer.out.splitlines()
    assert "counter.py: step 1 of 4" in head
    assert head.endswith(" gave another observation")
    assert recorded.startswith("    recorded: at ")
    assert now.startswith("    now:      at ")
    (verdict,) = ldp("verify", "--json").json
    assert verdict["verdict"] == "diverged"
    assert verdict["recorded"] != verdict["found"]


def test_what_cannot_be_played_again(ldp: Commands) -> None:
    """The reason is told, and the others are still played."""
    file = Path("counter.py")
    file.write_text(COUNTER.format(change=""))
    ldp("run", "counter.py", "-a", "random", "-n", 1, "--max-steps", 2)
    ldp("run", "maze", "-a", "random", "-n", 1, "--max-steps", 2)
    file.unlink()
    answer = ldp("verify")
    assert answer.status == OK
    assert "There is no environment file counter.py" in answer.out
    assert "1 as recorded, 0 not, 1 could not be played" in answer.err


def test_a_selection_that_cannot_be_read(ldp: Commands) -> None:
    """The line, and a mark below the character."""
    answer = ldp("verify", "--select", "env:maze retrun>3")
    assert answer.status == USAGE
    assert "no field `retrun`: did you mean `return`?" in answer.err
    line, mark = answer.err.splitlines()[-2:]
    assert line.index("retrun") == mark.index("^")
