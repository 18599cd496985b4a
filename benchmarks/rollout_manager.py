"""RolloutManager beside ldp's: rollouts, memory that stays, and how long a stop takes.

The same on both sides: DummyEnv with four tools, and an agent that acts through one op of a compute graph, in training
mode, as is the default. Rates are those of a batch of environments of ten steps, and of one step, per second and per
second of processor time (all threads of the process); memory is what traced allocations grow by when many more episodes
have been played and forgotten, per step; a stop cancels a batch whose agents wait, and counts the tasks that are left.
Each round is a process of its own, the sides in turns; the best round counts, since other load only slows.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks.report import write_result

SIDES = ("ldp_tui", "ldp_tui_recording", "ldp")


def imported(side: str) -> dict[str, Any]:
    """What the measurements use, of one side."""
    if side == "ldp":
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
        logging.disable(logging.WARNING)
        from aviary.core import DummyEnv, ToolCall, ToolRequestMessage
        from ldp.agent import Agent
        from ldp.alg import RolloutManager
        from ldp.graph import FxnOp, compute_graph
    else:
        from ldp_tui import DummyEnv, ToolCall, ToolRequestMessage  # type: ignore[assignment]  # noqa: F401 (locals)
        from ldp_tui.alg import RolloutManager  # type: ignore[assignment]  # noqa: F401 (as above)
        from ldp_tui.graph import Agent, FxnOp, compute_graph  # type: ignore[assignment]  # noqa: F401 (as above)
    names = ("DummyEnv", "ToolCall", "ToolRequestMessage", "Agent", "RolloutManager", "FxnOp", "compute_graph")
    found = locals()
    return {name: found[name] for name in names}


def agent_of(of: dict[str, Any], *, one_step: bool = False, waiting: asyncio.Event | None = None) -> Any:
    """The agent, written against LDP's interface."""
    name, arguments = ("print_story", {"story": "once upon a time"}) if one_step else ("cast_int", {"x": 3.0})

    def act() -> Any:
        return of["ToolRequestMessage"](tool_calls=[of["ToolCall"].from_name(name, **arguments)])

    class Scripted(of["Agent"]):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.op = of["FxnOp"](act)

        async def init_state(self, tools: Any) -> None:
            return None

        @of["compute_graph"]()
        async def get_asv(self, agent_state: Any, obs: Any) -> Any:
            if waiting is not None:
                waiting.set()
                await asyncio.Event().wait()
            return await self.op(), None, 0.0

    return Scripted()


async def play(of: dict[str, Any], manager: Any, *, batches: int, batch: int, steps: int) -> tuple[float, float]:
    """Seconds for `batches` batches, and seconds of processor time."""
    started, used = time.perf_counter(), time.process_time()
    for _ in range(batches):
        environments = [of["DummyEnv"](end_immediately=steps == 1) for _ in range(batch)]
        trajectories = await manager.sample_trajectories(environments=environments, max_steps=steps)
        assert [len(trajectory.steps) for trajectory in trajectories] == [steps] * batch
    return time.perf_counter() - started, time.process_time() - used


async def rates(of: dict[str, Any], side: str, episodes: int) -> dict[str, float]:
    """Episodes and steps per second."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        options = {"store": Path(folder) / "bench.db"} if side == "ldp_tui_recording" else {}
        for steps, batch in ((10, 16), (10, 256), (1, 16)):
            manager = of["RolloutManager"](agent_of(of, one_step=steps == 1), **options)
            batches = max(1, episodes // batch)
            with manager.recording() if options else nullcontext():
                await play(of, manager, batches=1, batch=batch, steps=steps)  # imports, first-use caches
                seconds, used = await play(of, manager, batches=batches, batch=batch, steps=steps)
            figures[f"steps_per_second_{steps}_steps_batch_{batch}"] = batches * batch * steps / seconds
            figures[f"steps_per_cpu_second_{steps}_steps_batch_{batch}"] = batches * batch * steps / used
    return figures


async def kept(of: dict[str, Any], episodes: int) -> float:
    """Bytes that stay per step, of ten-step episodes that nobody keeps."""
    manager = of["RolloutManager"](agent_of(of))

    async def allocated(batches: int) -> int:
        await play(of, manager, batches=batches, batch=10, steps=10)
        manager.__dict__.get("traj_buffer", {}).clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    batches = max(1, episodes // 10)
    tracemalloc.start()
    before = await allocated(batches)  # what is made once, and caches that are filled
    grown = await allocated(batches) - before
    tracemalloc.stop()
    return grown / (batches * 100)


async def stop(of: dict[str, Any]) -> dict[str, float]:
    """Seconds until a cancelled batch is over, and how many of its tasks are left then."""
    waiting = asyncio.Event()
    manager = of["RolloutManager"](agent_of(of, waiting=waiting))
    environments = [of["DummyEnv"]() for _ in range(64)]
    task = asyncio.ensure_future(manager.sample_trajectories(environments=environments))
    await waiting.wait()
    started = time.perf_counter()
    task.cancel()
    await asyncio.wait([task])
    seconds = time.perf_counter() - started
    left = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
    for each in left:
        each.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    return {"seconds": seconds, "tasks_left": float(len(left))}


async def measure(side: str, episodes: int) -> dict[str, Any]:
    """One round of one side."""
    of = imported(side)
    figures: dict[str, Any] = await rates(of, side, episodes)
    if side != "ldp_tui_recording":
        figures["bytes_kept_per_step"] = await kept(of, episodes)
        figures["stop_of_64"] = await stop(of)
    return figures


def main() -> None:
    """All sides in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=320)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(asyncio.run(measure(arguments.side, arguments.episodes))))
        return
    rounds: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for _ in range(arguments.rounds):
        for side in SIDES:
            command = [sys.executable, "-m", "benchmarks.rollout_manager", "--side", side]
            command += ["--episodes", str(arguments.episodes)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
            rounds[side].append(json.loads(done.stdout.splitlines()[-1]))
    rated = [name for name in rounds["ldp"][0] if name.startswith("steps_per_")]
    best = {side: {name: max(each[name] for each in rounds[side]) for name in rated} for side in SIDES}
    result = {
        "best": best,
        "ratio": {name: best["ldp_tui"][name] / best["ldp"][name] for name in rated},
        "ratio_recording": {name: best["ldp_tui_recording"][name] / best["ldp"][name] for name in rated},
        "bytes_kept_per_step": {side: rounds[side][-1]["bytes_kept_per_step"] for side in ("ldp_tui", "ldp")},
        "stop_of_64": {side: rounds[side][-1]["stop_of_64"] for side in ("ldp_tui", "ldp")},
        "rounds": rounds,
    }
    write_result("rollout_manager", result, arguments.out, packages=("ldp", "fhaviary", "pydantic"))
    print(json.dumps({name: result[name] for name in result if name != "rounds"}, indent=2))


if __name__ == "__main__":
    main()
