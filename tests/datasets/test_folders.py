"""Folders that are loaded by the packages they are for: Hugging Face's `datasets`, and Minari."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ldp_tui.agents.random_players import RandomAgent
from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.core.errors import MissingExtra, UsageError
from ldp_tui.core.messages import Message
from ldp_tui.datasets.files import FileError, whole_folder
from ldp_tui.datasets.hub_folder import write_hub_folder
from ldp_tui.datasets.minari_folder import write_minari
from ldp_tui.engine.events import EnvironmentRecord
from ldp_tui.engine.record import record
from ldp_tui.engine.rollout import rollout
from ldp_tui.registry import make_environment
from ldp_tui.store.reader import Reader
from ldp_tui.store.writer import Writer
from tests.datasets.recorded import counted, played
from tests.engine.playing import Counter, Going


def ids(reader: Reader) -> list[int]:
    return [reader.find(uid) for uid in reader.uids()]


def test_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    """After a failure everything is as it was; one that was written so before is replaced."""
    target = tmp_path / "out"
    with whole_folder(target, mark="mark") as folder:
        (folder / "mark").write_text("1")

    def torn() -> None:
        with whole_folder(target, mark="mark") as folder:
            (folder / "mark").write_text("2")
            raise OSError(28, "No space left on device")

    with pytest.raises(FileError, match="cannot be written: No space left"):
        torn()
    assert (target / "mark").read_text() == "1"
    with whole_folder(target, mark="mark") as folder:
        (folder / "other").write_text("3")
    assert [file.name for file in target.iterdir()] == ["other"]
    with pytest.raises(FileError, match="holds something else"), whole_folder(target, mark="mark"):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


async def test_hub_folder(writer: Writer, database: Path, tmp_path: Path) -> None:
    """`datasets` loads a row per episode; small shards are read as one split; the card tells what is in it."""
    datasets = pytest.importorskip("datasets")
    await counted(writer, 1, 5, uid="a", success=True)
    await counted(writer, 6, uid="b", seed=None)
    with Reader(database) as reader:
        done = write_hub_folder(reader, ids(reader), tmp_path / "set", selection="env:`x`")
        chain = reader.episode("a").chain.hex()
    loaded = datasets.load_dataset(str(tmp_path / "set"), split="train", cache_dir=str(tmp_path / "cache"))
    first, second = loaded
    assert (first["episode"], first["return"], first["success"], first["rewards"]) == ("a", 2.0, True, [1.0, 1.0])
    assert [message["role"] for message in first["messages"]] == ["user", "assistant", "tool", "assistant", "tool"]
    (call,) = first["messages"][1]["tool_calls"]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("go", {"by": 1})
    assert json.loads(first["tools"])[0]["function"]["name"] == "go"
    assert first["chain"] == chain
    assert (second["seed"], second["success"]) == (None, None)
    card = (tmp_path / "set" / "README.md").read_text()
    assert "2 episodes with 3 steps" in card
    assert "| `Counter` | `ScriptedAgent` | 2 |" in card
    assert "Selection: `env:'x'`." in card
    assert (done.episodes, done.steps, done.members) == (2, 3, ("a", "b"))


async def test_hub_folder_in_shards(writer: Writer, database: Path, tmp_path: Path) -> None:
    """Files that are full are followed by others, and text that UTF-8 cannot hold is replaced; nothing gives no row."""
    parquet = pytest.importorskip("pyarrow.parquet")
    seen = [Message(content="\ud800 ok")]
    for number in range(300):
        env = Counter(step=lambda _: (seen, 0.0, True, False))
        await played(writer, env, Going(), uid=f"{number:03}", environment=EnvironmentRecord("\ud800|`\n"))
    with Reader(database) as reader:
        done = write_hub_folder(reader, ids(reader), tmp_path / "set", shard_bytes=1)
        write_hub_folder(reader, [], tmp_path / "none")
    files = sorted((tmp_path / "set" / "data").iterdir())
    assert [file.name for file in files] == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]
    rows = [row for file in files for row in parquet.read_table(file).to_pylist()]
    assert [row["episode"] for row in rows] == [f"{number:03}" for number in range(300)] == list(done.members)
    assert rows[0]["messages"][-1]["content"] == "\ufffd ok"
    assert "| `\ufffd\\|'·` | `Going` | 300 |" in (tmp_path / "set" / "README.md").read_text(encoding="utf-8")
    assert parquet.read_table(tmp_path / "none" / "data").num_rows == 0


async def test_hub_folder_without_pyarrow(writer: Writer, database: Path, tmp_path: Path) -> None:
    """The extra is named, and nothing is written."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        await counted(writer, 6, uid="a")
        with Reader(database) as reader, pytest.raises(MissingExtra, match=r"ldp-tui\[data\]"):
            write_hub_folder(reader, [1], tmp_path / "set")
        assert not (tmp_path / "set").exists()
    else:
        pytest.skip("pyarrow is installed")


async def random_play(writer: Writer, id_: str, seed: int, steps: int = 20, agent: Any = None) -> Any:
    """Record one episode; its environment."""
    env, environment = make_environment(id_)
    player = agent or RandomAgent()
    async for _ in record(
        rollout(env, player, environment=environment, seed=seed, max_steps=steps), writer, run_uid="run"
    ):
        pass


def transitions(reader: Reader, key: int) -> tuple[list[Any], list[float]]:
    """Native observations and rewards as they are stored."""
    rows = reader.steps(key)
    return [json.loads(row.obs or b"") for row in rows], [row.reward or 0.0 for row in rows[1:]]


@pytest.mark.parametrize("id_", ["CartPole-v1", "Blackjack-v1", "Taxi-v4"])
async def test_minari(writer: Writer, database: Path, tmp_path: Path, id_: str) -> None:
    """Its own loader gives every observation, action, reward and end, and the environment, number for number."""
    minari = pytest.importorskip("minari")
    pytest.importorskip("h5py")
    for seed in (3, 4):
        await random_play(writer, id_, seed)
    with Reader(database) as reader:
        done = write_minari(reader, ids(reader), tmp_path / "set-v2")
        stored = [transitions(reader, key) for key in ids(reader)]
        actions = [[json.loads(row.action or "")[0][1]["action"] for row in reader.steps(1, 1)]]
    loaded = minari.MinariDataset(str(tmp_path / "set-v2" / "data"))
    assert (loaded.id, loaded.total_episodes, loaded.total_steps) == ("set-v2", 2, done.steps)
    env = loaded.recover_environment()
    for number, (episode, (observations, rewards)) in enumerate(zip(loaded, stored, strict=True)):
        assert int(loaded.storage.get_episode_metadata([number]).__iter__().__next__()["seed"]) == 3 + number
        assert episode.rewards.tolist() == rewards
        seen = episode.observations
        seen = np.stack(seen, axis=-1) if isinstance(seen, tuple) else seen
        assert np.array_equal(np.asarray(seen), np.asarray(observations, seen.dtype))
        # Played again, the actions lead where they led.
        env.reset(seed=3 + number)
        for action, reward, terminated in zip(episode.actions, rewards, episode.terminations, strict=True):
            _, again, ended, _, _ = env.step(int(action))
            assert (again, ended) == (reward, bool(terminated))
    env.close()
    assert len(actions[0]) == len(loaded[0].actions)


async def test_minari_refuses(writer: Writer, database: Path, tmp_path: Path) -> None:
    """Several environments, those that are not Gymnasium's, and steps in which the environment was given no action."""
    pytest.importorskip("minari")
    pytest.importorskip("h5py")
    await counted(writer, 6, uid="counter")
    await random_play(writer, "Taxi-v4", 1)
    await random_play(writer, "Taxi-v4", 1, agent=ScriptedAgent(["hello", ("act", {"action": "fly"})]), steps=1)
    with Reader(database) as reader:
        with pytest.raises(UsageError, match="chosen: Counter, Taxi-v4"):
            write_minari(reader, ids(reader), tmp_path / "set")
        with pytest.raises(UsageError, match="Counter is none"):
            write_minari(reader, [1], tmp_path / "set")
        with pytest.raises(UsageError, match="step 0 is no action of the environment"):
            write_minari(reader, [3], tmp_path / "set")
        assert write_minari(reader, [2, 3], tmp_path / "set").episodes == 1
    assert [file.name for file in tmp_path.iterdir() if file.is_dir()] == ["set"]
