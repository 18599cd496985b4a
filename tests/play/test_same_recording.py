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
