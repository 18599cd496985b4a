"""Pairs of answers to one prompt, from stored preferences and from episodes that began alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.datasets.preference_pairs import write_preferences
from ldp_tui.engine.oversight import ACCEPT, Approver, Proposal, Verdict, replace_with
from ldp_tui.store.writer import Writer
from tests.datasets.recorded import counted, execute, written
from tests.datasets.recorded import played as played_by
from tests.engine.playing import Counter, Going

PAIR = "insert into pair(chosen_ep, rejected_ep, from_t, how, author, created_ns) values(?, ?, ?, ?, ?, 0)"


def calls(message: dict[str, Any]) -> list[Any]:
    return [call["function"]["arguments"] for call in message["tool_calls"]]


async def test_best_and_worst_of_a_group(writer: Writer, database: Path, tmp_path: Path) -> None:
    """They are paired at the first action in which they differ, and share everything before it."""
    await counted(writer, 1, 5, uid="short")
    await counted(writer, 1, 1, 1, 1, 2, uid="long")
    await counted(writer, 1, 2, 3, uid="between")
    done, (row,) = written(write_preferences, database, tmp_path / "dpo.jsonl")
    assert [message["role"] for message in row["prompt"]] == ["user", "assistant", "tool"]
    (chosen,), (rejected,) = row["chosen"], row["rejected"]
    assert (calls(chosen), calls(rejected)) == ([{"by": 1}], [{"by": 5}])
    assert (chosen["content"], rejected["content"]) == ("by 1", "by 5")
    assert row["tools"][0]["function"]["name"] == "go"
    names = ("how", "margin", "step", "chosen_episode", "rejected_episode", "seed")
    assert [row[name] for name in names] == ["same start", 3.0, 1, "long", "short", "0"]
    assert (done.episodes, done.steps, done.rows) == (2, 7, 1)
    assert done.left_out == (("between", "neither best nor worst of its group"),)


async def test_the_rest_of_the_episode(writer: Writer, database: Path, tmp_path: Path) -> None:
    """With `completion="episode"` the answers go on to their ends."""
    await counted(writer, 6, uid="short")
    await counted(writer, 3, 3, uid="long")
    _, (row,) = written(write_preferences, database, tmp_path / "dpo.jsonl", completion="episode")
    assert [message["role"] for message in row["chosen"]] == ["assistant", "tool", "assistant", "tool"]
    assert [message["role"] for message in row["rejected"]] == ["assistant", "tool"]


@pytest.mark.parametrize(("margin", "rows"), [(0.0, 1), (1.0, 1), (1.5, 0)])
async def test_margin(writer: Writer, database: Path, tmp_path: Path, margin: float, rows: int) -> None:
    """Returns that differ by less make no pair, and it is said by how much they differ."""
    await counted(writer, 6, uid="a")
    await counted(writer, 3, 3, uid="b")
    done, lines = written(write_preferences, database, tmp_path / "dpo.jsonl", margin=margin)
    assert len(lines) == rows
    assert set(done.left_out) == (set() if rows else {(uid, "the returns of its group differ by 1") for uid in "ab"})


async def test_episodes_that_make_no_pair(writer: Writer, database: Path, tmp_path: Path) -> None:
    """Each is named with the reason: alone, equal, without a start to go by, failed, differing by chance."""

    def fail(_: Any) -> None:
        raise RuntimeError("no")

    await counted(writer, 6, uid="alone", seed=1)
    await counted(writer, 6, uid="same", seed=2)
    await counted(writer, 6, uid="same too", seed=2)
    await counted(writer, 6, uid="anywhere", seed=None)
    await played_by(writer, Counter(step=fail), Going(), uid="failed", seed=1)
    await played_by(writer, Counter(2), Going(), uid="here", seed=3)
    await played_by(writer, Counter(3), Going(), uid="there", seed=3)
    done, lines = written(write_preferences, database, tmp_path / "dpo.jsonl")
    assert (lines, done.episodes, done.members) == ([], 0, ())
    assert dict(done.left_out) == {
        "alone": "no other episode began like it",
        "same": "the returns of its group differ by 0",
        "same too": "the returns of its group differ by 0",
        "anywhere": "neither seed nor task says what it began with",
        "failed": "failed",
        "here": "what was seen differs before step 0, and no action did",
        "there": "what was seen differs before step 0, and no action did",
    }


async def test_stored_preference_between_episodes(writer: Writer, database: Path, tmp_path: Path) -> None:
    """It counts whatever the returns say, and the group does not say it again; a rejected one does not count."""
    await counted(writer, 6, uid="liked")
    await counted(writer, 3, 3, uid="not")
    execute(database, PAIR, 1, 2, 0, "compared", "me")
    _, rows = written(write_preferences, database, tmp_path / "dpo.jsonl")
    assert [(row["chosen_episode"], row["how"], row["author"]) for row in rows] == [
        ("liked", "compared", "me"), ("not", "same start", None),
    ]  # fmt: skip
    execute(database, "update pair set decision='reject'")
    _, rows = written(write_preferences, database, tmp_path / "dpo.jsonl")
    assert [row["how"] for row in rows] == ["same start"]
    execute(database, "update pair set decision='accept', chosen_ep=2, rejected_ep=1")
    _, rows = written(write_preferences, database, tmp_path / "dpo.jsonl")
    assert [row["how"] for row in rows] == ["compared"]


async def test_action_that_was_replaced(writer: Writer, database: Path, tmp_path: Path) -> None:
    """The action that was played is chosen, the one that had been proposed rejected, both without reasoning."""

    def review(proposal: Proposal) -> Verdict:
        better = ToolRequestMessage(tool_calls=[ToolCall.from_name("go", by=5)])
        return replace_with(better, "faster") if proposal.index == 1 else ACCEPT

    script = ScriptedAgent([("go", {"by": 1}), ("go", {"by": 4})], reflections=["one", "four"])
    await played_by(writer, Counter(6), script, uid="overseen", seed=0, overseer=Approver(review, by="me"))
    done, (row,) = written(write_preferences, database, tmp_path / "dpo.jsonl")
    assert [message["role"] for message in row["prompt"]] == ["user", "assistant", "tool"]
    assert (calls(row["chosen"][0]), calls(row["rejected"][0])) == ([{"by": 5}], [{"by": 4}])
    assert (row["chosen"][0]["content"], row["rejected"][0]["content"]) == ("", "")
    assert (row["how"], row["step"], row["author"], row["margin"]) == ("overruled", 1, "me", None)
    assert (done.members, done.left_out) == (("overseen",), ())


async def test_replaced_action_that_is_not_there(writer: Writer, database: Path, tmp_path: Path) -> None:
    """The episode is named."""
    await counted(writer, 6, uid="overseen")
    execute(database, PAIR, 1, 1, 1, "overruled", "me")
    done, lines = written(write_preferences, database, tmp_path / "dpo.jsonl")
    assert lines == []
    assert ("overseen", "row 1 does not hold what was proposed") in done.left_out
