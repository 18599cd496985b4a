"""The command `run`, the engine process and the app record the same: they run one pipe."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ldp_tui.cli.app import run
from ldp_tui.store.reader import Reader
from tests.ptyterm import PtyTerm

SCRIPTED = '''
from ldp_tui import ScriptedAgent


class Walker(ScriptedAgent):
    """Goes round in the maze, whatever it meets."""

    def __init__(self) -> None:
        moves = [("move", {"direction": direction}) for direction in ("east", "south", "west", "north")]
        super().__init__(moves, repeat=True)
'''


def _chains(path: Path) -> list[bytes]:
    with Reader(path) as reader:
        return [reader.episode(uid).chain for uid in reader.uids()]


def test_command_and_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scripted agent on one seed gives equal hash chains headless, and in the app on a real terminal."""
    (tmp_path / "walker.py").write_text(SCRIPTED, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    asked = ["maze", "--agent", "walker:Walker", "--seed", "5", "--max-steps", "8"]
    assert run(["run", *asked, "--episodes", "1", "--db", "run.db", "--json"]) == 0

    app = [sys.executable, "-c", "from ldp_tui.cli import main; main()", "play", *asked, "--db", "app.db"]
    with PtyTerm(app, columns=120, rows=40, cwd=tmp_path) as term:
        term.wait_for("Result", timeout=30)
        term.press("ctrl+q")
        term.wait_exit()

    (chain,) = _chains(tmp_path / "run.db")
    assert _chains(tmp_path / "app.db") == [chain]
