"""A verification finds what was altered behind the store's back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ldp_tui.store.connect import connect_writer
from ldp_tui.store.maintenance import rebuild_rollups
from ldp_tui.store.pictures import PictureEncoder
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import AddStep, EndEpisode
from ldp_tui.store.verify import verify

from .recording import begin, database, record_episode, row


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two episodes, the first with a picture and long values."""
    where = database(tmp_path)
    encoder = PictureEncoder()
    with connect_writer(where) as writer:
        writer.submit(begin("a", row(0, "first", picture=encoder.encode(2, 2, bytes(12)))))
        writer.submit(AddStep("a", row(1, "second", obs=b"[" + b"1," * 2000 + b"1]", info='"' + "x" * 3000 + '"')))
        writer.submit(AddStep("a", row(2, "third")))
        writer.submit(EndEpisode("a", "done", 5, success=True))
        record_episode(writer, "b")
    return where


TAMPERED = {
    "an edited message": "update message set content='forged' where ep=1 and t=1",
    "another role": "update message set role='assistant' where ep=1 and t=1",
    "a removed message": "delete from message where ep=1 and t=2",
    "an edited reward": "update step set reward=99 where ep=1 and t=1",
    "an edited action": "update step set action='[]' where ep=1 and t=2",
    "an edited flag": "update step set flags=1 where ep=1 and t=2",
    "an edited observation": "update step set obs=x'00' where ep=1 and t=2",
    "a removed last step": "delete from step where ep=1 and t=2; delete from message where ep=1 and t=2",
    "a removed middle step": "delete from step where ep=1 and t=1",
    "an edited seed": "update episode set seed='8' where id=1",
    "an edited end": "update episode set status='truncated' where id=1",
    "an edited success": "update episode set success=0 where id=1",
    "an edited sum": "update episode set ret=3.5 where id=1",
    "an edited environment": "update env set spec_json='{}'",
    "an edited agent": "update agent set model='better'",
    "an edited picture": "update frame set z=x'00'",
    "a removed picture": "delete from frame",
    "an edited long value": "update blob_text set z=x'00' where n=3002",
    "an edited leaderboard": "update rollup set mean_ret=1000",
    "a removed leaderboard": "delete from rollup",
    "a removed header": "delete from episode where id=2",
}


@pytest.mark.parametrize("sql", TAMPERED.values(), ids=TAMPERED.keys())
def test_alteration_is_found(path: Path, sql: str) -> None:
    """One changed value anywhere is reported in a sentence."""
    assert verify(path).problems == ()
    connection = sqlite3.connect(path)
    connection.executescript(sql)
    connection.close()
    report = verify(path)
    assert not report.ok
    assert all(problem.endswith(".") or ":" in problem for problem in report.problems)


def test_single_episode_is_verified_alone(path: Path) -> None:
    """Damage elsewhere is not its business."""
    connection = sqlite3.connect(path)
    connection.executescript("update step set reward=99 where ep=2 and t=1")
    connection.close()
    assert verify(path, ["a"]).ok
    assert "row 1 is not what was recorded" in verify(path, ["b"]).problems[0]


def test_recording_that_goes_on_is_no_problem(path: Path) -> None:
    """Verification sees one moment of a database that is written meanwhile."""
    with connect_writer(path) as writer:
        writer.submit(begin("c"))
        writer.wait(writer.submit(AddStep("c", row(1))), timeout=30)
        assert verify(path).ok


def test_rebuilt_leaderboard_is_right_again(path: Path) -> None:
    """It can be computed from the episodes at any time."""
    with Reader(path) as reader:
        before = reader.rollup()
    connection = sqlite3.connect(path)
    connection.executescript("delete from rollup")
    connection.close()
    rebuild_rollups(path)
    with Reader(path) as reader:
        assert reader.rollup() == before
    assert verify(path).ok
