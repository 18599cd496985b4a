from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from ldp_tui.adapters.gymnasium_record import RecordEpisodes
from ldp_tui.store import connect_writer
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import FLAG_TERMINATED, FLAG_TRUNCATED
from ldp_tui.store.verify import verify
from tests.adapters.calls import act


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "record.db"


def uids(db: Path) -> list[str]:
    with Reader(db) as reader:
        return list(reader.uids())


def test_ordinary_loop(db: Path) -> None:
    """It runs as without the wrapper, and every episode is stored with each action, reward, flag and observation."""
    bare, recorded = gymnasium.make("CartPole-v1"), RecordEpisodes(gymnasium.make("CartPole-v1"), db=db, agent="left")
    expected = []
    for seed in range(3):
        first = bare.reset(seed=seed)[0]
        assert np.array_equal(recorded.reset(seed=seed)[0], first)
        rows: list[Any] = [first]
        done = False
        while not done:
            observation, reward, done, _, _ = bare.step(0)
            assert recorded.step(np.int64(0))[1:] == (reward, done, False, {})
            rows.append(observation)
        expected.append(rows)
    recorded.close()
    assert verify(db).ok
    with Reader(db) as reader:
        assert len(uids(db)) == 3
        for uid, rows in zip(uids(db), expected, strict=True):
            header = reader.episode(uid)
            assert (header.env.name, header.env.kind, header.agent.name, header.agent.kind) == (
                "CartPole-v1", "gymnasium", "left", "policy",
            )  # fmt: skip
            stored = reader.steps(uid)
            assert [row.t for row in stored] == list(range(len(rows)))
            assert [row.flags for row in stored] == [0] * (len(rows) - 1) + [FLAG_TERMINATED]
            assert [row.reward for row in stored] == [None] + [1.0] * (len(rows) - 1)
            assert {row.action for row in stored[1:]} == {'[["act",{"action":"push left"}]]'}
            for row, observation in zip(stored, rows, strict=True):
                assert row.messages == ()
                assert np.array_equal(np.array(json.loads(row.obs or b""), np.float32), observation)


@pytest.mark.parametrize("id_", ["FrozenLake-v1", "Blackjack-v1", "Taxi-v4", "Pendulum-v1", "LunarLander-v3"])
async def test_same_episode_through_the_adapter(db: Path, id_: str) -> None:
    """Actions and observations are written in the same words as in an episode that is played through the tool."""
    recorded = RecordEpisodes(gymnasium.make(id_, max_episode_steps=5), db=db)
    played = GymnasiumEnvironment.make(id_, render=False, max_episode_steps=5)
    recorded.reset(seed=1)
    (message,), _ = await played.reset(seed=1)
    told = [message.info]
    done = truncated = False
    while not (done or truncated):
        action = recorded.action_space.sample()
        recorded.step(action)
        answer, _, done, truncated = await act(played, played.call_for(action).function.arguments["action"])
        told.append(answer.info)
    recorded.close()
    with Reader(db) as reader:
        rows, header = reader.steps(uids(db)[0]), reader.episode(uids(db)[0])
    assert [json.loads(row.obs or b"") for row in rows] == [info["observation"] for info in told if info]
    assert header.summary.success == played.success()


def test_time_limit(db: Path) -> None:
    """It is stored as truncation."""
    env = RecordEpisodes(gymnasium.make("CartPole-v1", max_episode_steps=2), db=db)
    env.reset()
    env.step(0)
    env.step(1)
    env.close()
    with Reader(db) as reader:
        header, rows = reader.episode(uids(db)[0]), reader.steps(uids(db)[0])
    assert header.summary.status == "truncated"
    assert [row.flags for row in rows] == [0, 0, FLAG_TRUNCATED]


def test_episode_left_unfinished(db: Path) -> None:
    """A new reset or closing ends it as aborted; its steps are kept."""
    env = RecordEpisodes(gymnasium.make("CartPole-v1"), db=db)
    for _ in range(2):
        env.reset(seed=4, options={"low": -0.01, "high": 0.01})
        env.step(0)
    env.close()
    env.close()
    with Reader(db) as reader:
        headers = [reader.episode(uid) for uid in uids(db)]
        assert [len(reader.steps(uid)) for uid in uids(db)] == [2, 2]
    assert [header.summary.status for header in headers] == ["aborted", "aborted"]
    assert [header.options for header in headers] == ['{"options":{"low":-0.01,"high":0.01}}'] * 2


def test_frames(db: Path) -> None:
    """On request, what the environment draws is stored with each row."""
    env = RecordEpisodes(gymnasium.make("FrozenLake-v1", render_mode="rgb_array"), db=db, frames=True)
    env.reset(seed=0)
    env.step(0)
    env.close()
    with Reader(db) as reader:
        pictures = [reader.picture(uids(db)[0], t) for t in (0, 1)]
    assert [(picture.t, picture.width, picture.height) for picture in pictures if picture] == [
        (0, 256, 256),
        (1, 256, 256),
    ]


def test_writer_of_somebody_else(db: Path) -> None:
    """It is shared, flushed, and left open."""
    with connect_writer(db) as writer:
        for _ in range(2):
            env = RecordEpisodes(gymnasium.make("CartPole-v1"), db=writer)
            env.reset()
            env.step(0)
            env.flush()
            env.close()
        assert writer.failure is None
    assert len(uids(db)) == 2


def test_diagnostics(db: Path) -> None:
    """Info is stored as JSON, arrays included."""
    env = RecordEpisodes(gymnasium.make("Taxi-v4"), db=db)
    env.reset(seed=3)
    env.close()
    with Reader(db) as reader:
        (row,) = reader.steps(uids(db)[0])
    assert json.loads(row.info or "") == {"info": {"prob": 1.0, "action_mask": [1, 0, 1, 0, 0, 0]}}


def test_process_that_ends_without_closing(db: Path) -> None:
    """Its steps are on disk nevertheless."""
    script = f"""
import gymnasium
from ldp_tui.adapters.gymnasium_record import RecordEpisodes
env = RecordEpisodes(gymnasium.make("CartPole-v1"), db={str(db)!r})
env.reset(seed=0)
for i in range(5):
    env.step(i % 2)
"""
    subprocess.run([sys.executable, "-c", script], timeout=60, check=True)
    assert verify(db).ok
    with Reader(db) as reader:
        assert len(reader.steps(uids(db)[0])) == 6


def test_process_that_is_killed(db: Path) -> None:
    """What was flushed is on disk."""
    script = f"""
import os, signal
import gymnasium
from ldp_tui.adapters.gymnasium_record import RecordEpisodes
env = RecordEpisodes(gymnasium.make("CartPole-v1"), db={str(db)!r})
env.reset(seed=0)
for i in range(5):
    env.step(i % 2)
env.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
    assert verify(db).ok
    with Reader(db) as reader:
        assert len(reader.steps(uids(db)[0])) == 6
