"""Environments, engines and front ends that fail: what is kept, what is said, and what goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ldp_tui.engine.events import ActionProposed, StepTaken
from ldp_tui.engine.replay import replay
from ldp_tui.play.messages import Restart
from ldp_tui.store import connect_writer
from ldp_tui.store.reader import Reader
from ldp_tui.store.verify import verify
from tests.play.environments import counter
from tests.play.playing import PATIENCE_SECONDS, Front, recorded


def swept(db: Path) -> None:
    """Open the database for writing, which closes what dead processes left running."""
    connect_writer(db).close()


@pytest.mark.parametrize(
    ("death", "code", "words"),
    [("os._exit(7)", 7, "status 7"), ("ctypes.string_at(0)", -signal.SIGSEGV, "SIGSEGV")],
    ids=["exit", "segfault"],
)
def test_environment_that_ends_the_process(
    front: Front, tmp_path: Path, db: Path, death: str, code: int, words: str
) -> None:
    """The handle says how it ended; the steps so far are kept, as an interrupted episode."""
    front.play(
        (counter(tmp_path, "deadly", before_step=f"if self.count == 4: {death}"), "random"), db=str(db), speed=None
    )
    front.until(lambda: front.handle.state.kind == "ended")
    assert front.handle.state.code == code
    assert words in front.handle.state.text
    if code < 0:
        front.until(lambda: any("Fatal Python error" in line for line in front.handle.state.lines))
    swept(db)
    (episode,) = recorded(db)
    assert (episode.status, episode.steps) == ("interrupted", 3)
    assert verify(db).ok


def test_restart_after_a_crash(front: Front, tmp_path: Path, db: Path) -> None:
    """The same session starts again in a new process, and records into the same database."""
    marker = tmp_path / "died"
    body = f"""
        if not os.path.exists({str(marker)!r}):
            open({str(marker)!r}, "w").close()
            os._exit(1)
    """
    front.play((counter(tmp_path, "once", before_step=body), "random"), seed=5, db=str(db), speed=None)
    front.until(lambda: front.handle.state.kind == "ended")
    front.handle.restart()
    front.until(front.ended)
    assert front.ended()[0].reason == "terminated"
    assert front.started()[-1].seed == 5
    front.handle.close()
    assert [episode.status for episode in recorded(db)] == ["interrupted", "done"]


def test_environment_that_blocks(front: Front, tmp_path: Path) -> None:
    """The other lane keeps stepping, and the heartbeat says where the first one is."""
    blocking = counter(tmp_path, "blocking", before_step="time.sleep(5 if self.count == 2 else 0)")
    endless = counter(tmp_path, "endless")
    front.play((blocking, "random"), (f"{endless},n=1000000", "random"), speed=10.0)
    front.until(lambda: len(front.steps(0)) == 1 and front.phase(0) == "env step")
    before = len(front.steps(1))
    front.until(lambda: len(front.steps(1)) > before + 20)
    assert len(front.steps(0)) == 1
    assert front.phase(0) == "env step"
    assert front.handle.state.kind == "ready"
    front.until(lambda: len(front.steps(0)) > 1)


def test_environment_that_holds_the_interpreter(front: Front, tmp_path: Path, db: Path) -> None:
    """Silence is noticed; after a restart the session plays again, and the steps so far are kept."""
    marker = tmp_path / "held"
    body = f"""
        if self.count == 3 and not os.path.exists({str(marker)!r}):
            open({str(marker)!r}, "w").close()
            sum(range(10 ** 12))
    """
    front.play((counter(tmp_path, "greedy", before_step=body), "random"), seed=1, db=str(db), speed=None)
    front.until(lambda: front.handle.state.kind == "silent")
    assert "not responded" in front.handle.state.text
    assert len(front.steps()) == 2
    front.handle.restart()
    front.until(front.ended)
    front.handle.close()
    assert [(episode.status, episode.steps) for episode in recorded(db)] == [("interrupted", 2), ("done", 5)]
    assert verify(db).ok


def test_closing_an_engine_that_hangs(front: Front, tmp_path: Path) -> None:
    """It is killed with its process group, in bounded time."""
    front.play((counter(tmp_path, "greedy", before_step="sum(range(10 ** 12))"), "random"), speed=None)
    front.until(lambda: any(isinstance(event, ActionProposed) for event in front.events()))
    pid = front.handle.pid
    assert pid is not None
    front.handle.close(grace=0.2)
    assert not alive(pid)
    assert front.handle.state.kind == "off"


@pytest.mark.parametrize(
    ("method", "body", "steps"),
    [
        ("before_step", 'if self.count == 2: raise RuntimeError("no more")', 1),
        ("before_reset", 'raise RuntimeError("no more")', 0),
    ],
    ids=["in step", "in reset"],
)
def test_environment_that_raises(front: Front, tmp_path: Path, db: Path, method: str, body: str, steps: int) -> None:
    """The episode ends as failed, with phase and reason; the engine goes on."""
    front.play((counter(tmp_path, "broken", **{method: body}), "random"), db=str(db), speed=None)
    (ended,) = front.until(front.ended)
    assert (ended.reason, ended.phase, ended.steps) == ("failed", "env", steps)
    assert ended.detail == "RuntimeError: no more"
    assert front.handle.state.kind == "ready"
    front.handle.close()
    assert [episode.status for episode in recorded(db)] == ["failed"]


def test_environment_that_asks_to_exit(front: Front, tmp_path: Path) -> None:
    """Its lane fails with that reason, and can be played again; the other lane goes on."""
    leaving = counter(tmp_path, "leaving", before_step="sys.exit(3)")
    front.play((leaving, "random"), (counter(tmp_path, "count"), "random"), speed=None)
    (failed,) = front.until(front.failed)
    assert "SystemExit(3)" in failed.message
    assert "leaving.py" in failed.detail
    front.until(lambda: front.ended(1))
    front.handle.send(Restart(0))
    front.until(lambda: len(front.failed()) == 2)


@pytest.mark.parametrize(
    ("environment", "agent", "words"),
    [
        ("FrozenLake-v1,is_slippry=true", "random", "is_slippry"),
        ("NoSuchLake-v1", "random", "NoSuchLake-v1"),
        ("FrozenLake-v1", "randm", "random"),
    ],
    ids=["option", "environment", "agent"],
)
def test_lane_that_cannot_be_made(front: Front, environment: str, agent: str, words: str) -> None:
    """One line says why; the other lane plays."""
    front.play((environment, agent), ("FrozenLake-v1", "random"), speed=None, pictures="none")
    (failed,) = front.until(front.failed)
    assert words in failed.message
    assert "\n" not in failed.message
    front.until(lambda: front.ended(1))


def test_environment_file_with_an_error(front: Front, tmp_path: Path) -> None:
    """The lane fails with the file and its line."""
    path = tmp_path / "broken.py"
    path.write_text("import ldp_tui\n\nraise ValueError('half done')\n")
    front.play((str(path), "random"))
    (failed,) = front.until(front.failed)
    assert f"{path}:3" in failed.message
    assert "half done" in failed.message


def test_database_that_is_none(front: Front, tmp_path: Path) -> None:
    """Every lane fails with what is wrong with the file; nothing is played unrecorded."""
    path = tmp_path / "notes.txt"
    path.write_text("This is not a database. " * 500)
    front.play((counter(tmp_path, "count"), "random"), db=str(path))
    (failed,) = front.until(front.failed)
    assert str(path) in failed.message
    assert front.events() == []
    assert front.handle.state.kind == "ready"


_PARENT = """
import sys, time
from ldp_tui.play.messages import Start
from ldp_tui.play.session_spec import LaneSpec, SessionSpec
from ldp_tui.play.supervisor import EngineHandle

environment, db = sys.argv[1:]
handle = EngineHandle()
handle.start()
handle.send(Start(SessionSpec(lanes=(LaneSpec(environment, "random"),), db=db, speed=None)))
steps = 0
while steps < 3:
    steps += sum(type(getattr(report, "event", None)).__name__ == "StepTaken" for report in handle.drain())
    time.sleep(0.01)
print(handle.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    "hold", ["pass", "sum(range(10 ** 12)) if self.count == 4 else None"], ids=["responding", "hanging"]
)
def test_front_end_that_is_killed(tmp_path: Path, db: Path, hold: str) -> None:
    """Its engine is gone soon after, even one that hangs, and the episode so far is consistent."""
    endless = counter(tmp_path, "endless", before_step=hold) + ",n=1000000"
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, endless, str(db)], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        engine = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while alive(engine) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(engine)
    swept(db)
    (episode,) = recorded(db)
    assert episode.status in ("aborted", "interrupted")
    assert episode.steps >= 3
    assert verify(db).ok


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_engine_told_to_end(front: Front, tmp_path: Path, db: Path) -> None:
    """SIGTERM ends it in order: the episode is closed as aborted."""
    endless = counter(tmp_path, "endless") + ",n=1000000"
    front.play((endless, "random"), db=str(db), speed=None)
    front.until(lambda: len(front.steps()) > 2)
    pid = front.handle.pid
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    front.until(lambda: front.handle.state.kind == "ended")
    assert front.handle.state.code == 0
    assert [episode.status for episode in recorded(db)] == ["aborted"]


_GUESSES = '''
from ldp_tui import fenv
from ldp_tui.agents.scripted import ScriptedAgent

@fenv.start()
def guessing():
    return "Guess.", {}

@guessing.tool()
def guess(n: int, state, more: dict | None = None) -> str:
    """Guess a number.

    Args:
        n: The number.
        more: Others.
    """
    return f"{n:x} {more}"

def make():
    return guessing()

class Player(ScriptedAgent):
    def __init__(self, power: int):
        super().__init__([("guess", {"n": 10**power}), ("guess", {"n": 1, "more": {"n": [-(10**power)]}})])
'''


@pytest.fixture
def guesses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that takes any number, in a module with a player; engines started from now on find it."""
    path = tmp_path / "ldp_tui_test_guesses.py"
    path.write_text(_GUESSES)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]))
    return path


def test_player_that_sends_a_number_beyond_64_bits(guesses: Path, front: Front, db: Path) -> None:
    """The tool answers, the screen is told, and the recording has the number whole."""
    front.play((str(guesses), "ldp_tui_test_guesses:Player,power=30"), db=str(db), speed=None, max_steps=2)
    front.until(front.ended)
    asked = [step.action.tool_calls[0].function.arguments for step in front.steps()]  # type: ignore[attr-defined]
    assert asked == [{"n": 10**30}, {"n": 1, "more": {"n": [-(10**30)]}}]
    assert front.steps()[0].observation[0].content == f"{10**30:x} None"
    front.handle.close()
    (episode,) = recorded(db)
    assert (episode.status, episode.steps) == ("truncated", 2)
    with Reader(db) as reader:
        stored = [event for event in replay(reader, episode.uid) if isinstance(event, StepTaken)]
    assert [step.action.tool_calls[0].function.arguments for step in stored] == asked  # type: ignore[attr-defined]
    assert verify(db).ok


def test_player_that_sends_a_number_that_cannot_be_written(guesses: Path, front: Front, db: Path) -> None:
    """Its lane says why in a sentence, its episode is closed, and the other lane plays on."""
    player = "ldp_tui_test_guesses:Player"
    front.play((str(guesses), f"{player},power=5000"), (str(guesses), f"{player},power=1"), db=str(db), max_steps=2)
    front.until(lambda: front.failed(0) and front.ended(1))
    (failure,) = front.failed(0)
    assert failure.message == "A whole number of more than 4,300 digits cannot be stored; give it as text."
    assert failure.detail == ""
    assert front.ended(1)[0].reason == "truncated"
    front.handle.close()
    assert sorted(episode.status for episode in recorded(db)) == ["aborted", "truncated"]
    assert verify(db).ok
