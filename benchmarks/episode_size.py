"""Bytes on disk of one 200-step tool episode: our database, beside ldp's trajectory JSONL of the same calls."""

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

STEPS = 200
TEXT = "The quick brown fox jumps over the lazy dog, and the dog lets it. " * 3


def ours(folder: Path) -> dict[str, float]:
    """Size of a database that holds the one episode, closed; and what the episode adds to an empty one."""
    from ldp_tui import DummyEnv
    from ldp_tui.agents.scripted import ScriptedAgent
    from ldp_tui.engine.record import record
    from ldp_tui.engine.rollout import rollout
    from ldp_tui.store import connect_writer

    async def play(path: Path) -> None:
        with connect_writer(path) as writer:
            agent = ScriptedAgent([("print_story", {"story": TEXT})], repeat=True)
            events = rollout(DummyEnv(end_immediately=False), agent, seed=0, max_steps=STEPS)
            async for _ in record(events, writer, run_uid="bench", ack="episode"):
                pass

    empty = folder / "empty.db"
    connect_writer(empty).close()
    path = folder / "episode.db"
    started = time.perf_counter()
    asyncio.run(play(path))
    seconds = time.perf_counter() - started
    return {
        "database_bytes": path.stat().st_size,
        "added_bytes": path.stat().st_size - empty.stat().st_size,
        "seconds": seconds,
    }


def theirs(folder: Path) -> dict[str, float]:
    """Size of the JSONL that ldp's SimpleAgent-shaped trajectory gives: state and next state in every step."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    logging.disable(logging.WARNING)
    from aviary.core import DummyEnv, ToolCall, ToolRequestMessage
    from ldp.agent import Agent, SimpleAgentState
    from ldp.alg import RolloutManager
    from ldp.graph import eval_mode

    class SizeScripted(Agent[SimpleAgentState]):
        async def init_state(self, tools: Any) -> SimpleAgentState:
            return SimpleAgentState(tools=tools)

        async def get_asv(self, agent_state: Any, obs: Any) -> Any:
            action = ToolRequestMessage(tool_calls=[ToolCall.from_name("print_story", story=TEXT)])
            state = agent_state.get_next_state(obs)
            state.messages = [*state.messages, action]
            return await Agent.wrap_action(action), state, 0.0

    async def play(path: Path) -> float:
        manager = RolloutManager(SizeScripted())
        async with eval_mode():
            [trajectory] = await manager.sample_trajectories(
                environments=[DummyEnv(end_immediately=False)], max_steps=STEPS
            )
        assert len(trajectory.steps) == STEPS
        started = time.perf_counter()
        await trajectory.to_jsonl(path)
        return time.perf_counter() - started

    path = folder / "episode.jsonl"
    seconds = asyncio.run(play(path))
    return {"jsonl_bytes": path.stat().st_size, "save_seconds": seconds}


def main() -> None:
    """Measure both and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        own, peer = ours(Path(folder)), theirs(Path(folder))
    result = {"steps": STEPS, "ldp_tui": own, "ldp": peer, "ratio": peer["jsonl_bytes"] / own["database_bytes"]}
    write_result("episode_size", result, arguments.out, packages=("ldp", "fhaviary"))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
