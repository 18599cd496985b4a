"""Rollouts of a small tool environment: ours with recording on, beside ldp's RolloutManager with nothing stored.

The same environment on both sides: ten steps, four tools, a scripted agent that calls one tool a step; and the same
with one step. Both in one process, in turns; the best round of each side counts, since other load only slows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import write_result

STEPS = 10


def ours(episodes: int, steps: int, *, concurrency: int) -> dict[str, float]:
    """Steps and episodes per second of record(rollout(...)) into SQLite, synchronous=FULL."""
    from ldp_tui import DummyEnv
    from ldp_tui.agents.scripted import ScriptedAgent
    from ldp_tui.engine.campaign import Campaign, play_episodes
    from ldp_tui.engine.events import AgentRecord, EnvironmentRecord
    from ldp_tui.store import connect_writer
    from ldp_tui.store.verify import verify

    name, arguments = ("cast_int", {"x": 3.0}) if steps > 1 else ("print_story", {"story": "once upon a time"})

    async def play(folder: str) -> float:
        path = Path(folder) / "bench.db"
        with connect_writer(path) as writer:
            campaign = Campaign(
                make_environment=lambda: (DummyEnv(end_immediately=steps == 1), EnvironmentRecord("dummy")),
                make_agent=lambda: (ScriptedAgent([(name, arguments)], repeat=True), AgentRecord("scripted")),
                writer=writer,
                run_uid="bench",
                max_steps=steps,
                concurrency=concurrency,
            )
            started = time.perf_counter()
            count = 0
            async for result in play_episodes(campaign, range(episodes)):
                count += result.steps
            seconds = time.perf_counter() - started
        assert count == episodes * steps, count
        report = verify(path)
        assert report.ok, report
        assert report.episodes == episodes, report
        return seconds

    with tempfile.TemporaryDirectory() as folder:
        seconds = asyncio.run(play(folder))
    return {"steps_per_second": episodes * steps / seconds, "episodes_per_second": episodes / seconds}


def theirs(episodes: int, steps: int, *, concurrency: int) -> dict[str, float]:
    """The same with aviary's DummyEnv under ldp's RolloutManager; nothing is stored."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    logging.disable(logging.WARNING)
    from aviary.core import DummyEnv, ToolCall, ToolRequestMessage
    from ldp.agent import Agent
    from ldp.alg import RolloutManager
    from ldp.graph import eval_mode

    name, arguments = ("cast_int", {"x": 3.0}) if steps > 1 else ("print_story", {"story": "once upon a time"})

    class BenchScripted(Agent[None]):
        async def init_state(self, tools: Any) -> None:
            return None

        async def get_asv(self, agent_state: Any, obs: Any) -> Any:
            call = ToolCall.from_name(name, **arguments)
            return await Agent.wrap_action(ToolRequestMessage(tool_calls=[call])), None, 0.0

    async def play() -> float:
        manager = RolloutManager(BenchScripted(), concurrency_limit=concurrency)
        started = time.perf_counter()
        count = 0
        async with eval_mode():
            for start in range(0, episodes, concurrency):
                batch = min(concurrency, episodes - start)
                environments = [DummyEnv(end_immediately=steps == 1) for _ in range(batch)]
                trajectories = await manager.sample_trajectories(environments=environments, max_steps=steps)
                count += sum(len(trajectory.steps) for trajectory in trajectories)
        seconds = time.perf_counter() - started
        assert count == episodes * steps, count
        return seconds

    seconds = asyncio.run(play())
    return {"steps_per_second": episodes * steps / seconds, "episodes_per_second": episodes / seconds}


def main() -> None:
    """Run both sides alternately and write the best rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=1500)
    parser.add_argument("--concurrency", type=int, default=128)
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    for label, steps, key in (("ten_steps", STEPS, "steps_per_second"), ("one_step", 1, "episodes_per_second")):
        own, peer = [], []
        for _ in range(arguments.rounds):
            own.append(ours(arguments.episodes, steps, concurrency=arguments.concurrency)[key])
            peer.append(theirs(arguments.episodes // 5, steps, concurrency=arguments.concurrency)[key])
        result[label] = {
            "unit": key,
            "ldp_tui_recording": max(own),
            "ldp_nothing_stored": max(peer),
            "ratio": max(own) / max(peer),
            "rounds": {"ldp_tui": own, "ldp": peer},
        }
    write_result("rollouts", result, arguments.out, packages=("ldp", "fhaviary", "pydantic"))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
