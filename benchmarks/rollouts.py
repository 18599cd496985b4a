"""Rollouts of a small tool environment: ours with recording on, beside ldp's RolloutManager with nothing stored.

The same environment on both sides: ten steps, four tools, a scripted agent that calls one tool a step; and the same
with one step. Each round is a process of its own, the sides in turns, so that neither pays for what the other has
imported: a full garbage collection walks every imported object, and a quarter of a second in a short round is a lot.
The best round of each side counts, since other load only slows; the medians stand beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import statistics
import subprocess
import sys
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


def _round(side: str, steps: int, *, episodes: int, concurrency: int, key: str) -> float:
    """One round in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.rollouts", "--side", side, "--steps", str(steps)]
    command += ["--episodes", str(episodes), "--concurrency", str(concurrency)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    return float(json.loads(done.stdout.splitlines()[-1])[key])


def main() -> None:
    """Run both sides alternately and write the best rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=3000)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--side", choices=("ours", "theirs"), help="play one round in this process, and print it")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    if arguments.side is not None:
        play = ours if arguments.side == "ours" else theirs
        play(arguments.episodes // 20, arguments.steps, concurrency=arguments.concurrency)  # imports, first-use caches
        print(json.dumps(play(arguments.episodes, arguments.steps, concurrency=arguments.concurrency)))
        return
    result: dict[str, Any] = {}
    for label, steps, key in (("ten_steps", STEPS, "steps_per_second"), ("one_step", 1, "episodes_per_second")):
        own, peer = [], []
        for _ in range(arguments.rounds):
            own.append(_round("ours", steps, episodes=arguments.episodes, concurrency=arguments.concurrency, key=key))
            peer.append(
                _round("theirs", steps, episodes=arguments.episodes // 5, concurrency=arguments.concurrency, key=key)
            )
        result[label] = {
            "unit": key,
            "ldp_tui_recording": max(own),
            "ldp_nothing_stored": max(peer),
            "ratio": max(own) / max(peer),
            "ratio_of_medians": statistics.median(own) / statistics.median(peer),
            "rounds": {"ldp_tui": own, "ldp": peer},
        }
    write_result("rollouts", result, arguments.out, packages=("ldp", "fhaviary", "pydantic"))


if __name__ == "__main__":
    main()
