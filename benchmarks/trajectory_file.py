"""Saving a trajectory of tool calls: time and size, beside ldp, both in LDP's file form.

The same episode on both sides: four tools, an agent whose state is a SimpleAgentState with the whole conversation, one
tool call a step. Measured are `to_jsonl`, `from_jsonl`, the size of the file, the rollout, and TrajectoryFileCallback
called for each of the episode's steps. Each side is a process of its own; the best round counts, since other load only
slows. The peer's callback has one round: it takes a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from benchmarks.report import write_result

Sampling = Callable[[list[Any], int], Coroutine[Any, Any, Any]]


def ours() -> tuple[Sampling, Callable[[str], Any], Any, Any]:
    """How to play, the callback, the class of trajectories, and an environment."""
    from ldp_tui import DummyEnv, Trajectory
    from ldp_tui.agents import SimpleAgentState
    from ldp_tui.alg import RolloutManager, TrajectoryFileCallback
    from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
    from ldp_tui.graph import Agent

    agent = _agent(Agent, SimpleAgentState, ToolCall, ToolRequestMessage)

    async def sample(callbacks: list[Any], steps: int) -> Any:
        manager = RolloutManager(agent, callbacks=callbacks)
        (trajectory,) = await manager.sample_trajectories(
            environments=[DummyEnv(end_immediately=False)], max_steps=steps
        )
        return trajectory

    return sample, TrajectoryFileCallback, Trajectory, DummyEnv()


def theirs() -> tuple[Sampling, Callable[[str], Any], Any, Any]:
    """The same of ldp."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    logging.disable(logging.WARNING)
    from aviary.core import DummyEnv, ToolCall, ToolRequestMessage
    from ldp.agent import Agent, SimpleAgentState
    from ldp.alg import RolloutManager, TrajectoryFileCallback
    from ldp.data_structures import Trajectory

    agent = _agent(Agent, SimpleAgentState, ToolCall, ToolRequestMessage)

    async def sample(callbacks: list[Any], steps: int) -> Any:
        manager = RolloutManager(agent, callbacks=callbacks)
        (trajectory,) = await manager.sample_trajectories(
            environments=[DummyEnv(end_immediately=False)], max_steps=steps
        )
        return trajectory

    return sample, TrajectoryFileCallback, Trajectory, DummyEnv()


def _agent(agent: Any, state_type: Any, call_type: Any, request: Any) -> Any:
    """The same scripted agent on both sides, written against LDP's interface."""

    class Scripted(agent):  # type: ignore[misc, valid-type]
        async def init_state(self, tools: Any) -> Any:
            return state_type(tools=tools)

        async def get_asv(self, agent_state: Any, obs: Any) -> Any:
            following = agent_state.get_next_state(obs)
            call = call_type.from_name("cast_int", x=3.5)
            action = await agent.wrap_action(request(content="I cast the number.", tool_calls=[call]))
            following.messages = [*following.messages, action.value]
            return action, following, 0.0

    return Scripted()


async def measure(side: str, steps: int, rounds: int, *, callback_rounds: int) -> dict[str, float]:
    """Figures of one side."""
    sample, file_callback, trajectories, env = ours() if side == "ours" else theirs()
    trajectory = await sample([], steps)
    assert len(trajectory.steps) == steps
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.jsonl"
        save, save_used, load = [], [], []
        for _ in range(rounds):
            started, used = time.perf_counter(), time.process_time()
            await trajectory.to_jsonl(path)
            saved = time.perf_counter()
            save_used.append(time.process_time() - used)
            again = trajectories.from_jsonl(path)
            save.append(saved - started)
            load.append(time.perf_counter() - saved)
            assert len(again.steps) == steps
            assert again.steps[-1].next_observation[0].content == trajectory.steps[-1].next_observation[0].content
        alone = min([await _timed(sample, steps) for _ in range(rounds)])
        called = min([await _called(file_callback(f"{folder}/{n}"), trajectory, env) for n in range(callback_rounds)])
        size = path.stat().st_size
    return {
        "to_jsonl_ms": 1e3 * min(save),
        "to_jsonl_cpu_ms": 1e3 * min(save_used),
        "from_jsonl_ms": 1e3 * min(load),
        "bytes": size,
        "rollout_ms": 1e3 * alone,
        "callback_ms": 1e3 * called,
    }


async def _timed(sample: Sampling, steps: int) -> float:
    started = time.perf_counter()
    await sample([], steps)
    return time.perf_counter() - started


async def _called(callback: Any, trajectory: Any, env: Any) -> float:
    """Seconds that the callback takes for all steps."""
    started = time.perf_counter()
    for step in trajectory.steps:
        await callback.after_transition(trajectory.traj_id, None, env, step)
    await callback.after_rollout(trajectory.traj_id, None, env)
    return time.perf_counter() - started


def main() -> None:
    """Both sides, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--side", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        rounds, callback_rounds = (arguments.rounds, arguments.rounds) if arguments.side == "ours" else (5, 1)
        figures = asyncio.run(measure(arguments.side, arguments.steps, rounds, callback_rounds=callback_rounds))
        print(json.dumps(figures))
        return
    result: dict[str, Any] = {"steps": arguments.steps}
    for side, name in (("ours", "ldp_tui"), ("theirs", "ldp")):
        options = ["--side", side, "--rounds", str(arguments.rounds), "--steps", str(arguments.steps)]
        command = [sys.executable, "-m", "benchmarks.trajectory_file", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        result[name] = json.loads(done.stdout.splitlines()[-1])
    told = ("to_jsonl_ms", "to_jsonl_cpu_ms", "from_jsonl_ms", "bytes", "rollout_ms", "callback_ms")
    result["ratios"] = {key: result["ldp"][key] / result["ldp_tui"][key] for key in told}
    write_result("trajectory_file", result, arguments.out, packages=("ldp", "fhaviary", "pydantic"))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
