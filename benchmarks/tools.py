"""Tools: schemas from functions, calls carried out, and the import they need; ours beside aviary's.

The same functions on both sides. A schema is read from a function that was never seen, and from one that was, which
is what an environment does at each reset. Calls go through `exec_tool_calls`: one synchronous tool, one asynchronous
one, and eight of each in one message. The import is what a plug-in's author writes, up to the end of a first reset.
Each round is a process of its own, the sides in turns; the best round counts, since other load only slows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.report import write_result

CORES = {"ours": "ldp_tui.core", "theirs": "aviary.core"}
CALLS = 8
SOURCE = '''
def search(query: str, limit: int = 10) -> str:
    """Search the library.

    Args:
        query: Words to look for.
        limit: How many hits to give.
    """
    return query
'''
IMPORT = """
import time; started = time.perf_counter()
import asyncio
from {core} import DummyEnv, Environment, Message, Tool, ToolRequestMessage
asyncio.run(DummyEnv().reset())
print(time.perf_counter() - started)
"""


def new_function() -> Callable[..., Any]:
    """A function that nothing has read yet."""
    names: dict[str, Any] = {}
    exec(SOURCE, names)
    function: Callable[..., Any] = names["search"]
    return function


def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: The first.
        b: The second.
    """
    return a + b


async def add_later(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: The first.
        b: The second.
    """
    return a + b


def measure(side: str, seconds: float) -> dict[str, float]:
    """Microseconds of everything, in this process."""
    core = import_module(CORES[side])
    tool = core.Tool.from_function
    known = new_function()
    functions = iter([new_function() for _ in range(20_000)])
    told = {
        "schema_of_a_new_function": _each(lambda: tool(next(functions)), seconds, most=15_000),
        "schema_of_a_known_function": _each(lambda: tool(known), seconds),
    }
    told.update(asyncio.run(_awaited(core, seconds)))
    return told


async def _awaited(core: Any, seconds: float) -> dict[str, float]:
    env = core.DummyEnv()
    told = {"reset": await _each_awaited(env.reset, seconds)}
    env.tools = [core.Tool.from_function(add), core.Tool.from_function(add_later)]
    for name, tool in (("synchronous", "add"), ("asynchronous", "add_later")):
        for count, label in ((1, "one"), (CALLS, "eight")):
            calls = [core.ToolCall.from_name(tool, id=f"{number:09d}", a=number, b=2) for number in range(count)]
            message = core.ToolRequestMessage(tool_calls=calls)
            answers = await env.exec_tool_calls(message)
            assert [answer.content for answer in answers] == [str(number + 2) for number in range(count)]
            told[f"{label}_{name}"] = await _each_awaited(lambda m=message: env.exec_tool_calls(m), seconds)
    return told


def _each(run: Callable[[], Any], seconds: float, *, most: int = 10**9) -> float:
    for _ in range(20):
        run()
    count, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds and count < most:
        run()
        count += 1
    return passed / count * 1e6


async def _each_awaited(run: Callable[[], Awaitable[Any]], seconds: float) -> float:
    for _ in range(20):
        await run()
    count, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        await run()
        count += 1
    return passed / count * 1e6


def _round(side: str, seconds: float) -> dict[str, float]:
    """One round in a fresh process, and one import in another."""
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [sys.executable, "-m", "benchmarks.tools", "--side", side, "--seconds", str(seconds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600, env=environment)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    script = IMPORT.format(core=CORES[side])
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=600, env=environment
    )
    told["import_and_first_reset"] = float(done.stdout.splitlines()[-1]) * 1e6
    return told


def main() -> None:
    """Run both sides alternately and write the best rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure of a round")
    parser.add_argument("--side", choices=tuple(CORES), help="measure one round in this process, and print it")
    arguments = parser.parse_args()
    if arguments.side is not None:
        print(json.dumps(measure(arguments.side, arguments.seconds)))
        return
    rounds: dict[str, list[dict[str, float]]] = {side: [] for side in CORES}
    for _ in range(arguments.rounds):
        for side in CORES:
            rounds[side].append(_round(side, arguments.seconds))
    result = {
        name: {
            "unit": "microseconds",
            "ldp_tui": min(told[name] for told in rounds["ours"]),
            "aviary": min(told[name] for told in rounds["theirs"]),
            "ratio": min(told[name] for told in rounds["theirs"]) / min(told[name] for told in rounds["ours"]),
            "ratio_of_medians": statistics.median(told[name] for told in rounds["theirs"])
            / statistics.median(told[name] for told in rounds["ours"]),
        }
        for name in rounds["ours"][0]
    }
    write_result("tools", result, arguments.out, packages=("fhaviary", "pydantic", "litellm"))


if __name__ == "__main__":
    main()
