"""Prompts with completions, with verdicts, ShareGPT's turns and starts to play from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.core.messages import Message
from ldp_tui.datasets.completions import write_prompt_completion, write_unpaired
from ldp_tui.datasets.grpo import write_grpo
from ldp_tui.datasets.sharegpt import write_sharegpt
from ldp_tui.store.writer import Writer
from tests.datasets.recorded import counted, execute, played, written
from tests.engine.playing import Counter, Going


class Silent(Counter):
    """Says nothing at its start."""

    async def reset(self, **options: Any) -> Any:
        return [], (await super().reset(**options))[1]


MASK = "insert into step_mask(ep, t, mask) values(1, 2, 1)"


async def test_a_line_per_action(writer: Writer, database: Path, tmp_path: Path) -> None:
    """The prompt is everything before it, the completion the action alone; masked steps are no completion."""
    await counted(writer, 1, 2, 3, uid="u")
    done, rows = written(write_prompt_completion, database, tmp_path / "pc.jsonl")
    assert [len(row["prompt"]) for row in rows] == [1, 3, 5]
    assert [[m["content"] for m in row["completion"]] for row in rows] == [["by 1"], ["by 2"], ["by 3"]]
    assert [row["step"] for row in rows] == [0, 1, 2]
    assert (done.episodes, done.steps, done.rows, done.members) == (1, 3, 3, ("u",))
    execute(database, MASK)
    _, rows = written(write_prompt_completion, database, tmp_path / "pc.jsonl")
    assert [row["step"] for row in rows] == [0, 2]


async def test_a_line_per_episode(writer: Writer, database: Path, tmp_path: Path) -> None:
    """Prompt and completion make up the conversation."""
    await counted(writer, 1, 5, uid="u")
    _, (row,) = written(write_prompt_completion, database, tmp_path / "pc.jsonl", completion="episode")
    assert [m["role"] for m in row["prompt"] + row["completion"]] == ["user", "assistant", "tool", "assistant", "tool"]
    assert len(row["prompt"]) == 1


async def test_verdicts(writer: Writer, database: Path, tmp_path: Path) -> None:
    """By success; where it is not defined, by a threshold of returns, else the episode is left out and named."""
    await counted(writer, 6, uid="good", success=True)
    await counted(writer, 1, 1, uid="bad", success=False)
    await counted(writer, 1, 5, uid="open")
    done, rows = written(write_unpaired, database, tmp_path / "kto.jsonl")
    assert [(row["episode"], row["label"]) for row in rows] == [("good", True), ("bad", False), ("bad", False)]
    assert done.left_out == (("open", "its task does not define success; give a threshold of returns"),)
    _, rows = written(write_unpaired, database, tmp_path / "kto.jsonl", threshold=2.0, completion="episode")
    assert [(row["episode"], row["label"]) for row in rows] == [("good", False), ("bad", True), ("open", True)]


async def test_sharegpt(writer: Writer, database: Path, tmp_path: Path) -> None:
    """Turns of human, gpt and tool; the player's are trained on, but for masked steps."""
    await counted(writer, 1, 5, uid="u")
    execute(database, MASK)
    _, (row,) = written(write_sharegpt, database, tmp_path / "s.jsonl")
    turns = row["conversations"]
    assert [turn["from"] for turn in turns] == ["human", "gpt", "tool", "gpt", "tool"]
    assert [turn["train"] for turn in turns] == [False, True, False, False, False]
    assert turns[1]["value"] == 'by 1\n<tool_call>\n{"name":"go","arguments":{"by":1}}\n</tool_call>'
    assert turns[2]["value"] == '<tool_response>\n{"name":"go","content":"counted to 1"}\n</tool_response>'
    assert json.loads(row["tools"])[0]["function"]["name"] == "go"
    assert "images" not in row


async def test_pictures_in_sharegpt(writer: Writer, database: Path, tmp_path: Path) -> None:
    """`<image>` stands where they were, and they are listed in that order."""
    blocks = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    await played(writer, Counter(step=lambda _: ([Message(content=blocks)], 0.0, True, False)), Going())
    _, (row,) = written(write_sharegpt, database, tmp_path / "s.jsonl")
    assert row["conversations"][2] == {"from": "human", "value": "x\n<image>", "train": False}
    assert row["images"] == ["data:,"]


async def test_starts(writer: Writer, database: Path, tmp_path: Path) -> None:
    """One line for each distinct start, with what makes the environment give it; others are left out and named."""
    await counted(writer, 6, uid="first", seed=1)
    await counted(writer, 1, 5, uid="again", seed=1)
    await counted(writer, 6, uid="second", seed=2)
    await counted(writer, 6, uid="unseeded", seed=None)
    await counted(writer, 6, uid="huge", seed=2**64)
    done, rows = written(write_grpo, database, tmp_path / "g.jsonl")
    assert [(row["episode"], row["seed"], row["return"]) for row in rows] == [("first", 1, 1.0), ("second", 2, 1.0)]
    assert rows[0]["prompt"] == [{"role": "user", "content": "Count to 6."}]
    assert (rows[0]["environment"], rows[0]["environment_kwargs"], rows[0]["max_steps"]) == ("Counter", {}, 9)
    assert dict(done.left_out) == {
        "again": "begins like first",
        "unseeded": "neither seed nor task says what it began with",
        "huge": "its seed has more than 64 bits",
    }


@pytest.mark.parametrize("write", [write_prompt_completion, write_sharegpt, write_grpo])
async def test_text_that_utf_8_cannot_hold(writer: Writer, database: Path, tmp_path: Path, write: Any) -> None:
    """Lone surrogates become U+FFFD; everything else stays as it was."""
    seen = [Message(content="\ud800 \x1b[31m \u202e ok")]
    await played(writer, Counter(1, step=lambda _: (seen, 0.0, True, False)), Going(), seed=1, uid="\u202eodd")
    _, (row,) = written(write, database, tmp_path / "x.jsonl")
    assert row["episode"] == "\u202eodd"


async def test_nothing_to_answer(writer: Writer, database: Path, tmp_path: Path) -> None:
    """An action before which nothing was said has no prompt; an episode of such ones is left out and named."""
    await played(writer, Silent(1, step=lambda _: ([], 1.0, True, False)), Going(), uid="silent")
    done, rows = written(write_prompt_completion, database, tmp_path / "pc.jsonl")
    assert (rows, done.episodes) == ([], 0)
    assert done.left_out == (("silent", "no action of it is to be trained on, or none answers anything"),)
