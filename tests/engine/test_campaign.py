"""Many episodes at once, and the identifiers they get."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ldp_tui import registry
from ldp_tui.core.errors import UsageError
from ldp_tui.engine.campaign import Campaign, EpisodeResult, play_episodes
from ldp_tui.engine.events import AgentRecord, EnvironmentRecord
from ldp_tui.engine.identity import new_uid
from ldp_tui.store import connect_writer
from ldp_tui.store.reader import Reader
from tests.engine.playing import Counter, Going


async def results_of(campaign: Campaign, seeds: Any) -> list[EpisodeResult]:
    async with aclosing(play_episodes(campaign, seeds)) as results:
        return [result async for result in results]


def counting(made: list[Counter] | None = None, **options: Any) -> Campaign:
    """A campaign of counters; `made` collects them."""
    on = options.pop("on", {})

    def make() -> tuple[Counter, EnvironmentRecord]:
        env = Counter(2, **on)
        (made if made is not None else []).append(env)
        return env, EnvironmentRecord("counter")

    return Campaign(make, options.pop("agent", lambda: (Going(), AgentRecord("going"))), **options)


@pytest.mark.parametrize("concurrency", [1, 3, 20])
async def test_one_episode_for_each_seed(concurrency: int) -> None:
    """All are played; each lane makes one environment and closes it."""
    made: list[Counter] = []
    results = await results_of(counting(made, concurrency=concurrency), iter(range(7)))
    assert sorted(result.seed for result in results if result.seed is not None) == list(range(7))
    assert {(r.return_, r.steps, r.reason, r.detail) for r in results} == {(2.0, 2, "terminated", None)}
    assert len({result.uid for result in results}) == 7
    assert len(made) <= min(concurrency, 7)
    assert all(env.closed == 1 for env in made)


async def test_long_episode_gives_others_a_turn() -> None:
    """An episode that waits for nothing does not keep other tasks, such as an interruption, from running."""
    turns: list[int] = []
    env = Counter(10**9, step=lambda env: turns.append(env.seed or 0))
    campaign = replace(
        counting(concurrency=1), make_environment=lambda: (env, EnvironmentRecord("counter")), max_steps=300_000
    )
    playing = asyncio.ensure_future(results_of(campaign, [1]))
    await asyncio.sleep(0.1)
    assert not playing.done()
    playing.cancel()
    await asyncio.wait([playing])
    assert len(turns) < 300_000


async def test_no_seeds() -> None:
    """No episodes; unseeded ones are asked for as None."""
    assert await results_of(counting(), []) == []
    assert [result.seed for result in await results_of(counting(), [None, None])] == [None, None]


async def test_episode_that_fails() -> None:
    """The others are played, the next one of its lane in a new environment."""

    def fail(env: Counter) -> None:
        if env.seed == 1:
            raise RuntimeError("no")

    made: list[Counter] = []
    results = await results_of(counting(made, on={"step": fail}, concurrency=1), range(4))
    assert [result.reason for result in results] == ["terminated", "failed", "terminated", "terminated"]
    assert results[1].detail == "RuntimeError: no"
    assert [env.closed for env in made] == [1, 1]


async def test_player_that_cannot_be_made() -> None:
    """The campaign ends with the reason, and nothing is left running."""

    def make() -> Any:
        raise UsageError("no such player")

    before = asyncio.all_tasks()
    with pytest.raises(UsageError, match="no such player"):
        await results_of(counting(agent=make), range(4))
    assert asyncio.all_tasks() <= before


async def test_leaving_early() -> None:
    """Environments are closed, and nothing is left running."""
    made: list[Counter] = []
    before = asyncio.all_tasks()
    async with aclosing(play_episodes(counting(made, concurrency=3), range(1_000))) as results:
        async for _ in results:
            break
    assert all(env.closed == 1 for env in made)
    assert asyncio.all_tasks() <= before


async def test_step_limit() -> None:
    """It is each episode's."""
    (result,) = await results_of(counting(max_steps=1), [0])
    assert (result.reason, result.steps) == ("truncated", 1)


async def chains(database: Path, name: str, agent: str, **options: Any) -> dict[int | None, bytes]:
    """Chain of the recording for each seed."""
    with connect_writer(database) as writer:
        campaign = Campaign(
            lambda: registry.make_environment(name),
            lambda: registry.make_agent(agent),
            writer=writer,
            run_uid="run",
            max_steps=15,
            **options,
        )
        results = await results_of(campaign, range(8))
    with Reader(database) as reader:
        return {result.seed: reader.episode(result.uid).chain for result in results}


@pytest.mark.parametrize("name", ["maze", "calculator", "FrozenLake-v1", "CartPole-v1"])
async def test_recordings_do_not_depend_on_concurrency(tmp_path: Path, name: str) -> None:
    """Alone or eight at once, with pictures or without, the same seeds give equal chains."""
    alone = await chains(tmp_path / "1.db", name, "random", concurrency=1)
    together = await chains(tmp_path / "8.db", name, "random", concurrency=8, pictures=True)
    assert alone == together
    assert len(set(alone.values())) == 8


def test_identifiers() -> None:
    """They are UUIDs of version 7 that sort by the time they were made, and differ within a millisecond."""
    uids = [new_uid() for _ in range(1_000)]
    assert len(set(uids)) == 1_000
    for uid in uids[:20]:
        parsed = UUID(uid)
        assert (parsed.version, parsed.variant) == (7, "specified in RFC 4122")
        assert abs((parsed.int >> 80) / 1000 - time.time()) < 60
    milliseconds = [uid[:13] for uid in uids]
    assert milliseconds == sorted(milliseconds)
