"""The compute graph: memory that a step leaves behind, and time of calls and backward passes, beside ldp's.

The same agent on both sides: an op that is called with the state, then an action wrapped by the agent, in training
mode; each episode's results are dropped when it ends, as they are once they were trained on. Then chains of ten calls,
recorded or not, and their backward pass. Each round is a process of its own, the sides in turns; the best round of each
side counts, since other load only slows. Memory is traced in a round apart from those that are timed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.report import write_result

STEPS = 10
CHAIN = 10


NAMES = {
    "agent": ("Agent",),
    "core": ("Message", "ToolCall", "ToolRequestMessage"),
    "graph": ("FxnOp", "OpCtx", "compute_graph", "eval_mode"),
    "gradient_estimators": ("straight_through_estimator",),
}
MODULES = {
    "ours": {"agent": "ldp_tui.graph", "core": "ldp_tui.core", "graph": "ldp_tui.graph"},
    "theirs": {"agent": "ldp.agent", "core": "aviary.core", "graph": "ldp.graph"},
}


def library(side: str) -> SimpleNamespace:
    """The names that both sides have, from the side's own modules."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    logging.disable(logging.WARNING)
    modules = MODULES[side]
    modules = {**modules, "gradient_estimators": f"{modules['graph']}.gradient_estimators"}
    found = {name: getattr(import_module(modules[kind]), name) for kind, names in NAMES.items() for name in names}
    return SimpleNamespace(**found)


def make_agent(lib: SimpleNamespace) -> Any:
    """An agent with one op, which wraps what plain Python makes of its value."""

    class Counting(lib.Agent):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.op = lib.FxnOp(lambda x: x + 1)

        async def init_state(self, tools: Any) -> int:
            return 0

        @lib.compute_graph()
        async def get_asv(self, agent_state: int, obs: Any) -> Any:
            result = await self.op(agent_state)
            call = lib.ToolCall.from_name("cast_int", x=float(result.value))
            action = await lib.Agent.wrap_action(lib.ToolRequestMessage(tool_calls=[call]))
            return action, result.value, 0.0

    return Counting()


async def episodes(lib: SimpleNamespace, agent: Any, count: int) -> None:
    """Play; the actions of an episode are held until it ends."""
    for _ in range(count):
        state, actions = await agent.init_state([]), []
        for _ in range(STEPS):
            action, state, _ = await agent.get_asv(state, [lib.Message(content="go on")])
            actions.append(action)


async def memory(lib: SimpleNamespace, count: int) -> dict[str, float]:
    """Bytes that each step has left, then those left after all contexts were cleared as well."""
    agent = make_agent(lib)
    tracemalloc.start()
    await episodes(lib, agent, count // 10)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    await episodes(lib, agent, count)
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0] - before
    lib.OpCtx.clear_contexts()
    gc.collect()
    cleared = tracemalloc.get_traced_memory()[0] - before
    return {"bytes_per_step": kept / count / STEPS, "bytes_per_step_after_clear": cleared / count / STEPS}


async def _timed(repeat: int, work: Callable[[], Awaitable[Any]], each: Callable[[Any], None] | None = None) -> float:
    """Seconds for each of `repeat` runs of `each(await work())`, of which only `each` counts if it is given."""
    total = 0.0
    for _ in range(repeat):
        started = time.perf_counter()
        made = await work()
        if each is not None:
            started = time.perf_counter()
            each(made)
        total += time.perf_counter() - started
    return total / repeat


async def times(lib: SimpleNamespace, count: int) -> dict[str, float]:
    """Microseconds of a call (in training and evaluation mode), of a node's backward pass, and of a step."""
    op = lib.FxnOp(lambda x: x)
    agent = make_agent(lib)

    @lib.compute_graph()
    async def chain() -> Any:
        result = await op(1)
        for _ in range(CHAIN - 1):
            result = await op(result)
        return result

    def backward(result: Any) -> None:
        result.compute_grads(1.0, backward_fns={lib.FxnOp: lib.straight_through_estimator})

    training = await _timed(count, chain)
    with lib.eval_mode:
        evaluation = await _timed(count, chain)
    gradients = await _timed(count, chain, backward)
    step = await _timed(count, lambda: episodes(lib, agent, 1))
    return {
        "call_us": training / CHAIN * 1e6,
        "call_in_eval_mode_us": evaluation / CHAIN * 1e6,
        "backward_of_a_node_us": gradients / CHAIN * 1e6,
        "step_us": step / STEPS * 1e6,
    }


def _round(what: str, side: str, count: int) -> dict[str, float]:
    """One round in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.graph_memory", "--measure", what, "--side", side]
    done = subprocess.run([*command, "--count", str(count)], check=True, capture_output=True, text=True, timeout=600)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> None:
    """Run both sides alternately and write what they kept, and their best rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=1000, help="episodes, and chains of calls")
    parser.add_argument("--measure", choices=("memory", "times"), help="measure once in this process, and print it")
    parser.add_argument("--side", choices=("ours", "theirs"), default="ours")
    arguments = parser.parse_args()
    if arguments.measure is not None:
        measure = memory if arguments.measure == "memory" else times
        lib = library(arguments.side)
        if arguments.measure == "times":
            asyncio.run(measure(lib, max(arguments.count // 20, 1)))  # first-use caches
        print(json.dumps(asyncio.run(measure(lib, arguments.count))))
        return
    result: dict[str, Any] = {
        "kept": {
            "ldp_tui": _round("memory", "ours", arguments.count),
            "ldp": _round("memory", "theirs", arguments.count),
        }
    }
    rounds = [
        (_round("times", "ours", arguments.count), _round("times", "theirs", arguments.count))
        for _ in range(arguments.rounds)
    ]
    for key in rounds[0][0]:
        own, peer = [pair[0][key] for pair in rounds], [pair[1][key] for pair in rounds]
        result[key] = {
            "ldp_tui": min(own),
            "ldp": min(peer),
            "ratio": min(peer) / min(own),
            "ratio_of_medians": statistics.median(peer) / statistics.median(own),
            "rounds": {"ldp_tui": own, "ldp": peer},
        }
    write_result("graph_memory", result, arguments.out, packages=("ldp", "fhaviary", "pydantic"))


if __name__ == "__main__":
    main()
