"""Every Gymnasium id that installs here: played, stored, exported, imported elsewhere, replayed."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.adapters.catalogue import CATALOGUE
from ldp_tui.agents.random_players import RandomAgent
from ldp_tui.datasets.lossless import import_lossless, write_lossless
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, Event, StepTaken
from ldp_tui.engine.record import record
from ldp_tui.engine.replay import replay
from ldp_tui.engine.rollout import rollout
from ldp_tui.registry import make_environment
from ldp_tui.store import connect_writer
from ldp_tui.store.reader import Reader
from ldp_tui.store.verify import verify

INSTALLED = [entry.id for entry in CATALOGUE if not entry.extra]


def kept(event: Event) -> Any:
    """The event without the timings that no recording keeps."""
    return replace(event, agent_us=0, env_us=0) if isinstance(event, StepTaken) else event


@pytest.mark.parametrize("id_", INSTALLED)
async def test_round_trip(id_: str, tmp_path: Path) -> None:
    """Twenty random steps: the replay of the imported episode tells the events that were played, with equal chains."""
    first, second, file = tmp_path / "1.db", tmp_path / "2.db", tmp_path / "out.jsonl"
    env, environment = make_environment(id_)
    with connect_writer(first) as writer:
        events = rollout(
            env, RandomAgent(), environment=environment, seed=7, max_steps=20, render=id_ != "CarRacing-v3"
        )
        async with aclosing(record(events, writer, run_uid="run", ack="episode")) as recorded:
            played = [event async for event in recorded]
    with Reader(first) as reader, connect_writer(second) as writer:
        written = write_lossless(reader, reader.episode_ids(), file)
        assert import_lossless(file, writer) == written.episodes == 1
    with Reader(first) as one, Reader(second) as other:
        (uid,) = one.uids()
        assert other.episode(uid).chain == one.episode(uid).chain
        told = [kept(event) for event in played if isinstance(event, EpisodeStarted | StepTaken | EpisodeEnded)]
        assert [kept(event) for event in replay(one, uid)] == told
        assert [kept(event) for event in replay(other, uid)] == told
        assert isinstance(told[-1], EpisodeEnded)
        assert told[-1].reason in ("terminated", "truncated")
    assert verify(second).ok
