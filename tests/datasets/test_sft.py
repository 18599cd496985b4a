"""Chat transcripts in the shape that TRL's SFTTrainer reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.datasets.files import Exported
from ldp_tui.datasets.sft import write_sft
from ldp_tui.engine.events import Intervention, StepTaken
from ldp_tui.engine.oversight import PASS, Approver, Turn, replace_with
from ldp_tui.engine.record import record
from ldp_tui.engine.rollout import rollout
from ldp_tui.store.reader import Reader
from ldp_tui.store.writer import Writer
from tests.engine.playing import Counter, Going


async def played(writer: Writer, env: Any, agent: Any, **options: Any) -> None:
    async for _ in record(rollout(env, agent, **options), writer, run_uid="run"):
        pass


def exported(database: Path, tmp_path: Path, **options: Any) -> tuple[Exported, list[dict[str, Any]]]:
    with Reader(database) as reader:
        ids = [reader.find(uid) for uid in reader.uids()]
        written = write_sft(reader, ids, tmp_path / "sft.jsonl", **options)
    return written, [json.loads(line) for line in written.path.read_text(encoding="utf-8").splitlines()]


async def test_transcript(writer: Writer, database: Path, tmp_path: Path) -> None:
    """One line: the conversation with calls as objects, the tools, and where it comes from."""
    script = ScriptedAgent([ToolCall.from_name("go", id="a", by=2), "done?"], reflections=["because ü"])
    await played(writer, Counter(9), script, seed=2**64 - 1, uid="u", max_steps=2)
    written, (line,) = exported(database, tmp_path)
    assert (written.episodes, written.steps, written.left_out) == (1, 2, ())
    call = {"id": "a", "type": "function", "function": {"name": "go", "arguments": {"by": 2}}}
    assert line["messages"] == [
        {"role": "user", "content": "Count to 9."},
        {"role": "assistant", "content": "because ü", "tool_calls": [call]},
        {"role": "tool", "content": "counted to 2", "name": "go", "tool_call_id": "a"},
        {"role": "assistant", "content": "done?"},
        {"role": "user", "content": Counter.NO_TOOL_CALLS},
    ]
    (tool,) = line["tools"]
    assert (tool["type"], tool["function"]["name"]) == ("function", "go")
    assert tool["function"]["parameters"]["properties"]["by"]["type"] == "integer"
    assert {k: line[k] for k in ("episode", "environment", "agent", "seed", "return")} == {
        "episode": "u", "environment": "Counter", "agent": "ScriptedAgent", "seed": str(2**64 - 1), "return": 1.0,
    }  # fmt: skip


async def test_reflections(writer: Writer, database: Path, tmp_path: Path) -> None:
    """They become the content of an action that has none of its own, unless they are not wanted."""
    own = ToolRequestMessage(content="own", tool_calls=[ToolCall.from_name("go")])
    await played(writer, Counter(2), ScriptedAgent([("go", {}), own], reflections=["one", "two"]))
    for reflections, contents in ((True, ["one", "own"]), (False, ["", "own"])):
        _, (line,) = exported(database, tmp_path, reflections=reflections)
        assert [m["content"] for m in line["messages"] if m["role"] == "assistant"] == contents


async def test_multimodal_observation(writer: Writer, database: Path, tmp_path: Path) -> None:
    """Its blocks are exported as blocks; other structured content as JSON text."""
    blocks = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    seen = [Message(content=blocks), Message(content={"a": 1}), Message(role="system")]
    await played(writer, Counter(step=lambda _: (seen, 0.0, True, False)), Going())
    _, (line,) = exported(database, tmp_path)
    assert [m["content"] for m in line["messages"][2:]] == [blocks, '{"a": 1}', ""]


async def test_whole_numbers_of_any_size(writer: Writer, database: Path, tmp_path: Path) -> None:
    """They are exported whole."""
    await played(writer, Counter(1), ScriptedAgent([("go", {"by": 2**80})]))
    _, (line,) = exported(database, tmp_path)
    (call,) = line["messages"][1]["tool_calls"]
    assert call["function"]["arguments"] == {"by": 2**80}


async def test_what_is_left_out(writer: Writer, database: Path, tmp_path: Path) -> None:
    """Episodes without steps, failed or running ones, each named with the reason; aborted ones are kept."""

    def fail(_: Any) -> None:
        raise RuntimeError("no")

    await played(writer, Counter(2), Going(), uid="good")
    await played(writer, Counter(step=fail), Going(), uid="failed")
    await played(writer, Counter(2), Going(), uid="empty", max_steps=0)
    left = record(rollout(Counter(5), Going(), uid="left"), writer, run_uid="run")
    async for event in left:
        if isinstance(event, StepTaken):
            break
    await left.aclose()
    running = record(rollout(Counter(5), Going(), uid="running"), writer, run_uid="run")
    await anext(running)
    written, lines = exported(database, tmp_path)
    assert [line["episode"] for line in lines] == ["good", "left"]
    assert dict(written.left_out) == {"failed": "failed", "empty": "no steps", "running": "still running"}
    await running.aclose()


async def test_nothing_chosen(writer: Writer, database: Path, tmp_path: Path) -> None:
    """An empty file."""
    await played(writer, Counter(1), Going())
    with Reader(database) as reader:
        written = write_sft(reader, [], tmp_path / "sft.jsonl")
    assert (written.episodes, written.path.read_bytes()) == (0, b"")


@pytest.mark.parametrize("reward", [float("nan"), float("inf")])
async def test_return_that_json_cannot_hold(writer: Writer, database: Path, tmp_path: Path, reward: float) -> None:
    """Finite rewards alone are summed, so each line is strict JSON."""
    await played(writer, Counter(1, rewards=reward), Going())
    _, (line,) = exported(database, tmp_path)
    assert line["return"] == 0.0


async def test_what_others_chose_is_not_the_agents(writer: Writer, database: Path, tmp_path: Path) -> None:
    """An overruled action is named, has none of the agent's reasoning, and a note is the user's."""
    fives = ToolRequestMessage(tool_calls=[ToolCall.from_name("go", id="x", by=5)])
    script = ScriptedAgent(
        [ToolCall.from_name("go", id="a"), ToolCall.from_name("go", id="b")], reflections=["one", "two"]
    )

    class Ada(Approver):
        def turn(self, index: int) -> Turn:
            return Turn((Intervention("noted", "ada", text="hurry"),)) if index == 0 else Turn()

    ada = Ada(lambda proposal: replace_with(fives) if proposal.index == 0 else PASS, by="ada")
    await played(writer, Counter(6), script, uid="u", overseer=ada)
    _, (line,) = exported(database, tmp_path)
    assert line["overruled"] == [2]
    assert [message["content"] for message in line["messages"]] == [
        "Count to 6.", "hurry", "", "counted to 5", "two", "counted to 6",
    ]  # fmt: skip
