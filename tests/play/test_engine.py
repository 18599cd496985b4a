"""Sessions that go well, through a real engine process."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from ldp_tui.engine.events import ActionProposed, EpisodeEnded, EpisodeStarted, StepTaken
from ldp_tui.engine.record import record
from ldp_tui.engine.rollout import rollout
from ldp_tui.play.messages import Restart, Stop
from ldp_tui.registry import make_agent, make_environment
from ldp_tui.store import AddStep, BeginEpisode, EndEpisode, connect_writer
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import Operation
from ldp_tui.store.verify import verify
from tests.play.environments import counter
from tests.play.playing import Front, recorded


def test_two_lanes(front: Front, tmp_path: Path, db: Path) -> None:
    """Both episodes are reported completely and in order, from the same seed, and stand in the database."""
    count = counter(tmp_path, "count")
    front.play((count, "random"), (f"{count},n=3", "random"), seed=7, db=str(db), speed=None)
    front.until(lambda: front.ended(0) and front.ended(1))

    for lane, n in ((0, 5), (1, 3)):
        kinds = [type(event) for event in front.events(lane)]
        assert kinds[0] is EpisodeStarted
        assert [kind for kind in kinds if kind in (ActionProposed, StepTaken)] == [ActionProposed, StepTaken] * n
        assert kinds[-1] is EpisodeEnded
        assert front.started(lane)[0].seed == 7
        assert front.ended(lane)[0].return_ == n
    uids = {front.started(lane)[0].uid for lane in (0, 1)}
    episodes = recorded(db)
    assert {episode.uid for episode in episodes} == uids
    assert {(episode.status, episode.steps, episode.seed) for episode in episodes} == {
        ("done", 5, "7"),
        ("done", 3, "7"),
    }
    assert verify(db).ok


def rows(db: Path) -> list[Operation]:
    """The recording of the only episode, without names of its own and without clocks."""
    with Reader(db) as reader:
        (episode,) = recorded(db)
        found = []
        for operation in reader.operations(episode.uid):
            match operation:
                case BeginEpisode():
                    first = replace(operation.first, dt_us=None)
                    found.append(replace(operation, uid="", run_uid="", started_ns=0, first=first))
                case AddStep():
                    found.append(replace(operation, uid="", row=replace(operation.row, dt_us=None)))
                case EndEpisode():
                    found.append(replace(operation, uid="", ended_ns=0, wall_us=0))
        return found


@pytest.mark.parametrize("environment", ["Taxi-v4", "CartPole-v1", "maze"])
async def test_recording_of_the_same_episode_without_engine_process(
    front: Front, tmp_path: Path, db: Path, environment: str
) -> None:
    """It is equal row by row, pictures included."""
    front.play((environment, "random"), seed=11, max_steps=12, db=str(db), speed=None)
    front.until(front.ended)
    front.handle.close()

    env, environment_record = make_environment(environment)
    agent, player = make_agent("random")
    with connect_writer(tmp_path / "direct.db") as writer:
        events = rollout(env, agent, environment=environment_record, player=player, seed=11, max_steps=12, render=True)
        async with aclosing(record(events, writer, run_uid="direct")) as recording:
            async for _ in recording:
                pass
    assert rows(db) == rows(tmp_path / "direct.db")


def test_numbers_of_events(front: Front, tmp_path: Path) -> None:
    """Events of a lane are numbered without a gap over all of its episodes."""
    front.play((counter(tmp_path, "count"), "random"), speed=None)
    front.until(front.ended)
    front.handle.send(Restart(0))
    front.until(lambda: len(front.ended()) == 2)
    numbers = [report.number for report in front.reports if hasattr(report, "event")]
    assert numbers == list(range(len(numbers)))


def test_no_seed(front: Front, tmp_path: Path) -> None:
    """The engine draws one for all lanes, so that the episode can be played again."""
    count = counter(tmp_path, "count")
    front.play((count, "random"), (count, "random"), speed=None)
    front.until(lambda: front.ended(0) and front.ended(1))
    first, second = front.started(0)[0].seed, front.started(1)[0].seed
    assert first is not None
    assert first == second


def test_lane_ready(front: Front) -> None:
    """What a person needs is told before the first event: keys, pace, tools, names."""
    front.play(("CartPole-v1", "human"), pictures="none")
    (ready,) = front.until(front.ready)
    assert ready.environment == "CartPole-v1"
    assert (ready.agent, ready.human) == ("human", True)
    assert ready.keys["left"] == {"name": "act", "arguments": {"action": "push left"}}
    assert ready.real_time_fps == 50
    assert ready.noop is not None
    assert ready.tools[0]["name"] == "act"


def test_restart_of_a_lane_with_a_seed(front: Front, tmp_path: Path, db: Path) -> None:
    """The episode under way is ended as aborted, on screen and on disk, and the next one has the seed."""
    endless = counter(tmp_path, "endless")
    front.play((f"{endless},n=1000000", "random"), seed=1, db=str(db), speed=None)
    front.until(lambda: len(front.steps()) > 3)
    front.handle.send(Restart(0, seed=99))
    front.until(lambda: len(front.started()) == 2)
    front.handle.send(Stop())
    front.until(lambda: len(front.ended()) == 2)
    assert [started.seed for started in front.started()] == [1, 99]
    assert [ended.reason for ended in front.ended()] == ["aborted", "aborted"]
    front.handle.close()
    assert [(episode.status, episode.seed) for episode in recorded(db)] == [("aborted", "1"), ("aborted", "99")]


def test_step_limit(front: Front, tmp_path: Path) -> None:
    """The session's limit truncates an episode that is longer."""
    front.play((counter(tmp_path, "count"), "random"), max_steps=2, speed=None)
    front.until(front.ended)
    assert (front.ended()[0].reason, front.ended()[0].steps) == ("truncated", 2)


def test_second_session_in_the_same_engine(front: Front, tmp_path: Path) -> None:
    """It takes the place of the first, of which nothing more is heard."""
    endless = counter(tmp_path, "endless") + ",n=1000000"
    front.play((endless, "random"), (endless, "random"), speed=None)
    front.until(lambda: front.steps(1))
    front.play((counter(tmp_path, "count"), "random"), speed=None)
    front.until(lambda: len(front.ready()) == 2)
    other_lane = len(front.events(1))
    front.until(front.ended)
    assert front.ended()[0].steps == 5
    assert len(front.events(1)) == other_lane


def test_environment_that_prints(front: Front, tmp_path: Path, capfd) -> None:
    """Prints of Python and of C go to the engine's log, none to this process's output."""
    noisy = counter(
        tmp_path,
        "noisy",
        before_step='print("from python"); os.write(1, b"from C\\n"); print("aside", file=sys.stderr)',
    )
    front.play((noisy, "random"), speed=None)
    front.until(front.ended)
    front.until(lambda: {"from python", "from C", "aside"} <= {line.text for line in front.handle.log.lines()})
    assert capfd.readouterr() == ("", "")


def test_environment_that_asks_the_terminal(front: Front, tmp_path: Path) -> None:
    """There is no terminal to read from: the episode fails instead of hanging."""
    front.play((counter(tmp_path, "asking", before_step="input()"), "random"), speed=None)
    (ended,) = front.until(front.ended)
    assert (ended.reason, ended.phase) == ("failed", "env")
    assert "EOFError" in (ended.detail or "")
