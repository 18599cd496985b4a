"""The engine process records what a campaign records: there is one pipe."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest

from ldp_tui import registry
from ldp_tui.engine.campaign import Campaign, play_episodes
from ldp_tui.store import connect_writer
from ldp_tui.store.reader import Reader
from tests.play.playing import Front


@pytest.mark.parametrize(("environment", "agent"), [("maze", "random"), ("FrozenLake-v1,is_slippery=true", "random")])
async def test_engine_process_beside_campaign(front: Front, tmp_path: Path, environment: str, agent: str) -> None:
    """For the same seed the two recordings have equal chains, pictures or not."""
    front.play(
        (environment, agent), (environment, agent), seed=11, db=str(tmp_path / "engine.db"), max_steps=20, speed=None
    )
    front.until(lambda: front.ended(0) and front.ended(1))
    front.handle.close()
    with connect_writer(tmp_path / "campaign.db") as writer:
        campaign = Campaign(
            lambda: registry.make_environment(environment),
            lambda: registry.make_agent(agent),
            writer=writer,
            run_uid="run",
            max_steps=20,
        )
        async with aclosing(play_episodes(campaign, [11])) as results:
            (uid,) = [result.uid async for result in results]
    with Reader(tmp_path / "engine.db") as engine, Reader(tmp_path / "campaign.db") as campaigned:
        chains = [engine.episode(uid).chain for uid in engine.uids()]
        assert chains == [campaigned.episode(uid).chain] * 2


async def test_environment_on_a_server(front: Front, tmp_path: Path) -> None:
    """A lane plays it as one that is here: observations, info, legal actions, rewards and end are the same."""
    pytest.importorskip("fastapi")
    from ldp_tui.registry_tasks import RegistryTaskDataset
    from tests.adapters.served import serving_dataset

    with serving_dataset(RegistryTaskDataset("FrozenLake-v1")) as url:
        front.play(
            (f"remote:{url}", "random"), ("FrozenLake-v1", "random"), seed=11, db=str(tmp_path / "ldp.db"), speed=None
        )
        front.until(lambda: front.ended(0) and front.ended(1))
        front.handle.close()
    there, here = (
        [
            (s.action, s.observation, s.reward, s.terminated, s.truncated, s.info, s.legal_actions)
            for s in front.steps(lane)
        ]
        for lane in (0, 1)
    )
    assert there == here
    assert front.started(0)[0].environment.name == f"remote:{url}"
    assert front.ended(0)[-1].reason == front.ended(1)[-1].reason
