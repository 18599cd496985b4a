"""LDP's trajectory files, both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ldp_tui import Reader, connect_writer
from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.alg import RolloutManager
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.tool_calls import ToolCall
from ldp_tui.core.trajectory import Trajectory
from ldp_tui.datasets.files import FileError
from ldp_tui.datasets.ldp_files import Names, import_ldp, is_ldp_file, write_ldp
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, StepTaken
from ldp_tui.engine.record import record
from ldp_tui.engine.replay import replay
from ldp_tui.engine.rollout import rollout
from ldp_tui.store.verify import verify
from ldp_tui.store.writer import Writer
from tests.engine.playing import Counter, Going, chain, only

THEIRS = Path(__file__).parent / "ldp-1.10.0.jsonl"
"""Written by LDP 1.10.0: a scripted agent with a SimpleAgentState in aviary's DummyEnv."""


def broken(*_: Any) -> Any:
    raise RuntimeError("broken")


async def played(writer: Writer, env: Any, agent: Any = None, **options: Any) -> None:
    async for _ in record(rollout(env, agent or Going(), **options), writer, run_uid="run"):
        pass


def exported(database: Path, path: Path, *uids: str) -> Path:
    with Reader(database) as reader:
        written = write_ldp(reader, [reader.find(uid) for uid in uids or reader.uids()], path)
    assert written.path == path
    return path


def imported(path: Path, database: Path, **options: Any) -> int:
    with connect_writer(database) as writer:
        return import_ldp(path, writer, **options)


def events(database: Path, uid: str) -> tuple[EpisodeStarted, list[StepTaken], EpisodeEnded]:
    with Reader(database) as reader:
        told = list(replay(reader, uid))
    return only(EpisodeStarted, told)[0], only(StepTaken, told), only(EpisodeEnded, told)[0]


async def test_export(writer: Writer, database: Path, tmp_path: Path) -> None:
    """It is the trajectory that was recorded, in the form that LDP reads."""
    script = ScriptedAgent([ToolCall.from_name("go", id="a", by=2), "done?"], reflections=["because"])
    await played(writer, Counter(9), script, seed=3, uid="u", max_steps=2, task_id="task")
    trajectory = Trajectory.from_jsonl(exported(database, tmp_path / "u.jsonl"))
    assert (trajectory.traj_id, trajectory.metadata["env_id"]) == ("u", "task")
    first, second = trajectory.steps
    assert first.observation[0].content == "Count to 9."
    assert first.next_observation == second.observation
    assert second.action.value.content == "done?"  # type: ignore[union-attr]
    assert [(s.reward, s.done, s.truncated) for s in (first, second)] == [(1.0, False, False), (0.0, False, True)]
    assert first.metadata["reflection"] == "because"


@pytest.mark.parametrize(
    ("env", "options", "reason"),
    [
        (Counter(2), {}, "terminated"),
        (Counter(9), {"max_steps": 2}, "truncated"),
        (Counter(tool=broken), {}, "failed"),
        (Counter(reset=broken), {}, "failed"),
    ],
)
async def test_round_trip(
    env: Counter, options: dict[str, Any], reason: str, writer: Writer, database: Path, tmp_path: Path
) -> None:
    """Exported and imported, an episode tells the same: who, where, what was seen and done, and how it ended."""
    await played(writer, env, seed=3, options={"a": 1}, uid="u", task_id="task", **options)
    path, other = exported(database, tmp_path / "u.jsonl"), tmp_path / "other.db"
    assert imported(path, other) == 1
    (started, steps, ended), (again, steps_again, ended_again) = events(database, "u"), events(other, "u")
    for name in ("environment", "agent", "seed", "options", "task_id", "tools", "max_steps", "started_ns"):
        assert getattr(again, name) == getattr(started, name), name
    assert [m.content for m in again.observation] == [m.content for m in started.observation]
    for old, new in zip(steps, steps_again, strict=True):
        assert (new.action, new.reward, new.terminated, new.truncated, new.value) == (
            old.action, old.reward, old.terminated, old.truncated, old.value,
        )  # fmt: skip
        assert [m.content for m in new.observation] == [m.content for m in old.observation]
    assert (ended_again.reason, ended_again.return_, ended_again.phase, ended_again.success) == (
        reason, ended.return_, ended.phase, ended.success,
    )  # fmt: skip
    assert (ended_again.detail or "") == (ended.detail or "")
    assert verify(other).ok


async def test_file_of_ldp(database: Path) -> None:
    """LDP's own file: the first observation ends where what came later begins, and the tools come from the state."""
    lines = [json.loads(line) for line in THEIRS.read_text().splitlines()]
    assert len(lines[1]["observation"]) == 2  # the answer to the first action is in what was seen before it
    assert imported(THEIRS, database, names=Names("dummy", "mine")) == 1
    started, steps, ended = events(database, lines[0])
    assert (started.environment.name, started.environment.kind, started.agent.name) == ("dummy", "aviary", "mine")
    assert [message.content for message in started.observation] == ["Write a 5 word story via print_story"]
    assert [tool["name"] for tool in started.tools] == ["print_story", "cast_float", "cast_int", "get_random_int"]
    assert [step.action.content for step in steps] == ["turn 0", "turn 1"]
    assert steps[0].observation[0].content == "3"
    assert [step.value for step in steps] == [0.5, 0.5]
    assert all(step.env_us > 0 for step in steps)
    assert (ended.reason, ended.return_, ended.steps) == ("terminated", 1.0, 2)
    assert verify(database).ok


async def test_file_of_ldp_twice(database: Path) -> None:
    """The second time it is there already; its chain is the same wherever it is imported."""
    imported(THEIRS, database)
    with Reader(database) as reader:
        (uid,) = reader.uids()
    before = chain(database, uid)
    assert imported(THEIRS, database) == 1
    assert imported(THEIRS, database, names=Names("another"), known={uid}) == 1
    other = database.with_name("other.db")
    imported(THEIRS, other)
    assert chain(database, uid) == chain(other, uid) == before


async def test_folder(writer: Writer, database: Path, tmp_path: Path) -> None:
    """Several episodes are a folder of files, which is imported as one."""
    for uid in ("a", "b"):
        await played(writer, Counter(1), uid=uid)
    folder = exported(database, tmp_path / "many")
    assert sorted(file.name for file in folder.iterdir()) == ["a.jsonl", "b.jsonl"]
    assert is_ldp_file(folder)
    assert imported(folder, tmp_path / "other.db") == 2
    with pytest.raises(FileError, match="name a folder"):
        exported(database, tmp_path / "one.jsonl")


async def test_episode_that_runs(writer: Writer, database: Path, tmp_path: Path) -> None:
    """It is left out, and named."""
    events = record(rollout(Counter(), Going(), uid="u"), writer, run_uid="run")
    await anext(events)
    with Reader(database) as reader:
        written = write_ldp(reader, [reader.find("u")], tmp_path / "folder")
    assert (written.episodes, written.left_out) == (0, (("u", "still running"),))
    await events.aclose()


async def test_trajectory_without_an_id(database: Path, tmp_path: Path) -> None:
    """It is known by its content."""
    lines = THEIRS.read_text().splitlines()
    (tmp_path / "t.jsonl").write_text("\n".join(["null", *lines[1:2]]))
    assert imported(tmp_path / "t.jsonl", database) == imported(tmp_path / "t.jsonl", database) == 1
    with Reader(database) as reader:
        (summary,) = reader.episodes().episodes
    assert (summary.status, summary.steps) == ("interrupted", 1)


async def test_trajectory_without_steps(database: Path, tmp_path: Path) -> None:
    """An episode in which nothing was seen."""
    (tmp_path / "t.jsonl").write_text('"t"\n')
    assert imported(tmp_path / "t.jsonl", database) == 1
    started, steps, ended = events(database, "t")
    assert (started.observation, steps, ended.reason) == ((), [], "interrupted")


OF_NOWHERE = {"trajectory_metadata": {"recorded": {"environment": {"x": 1}}}}


@pytest.mark.parametrize(
    "text",
    [
        '{"format": "ldp-tui episodes"}\n',
        '"t"\n{"timestep": 0}\n',
        '"t"\n[1]\n',
        '"t"\nnonsense\n',
        "",
        f'"t"\n{json.dumps({"timestep": 0, "observation": [], "metadata": OF_NOWHERE})}\n',
    ],
)
def test_files_that_are_none(text: str, database: Path, tmp_path: Path) -> None:
    """Each is named, and nothing is stored, also of the good files beside it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.jsonl").write_text(THEIRS.read_text())
    (folder / "b.jsonl").write_text(text)
    if not text:
        (folder / "a.jsonl").unlink()
        (folder / "b.jsonl").unlink()
    with pytest.raises(FileError, match=r"b\.jsonl" if text else r"holds no \.jsonl"):
        imported(folder, database)
    with Reader(database) as reader:
        assert list(reader.uids()) == []


def test_kinds_of_files(tmp_path: Path) -> None:
    """A text or null in the first line; anything else is another format's."""
    for text, is_theirs in (('"t"\n', True), ("null\n", True), ('{"format": 1}\n', False), ("x", False)):
        (tmp_path / "f").write_text(text)
        assert is_ldp_file(tmp_path / "f") is is_theirs
    assert not is_ldp_file(tmp_path / "nothing")


async def test_ldp_reads_ours(writer: Writer, database: Path, tmp_path: Path) -> None:
    """LDP's `Trajectory.from_jsonl` reads an export and a manager's file, with messages of their types."""
    pytest.importorskip("ldp")
    from aviary.core import ToolRequestMessage as TheirRequest
    from aviary.core import ToolResponseMessage as TheirResponse
    from ldp.data_structures import Trajectory as Theirs

    script = [("cast_int", {"x": 3.5}), ("print_story", {"story": "once"})]
    await played(writer, DummyEnv(), ScriptedAgent(script), uid="u", seed=1)
    (own,) = await RolloutManager(ScriptedAgent(script)).sample_trajectories(environments=[DummyEnv()], seed=1)
    await own.to_jsonl(tmp_path / "own.jsonl")
    for path in (exported(database, tmp_path / "u.jsonl"), tmp_path / "own.jsonl"):
        theirs = Theirs.from_jsonl(path)
        assert (len(theirs.steps), theirs.done, theirs.failed) == (2, True, False)
        assert isinstance(theirs.steps[0].action.value, TheirRequest)
        assert theirs.steps[0].action.value.tool_calls[0].function.arguments == {"x": 3.5}
        assert isinstance(theirs.steps[0].next_observation[0], TheirResponse)
        assert theirs.compute_discounted_returns() == [1.0, 1.0]


async def test_theirs_read_by_ours(tmp_path: Path) -> None:
    """And back: what LDP wrote of what it read of ours is the same trajectory."""
    pytest.importorskip("ldp")
    from ldp.data_structures import Trajectory as Theirs

    agent = ScriptedAgent([("print_story", {"story": "once"})])
    (own,) = await RolloutManager(agent).sample_trajectories(environments=[DummyEnv()])
    await own.to_jsonl(tmp_path / "own.jsonl")
    await Theirs.from_jsonl(tmp_path / "own.jsonl").to_jsonl(tmp_path / "theirs.jsonl")
    again = Trajectory.from_jsonl(tmp_path / "theirs.jsonl")
    assert again.traj_id == own.traj_id
    assert again.steps[0].action.value == own.steps[0].action.value  # type: ignore[union-attr]
