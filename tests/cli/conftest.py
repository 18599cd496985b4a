from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.cli.app import run
from ldp_tui.store.reader import Reader

STANDS_STILL = '''
"""Never ends: for limits and interruptions."""
from ldp_tui import fenv

@fenv.start()
def still(seed: int = 0):
    return f"Seed {seed}. Wait.", {}

@still.tool()
def wait(state) -> str:
    """Wait."""
    return "Still here."

def make():
    return still()
'''


@dataclass(frozen=True)
class Answer:
    """What a command did: exit status, data, narration."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Commands:
    """Runs command lines in this process, in a folder of their own with a database of their own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.db = folder, folder / "recordings" / "ldp.db"
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Answer:
        self._capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        shown = self._capsys.readouterr()
        assert "Traceback" not in shown.out + shown.err
        return Answer(status, shown.out, shown.err)

    def environment(self, name: str, source: str) -> str:
        """Write an environment file into ./envs."""
        (self.folder / "envs").mkdir(exist_ok=True)
        (self.folder / "envs" / f"{name}.py").write_text(source)
        return name

    def reader(self) -> Reader:
        return Reader(self.db)


@pytest.fixture
def ldp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    """`ldp("run", "maze", …)` runs the command in an empty folder that holds `recordings/`."""
    monkeypatch.chdir(tmp_path)
    for variable in ("LDP_TUI_DB", "LDP_TUI_ENVS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "recordings").mkdir()
    return Commands(tmp_path, capsys)


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `ldp-tui …` as a process of its own; ended with the test."""
    running: list[subprocess.Popen[str]] = []

    def start(arguments: Sequence[object], **options: Any) -> subprocess.Popen[str]:
        # In a shell's background job SIGINT is ignored, which a child would inherit.
        hears = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        command = [sys.executable, "-c", f"{hears}; from ldp_tui.cli import main; main()", *map(str, arguments)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, **{**pipes, **options})
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()
