"""`ldp-tui lint` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ldp_tui.cli import OK, PROBLEMS, USAGE
from ldp_tui.cli.app import run

BROKEN = '''"""A game."""
from ldp_tui import fenv

@fenv.start()
def make():
    return "Play.", {}

@make.tool()
def act(x) -> None:
    """Act."""
'''


def test_remarks_stand_with_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "game.py"
    file.write_text(BROKEN)
    assert run(["lint", str(file)]) == PROBLEMS
    captured = capsys.readouterr()
    assert captured.out == (f"{file}:9: error missing-annotation: act: Parameter 'x' needs a type, such as `str`.\n")
    assert captured.err == "1 tool: 1 error, 0 warnings.\n"


def test_remarks_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "game.py"
    file.write_text(BROKEN)
    assert run(["lint", str(file), "--json"]) == PROBLEMS
    (remark,) = json.loads(capsys.readouterr().out)
    assert (remark["line"], remark["rule"], remark["severity"]) == (9, "missing-annotation", "error")


def test_tools_made_at_run_time_are_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file whose tools cannot be seen by reading it is reset once."""
    file = tmp_path / "made.py"
    file.write_text(
        '''"""A game."""
from ldp_tui import Environment, Message, Tool

TOOLS = {}

def act(things: list) -> str:
    """Act.

    Args:
        things: What to take.
    """

TOOLS["act"] = act

class Game(Environment):
    async def reset(self, *, seed=None, options=None):
        print("not a remark")
        self.tools = [Tool.from_function(f) for f in TOOLS.values()]
        return [Message(content="Play.")], self.tools

    async def step(self, action):
        return [], 0.0, True, False

def make():
    return Game()
'''
    )
    assert run(["lint", str(file)]) == OK
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1
    assert ":6: warning bare-container: act:" in captured.out
    assert run(["lint", "--static", str(file)]) == OK
    assert "no-tools" in capsys.readouterr().out


def test_a_file_that_cannot_be_played_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.py"
    file.write_text('"""A game."""\n\ndef make():\n    raise RuntimeError("no board")\n')
    assert run(["lint", str(file)]) == PROBLEMS
    out = capsys.readouterr().out
    assert f"{file}:4: error cannot-play:" in out
    assert "RuntimeError: no board" in out


def test_a_bundled_environment_by_name_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", "maze", "sql_puzzle"]) == OK
    assert capsys.readouterr() == ("", "6 tools: 0 errors, 0 warnings.\n")


def test_what_does_not_exist_is_refused_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", "maez"]) == USAGE
    assert "maze" in capsys.readouterr().err
    assert run(["lint", "nowhere.py"]) == USAGE
    assert capsys.readouterr().err.count("\n") == 1
