"""Everything of an episode as JSON lines, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.core.environment import Picture
from ldp_tui.core.messages import Message
from ldp_tui.datasets.files import FileError, whole_file
from ldp_tui.datasets.lossless import import_lossless, read_lossless, write_lossless
from ldp_tui.engine.events import EpisodeStarted, StepTaken
from ldp_tui.engine.record import record
from ldp_tui.engine.replay import replay
from ldp_tui.engine.rollout import rollout
from ldp_tui.store import connect_writer
from ldp_tui.store.errors import StoreError
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import BeginEpisode, EndEpisode
from ldp_tui.store.verify import verify
from ldp_tui.store.writer import Writer
from tests.engine.playing import Counter, Going, Thinking


def awkward(env: Counter) -> Any:
    """A step with everything that JSON has no plain form for."""
    info = {"observation": [1, 2**64], "text": "\0\x1b[31m🎉"}
    reward = (float("nan"), float("-inf"), 0.1)[env.state % 3]
    env.state += 1
    return [Message(content=[{"type": "text", "text": "x"}], info=info)], reward, env.state > 3, False


async def played(writer: Writer, env: Counter, **options: Any) -> str:
    uid = ""
    async for event in record(rollout(env, Thinking(), render=True, **options), writer, run_uid="run"):
        if isinstance(event, EpisodeStarted):
            uid = event.uid
    return uid


@pytest.fixture
async def recorded(writer: Writer, database: Path) -> list[str]:
    """A plain episode, an awkward one with pictures, and one that failed at its reset."""

    def fail(_: Any) -> None:
        raise RuntimeError("no")

    def draw(env: Counter) -> Picture | str:
        return Picture(2, 1, bytes([env.state] * 6)) if env.state % 2 else f"\x1b[1mat {env.state}"

    return [
        await played(writer, Counter(2), seed=2**64 - 1, options={"a": [1]}, max_steps=9, task_id="t"),
        await played(writer, Counter(step=awkward, render=draw)),
        await played(writer, Counter(reset=fail)),
    ]


def export(database: Path, file: Path, *uids: str) -> Any:
    with Reader(database) as reader:
        return write_lossless(reader, [reader.find(uid) for uid in uids or reader.uids()], file)


def bring(file: Path, database: Path) -> int:
    with connect_writer(database) as writer:
        return import_lossless(file, writer)


def all_of(database: Path) -> dict[str, Any]:
    """Chain and events of every episode."""
    with Reader(database) as reader:
        return {uid: (reader.episode(uid).chain, repr(list(replay(reader, uid)))) for uid in reader.uids()}


async def test_round_trip(recorded: list[str], database: Path, tmp_path: Path) -> None:
    """Another database gets episodes with equal chains and events; importing again changes nothing."""
    file, other = tmp_path / "out.jsonl", tmp_path / "other.db"
    written = export(database, file)
    assert (written.path, written.episodes, written.steps, written.left_out) == (file, 3, 6, ())
    for _ in range(2):
        assert bring(file, other) == 3
        assert all_of(other) == all_of(database)
        assert verify(other).ok
    again = tmp_path / "again.jsonl"
    export(other, again)
    assert again.read_bytes() == file.read_bytes()


async def test_selection(recorded: list[str], database: Path, tmp_path: Path) -> None:
    """Only the episodes asked for, in that order, each once."""
    first, second, _ = recorded
    export(database, tmp_path / "out.jsonl", second, first, second)
    begun = [o.uid for _, o in read_lossless(tmp_path / "out.jsonl") if isinstance(o, BeginEpisode)]
    assert begun == [second, first]


async def test_forks(recorded: list[str], writer: Writer, database: Path, tmp_path: Path) -> None:
    """Parents are written before their forks, asked for or not, so that a fork alone can be imported."""
    parent = recorded[0]
    with Reader(database) as reader:
        begin, step, *_ = reader.operations(parent)
    assert isinstance(begin, BeginEpisode)
    from dataclasses import replace

    fork = replace(begin, uid="fork", parent_uid=parent, fork_t=1, first=step.row)  # type: ignore[union-attr]
    writer.submit(fork)
    writer.wait(writer.submit(EndEpisode("fork", "aborted", 5)))
    written = export(database, tmp_path / "out.jsonl", "fork")
    assert written.episodes == 2
    assert bring(tmp_path / "out.jsonl", tmp_path / "other.db") == 2
    with Reader(tmp_path / "other.db") as reader:
        assert list(reader.uids()) == [parent, "fork"]
        assert len([event for event in replay(reader, "fork") if isinstance(event, StepTaken)]) == 1
    both = all_of(tmp_path / "other.db")
    assert both == {uid: all_of(database)[uid] for uid in both}


async def test_episode_that_is_running(writer: Writer, database: Path, tmp_path: Path) -> None:
    """It is exported as far as it is, and its rest can be imported later."""
    file, other = tmp_path / "out.jsonl", tmp_path / "other.db"
    events = record(rollout(Counter(3), Going(), uid="u"), writer, run_uid="run")
    async for event in events:
        if isinstance(event, StepTaken):
            break
    export(database, file)
    assert not [o for _, o in read_lossless(file) if isinstance(o, EndEpisode)]
    assert bring(file, other) == 1
    async for _ in events:
        pass
    export(database, file)
    assert bring(file, other) == 1
    assert all_of(other) == all_of(database)


def line_of(file: Path, kind: str) -> int:
    """Number of the first line of that kind."""
    return next(n for n, line in enumerate(file.read_bytes().splitlines(), 1) if f'"kind":"{kind}"'.encode() in line)


def damage(file: Path, number: int, change: Callable[[dict[str, Any]], None]) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    values = json.loads(lines[number - 1])
    change(values)
    lines[number - 1] = json.dumps(values).encode() + b"\n"
    file.write_bytes(b"".join(lines))


def setting(**changes: Any) -> Callable[[dict[str, Any]], None]:
    """Change fields of a line, or of the row in it where the name begins with `row_`."""

    def change(values: dict[str, Any]) -> None:
        for name, value in changes.items():
            place = values.get("row") or values.get("first") if name.startswith("row_") else values
            place[name.removeprefix("row_")] = value

    return change


HOSTILE = [
    ("begin", setting(kind="drop")),
    ("begin", setting(kind=["begin"])),
    ("begin", setting(uid=3)),
    ("begin", setting(uid=None)),
    ("begin", setting(seed=5)),
    ("begin", setting(surprise=1)),
    ("begin", setting(first=[])),
    ("begin", setting(first=None)),
    ("begin", setting(env={"name": "e"})),
    ("begin", setting(started_ns="now")),
    ("begin", setting(started_ns=10**30)),
    ("begin", setting(started_ns=True)),
    ("step", lambda values: values.pop("row")),
    ("step", setting(row_t=5)),
    ("step", setting(row_t=-1)),
    ("step", setting(row_t="1")),
    ("step", setting(row_reward="much")),
    ("step", setting(row_reward={"float": "much"})),
    ("step", setting(row_reward={"float": None})),
    ("step", setting(row_reward={})),
    ("step", setting(row_flags=None)),
    ("step", setting(row_flags=1.5)),
    ("step", setting(row_obs={"base64": "***"})),
    ("step", setting(row_obs="text")),
    ("step", setting(row_messages={})),
    ("step", setting(row_messages=["text"])),
    ("step", setting(row_picture=[1])),
    ("step", setting(uid="stranger")),
    ("step", setting(row_info="{not JSON")),
    ("step", setting(row_action="[[")),
    ("step", setting(row_obs={"base64": "eA=="})),
    ("step", lambda values: values["row"]["messages"][1].update(content="{")),
    ("begin", setting(options="")),
    ("begin", lambda values: values["env"].update(spec="no")),
    ("end", setting(status="won")),
    ("end", setting(status=["done"])),
    ("end", setting(success="yes")),
    ("end", setting(uid="stranger")),
]


@pytest.mark.parametrize(("kind", "change"), HOSTILE, ids=[f"{i}-{kind}" for i, (kind, _) in enumerate(HOSTILE)])
async def test_line_that_is_not_allowed(
    recorded: list[str], database: Path, tmp_path: Path, kind: str, change: Callable[[dict[str, Any]], None]
) -> None:
    """It is refused with its number, and nothing of the file is stored."""
    file = tmp_path / "out.jsonl"
    export(database, file)
    number = line_of(file, kind)
    damage(file, number, change)
    with pytest.raises(FileError, match=rf"out\.jsonl:{number}: .*nothing was imported"):
        bring(file, tmp_path / "other.db")
    assert all_of(tmp_path / "other.db") == {}


@pytest.mark.parametrize(
    "change",
    [
        setting(row_t=2**63),
        setting(row_flags=2**64 - 1),
        setting(row_dt_us=2**63),
    ],
)
async def test_value_that_no_column_holds(
    recorded: list[str], database: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    """It is refused by file or store; what is in the database afterwards can be read."""
    file, other = tmp_path / "out.jsonl", tmp_path / "other.db"
    export(database, file)
    damage(file, line_of(file, "step"), change)
    with pytest.raises((FileError, StoreError)):
        bring(file, other)
    all_of(other)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"{}", b"not JSON", b'{"format":"other","version":1}\n', b"[1]\n", b"null\n", b"\xff\xfe"],
)
def test_file_of_another_kind(tmp_path: Path, content: bytes) -> None:
    """It is refused in its first line, an empty one too."""
    file = tmp_path / "out.jsonl"
    file.write_bytes(content)
    with pytest.raises(FileError, match=r"out\.jsonl:1: this is not an export"):
        bring(file, tmp_path / "other.db")


def test_file_of_a_newer_version(tmp_path: Path) -> None:
    """The advice is to update."""
    file = tmp_path / "out.jsonl"
    file.write_bytes(b'{"format":"ldp-tui episodes","version":99}\n')
    with pytest.raises(FileError, match="version 99"):
        bring(file, tmp_path / "other.db")


async def test_torn_file(recorded: list[str], database: Path, tmp_path: Path) -> None:
    """Cut inside a line it is refused; cut between lines, the last episode is one that was still running."""
    file, other = tmp_path / "out.jsonl", tmp_path / "other.db"
    export(database, file)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:3]) + lines[3][: len(lines[3]) // 2])
    with pytest.raises(FileError, match=r"out\.jsonl:4: not a line of this format"):
        bring(file, other)
    file.write_bytes(b"".join(lines[:3]))
    assert bring(file, other) == 1
    assert len(all_of(other)) == 1


async def test_empty_lines(recorded: list[str], database: Path, tmp_path: Path) -> None:
    """They are passed over, and counted."""
    file = tmp_path / "out.jsonl"
    export(database, file)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + b"\n \n" + b"".join(lines[1:3]))
    assert bring(file, tmp_path / "other.db") == 1
    file.write_bytes(lines[0] + b"\n \n" + b"{}\n")
    with pytest.raises(FileError, match=r"out\.jsonl:4:"):
        bring(file, tmp_path / "third.db")


async def test_episode_that_contradicts_a_stored_one(recorded: list[str], database: Path, tmp_path: Path) -> None:
    """It is refused by the store, whose own episode stays as it is."""
    file, other = tmp_path / "out.jsonl", tmp_path / "other.db"
    export(database, file, recorded[0])
    bring(file, other)
    before = all_of(other)
    damage(file, line_of(file, "step"), setting(row_reward=0.25))
    with pytest.raises(StoreError):
        bring(file, other)
    assert all_of(other) == before


def test_missing_file(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(FileError, match=r"none\.jsonl cannot be read: No such file"):
        bring(tmp_path / "none.jsonl", tmp_path / "other.db")
    with pytest.raises(FileError, match="directory"):
        bring(tmp_path, tmp_path / "other.db")


def test_whole_file(tmp_path: Path) -> None:
    """It replaces the old one only when all is written; nothing else is left in the folder."""
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as file:
        file.write(b"%d" % (1 // 0))
    assert path.read_text() == "old"
    with whole_file(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["none/file", "file/inside", "."])
def test_file_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    """The reason is one sentence: no folder, a file for a folder, a folder for a file."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="cannot be written"), whole_file(tmp_path / place) as file:
        file.write(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
