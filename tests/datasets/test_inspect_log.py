"""Logs that Inspect opens."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.core.errors import UsageError
from ldp_tui.core.messages import Message
from ldp_tui.datasets.inspect_log import write_inspect
from ldp_tui.store.reader import Reader
from ldp_tui.store.writer import Writer
from tests.datasets.recorded import counted, played
from tests.engine.playing import Counter, Going


@pytest.fixture
async def log(writer: Writer, database: Path, tmp_path: Path) -> Path:
    """Three episodes of one player: two of one seed, and one that failed."""

    def fail(_: Any) -> None:
        raise RuntimeError("no")

    await counted(writer, 1, 5, uid="a", seed=1, success=True)
    await counted(writer, 6, uid="b", seed=1, success=False)
    await played(writer, Counter(step=fail), ScriptedAgent([("go", {"by": 1})]), uid="c", seed=2)
    with Reader(database) as reader:
        done = write_inspect(reader, [1, 2, 3], tmp_path / "log.eval")
    assert (done.episodes, done.steps, done.members, done.left_out) == (3, 3, ("a", "b", "c"), ())
    return tmp_path / "log.eval"


def test_samples(log: Path) -> None:
    """One per episode, those of one seed as epochs; messages, scores and what happened."""
    with zipfile.ZipFile(log) as archive:
        names = archive.namelist()
        first = json.loads(archive.read("samples/seed 1_epoch_1.json"))
        failed = json.loads(archive.read("samples/seed 2_epoch_1.json"))
        header = json.loads(archive.read("header.json"))
    assert names[:3] == ["samples/seed 1_epoch_1.json", "samples/seed 1_epoch_2.json", "samples/seed 2_epoch_1.json"]
    assert first["scores"] == {
        "return": {"value": 2.0, "metadata": {"rewards": [1.0, 1.0]}}, "success": {"value": 1.0},
    }  # fmt: skip
    assert first["messages"][1]["tool_calls"][0]["arguments"] == {"by": 1}
    assert "no" in failed["error"]["message"]
    (returns, success) = header["results"]["scores"]
    assert (returns["metrics"]["mean"]["value"], success["metrics"]["mean"]["value"]) == (1.0, 0.5)
    assert (success["scored_samples"], success["unscored_samples"]) == (2, 1)


def test_opened_by_inspect(log: Path) -> None:
    """Its own functions read header, samples and summaries."""
    inspect_log = pytest.importorskip("inspect_ai.log")
    read = inspect_log.read_eval_log(str(log))
    assert (read.eval.task, read.eval.model, read.status) == ("Counter", "ScriptedAgent", "success")
    samples = {(sample.id, sample.epoch): sample for sample in read.samples}
    assert samples.keys() == {("seed 1", 1), ("seed 1", 2), ("seed 2", 1)}
    first = samples["seed 1", 1]
    assert [message.role for message in first.messages] == ["user", "assistant", "tool", "assistant", "tool"]
    assert (first.messages[1].text, first.messages[1].tool_calls[0].arguments) == ("by 1", {"by": 1})
    assert (first.messages[2].function, first.messages[2].text) == ("go", "counted to 1")
    assert first.messages[2].tool_call_id == first.messages[1].tool_calls[0].id
    assert first.scores["return"].metadata == {"rewards": [1.0, 1.0]}
    assert samples["seed 2", 1].error is not None
    assert read.results.scores[0].metrics["mean"].value == 1.0
    summaries = inspect_log.read_eval_log_sample_summaries(str(log))
    assert {(one.id, one.epoch): one.completed for one in summaries} == {
        ("seed 1", 1): True, ("seed 1", 2): True, ("seed 2", 1): False,
    }  # fmt: skip


async def test_several_players(writer: Writer, database: Path, tmp_path: Path) -> None:
    """Are refused, and named."""
    await counted(writer, 6, uid="a")
    await played(writer, Counter(1), Going(), seed=1)
    with Reader(database) as reader, pytest.raises(UsageError, match="Counter by Going, Counter by ScriptedAgent"):
        write_inspect(reader, [1, 2], tmp_path / "log.eval")
    assert not list(tmp_path.glob("*.eval"))


async def test_pictures(writer: Writer, database: Path, tmp_path: Path) -> None:
    """Blocks of pictures and text are Inspect's."""
    blocks = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
    await played(writer, Counter(step=lambda _: ([Message(content=blocks)], 0.0, True, False)), Going(), seed=1)
    with Reader(database) as reader:
        write_inspect(reader, [1], tmp_path / "log.eval")
    with zipfile.ZipFile(tmp_path / "log.eval") as archive:
        sample = json.loads(archive.read("samples/seed 1_epoch_1.json"))
    assert sample["messages"][2]["content"] == [
        {"type": "text", "text": "x"}, {"type": "image", "image": "data:image/png;base64,AA=="},
    ]  # fmt: skip
