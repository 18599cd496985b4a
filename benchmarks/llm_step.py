"""What one decision of a language-model agent costs besides the model: SimpleAgent.get_asv, beside ldp's with lmi.

A scripted server on this machine answers with a tool call; it runs in a process of its own and tells how long it took.
Overhead is the time of a decision less the server's. Each side is a process of its own, in turns over several rounds;
ours also through litellm, as for providers, and streamed to a listener, as in the app. The best round counts, since
other load only slows; the others are told.
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
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report import write_result
from ldp_tui.core.agent import Generation, Standing

SIDES = ("direct", "direct_streamed", "litellm", "litellm_streamed", "ldp")
WARM = 20
MODEL = "openai/gpt-4o-mini"
"""A name that litellm has a price for: it is slower with others."""


class _Deaf:
    """Listens to a decision as the app does, and drops what it hears."""

    live = True

    def reflect(self, text: str) -> None:
        """Reasoning."""

    def propose(self, probabilities: Mapping[str, float]) -> None:
        """A distribution."""

    def spend(self, usage: Any) -> None:
        """Cost."""

    def standing(self) -> Standing:
        """How the episode stands."""
        return Standing()

    def annotate(self, facts: Mapping[str, Any]) -> None:
        """Diagnostics."""

    def generated(self, generation: Generation) -> None:
        """What is kept of a request."""


def serve() -> None:
    """Answer until standard input closes; seconds per answer are told on each line of it."""
    from ldp_tui.testing.model_server import ModelServer, Says

    says = Says("I walk on, to the right.", calls=[("print_story", {"story": "Once there was a cat."})], pieces=20)
    with ModelServer([says], repeat=True) as server:
        print(server.base_url, flush=True)
        for _ in sys.stdin:
            print(json.dumps(server.seconds), flush=True)
            server.seconds.clear()
            server.requests.clear()


async def decide(side: str, base_url: str, count: int) -> list[float]:
    """Seconds of each decision after the first few."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    logging.disable(logging.WARNING)
    if side == "ldp":
        from aviary.core import DummyEnv
        from ldp.agent import SimpleAgent
        from ldp.graph import OpCtx

        config: dict[str, Any] = {"name": MODEL, "api_base": base_url, "api_key": "none"}
        agent: Any = SimpleAgent(llm_config=config)
        clear = OpCtx.clear_contexts
    else:
        from ldp_tui.agents import SimpleAgent as Ours
        from ldp_tui.core import DummyEnv
        from ldp_tui.core.agent import listening

        place = {"base_url": base_url} if side.startswith("direct") else {}
        agent = Ours(llm_config={"name": MODEL, "api_key": "none", **place})

        def clear() -> None:
            """Nothing is kept."""

        if side.endswith("streamed"):
            listening(_Deaf()).__enter__()
    obs, tools = await DummyEnv().reset()
    state = await agent.init_state(tools)
    taken = []
    for _ in range(count + WARM):
        started = time.perf_counter()
        await agent.get_asv(state, obs)
        taken.append(time.perf_counter() - started)
        clear()
    return taken[WARM:]


def rounds_of(count: int, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Each side's rounds: milliseconds of overhead, and the server's own."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    command = [sys.executable, "-m", "benchmarks.llm_step"]
    with subprocess.Popen([*command, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        base_url = server.stdout.readline().strip()
        for _ in range(rounds):
            for side in SIDES:
                _tell(server)
                env = {**os.environ, "OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "none", "NO_PROXY": "127.0.0.1"}
                asked = [*command, "--measure", side, "--base-url", base_url, "--count", str(count)]
                done = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=600, env=env)
                taken = json.loads(done.stdout.splitlines()[-1])
                found[side].append(_figures(taken, _tell(server)[WARM:]))
        server.stdin.close()
    return found


def _tell(server: subprocess.Popen[str]) -> list[float]:
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write("\n")
    server.stdin.flush()
    seconds: list[float] = json.loads(server.stdout.readline())
    return seconds


def _figures(taken: list[float], served: list[float]) -> dict[str, float]:
    beyond = [(whole - own) * 1e3 for whole, own in zip(taken, served, strict=True)]
    quantiles = statistics.quantiles(beyond, n=20)
    return {"p50_ms": statistics.median(beyond), "p95_ms": quantiles[-1], "server_ms": statistics.median(served) * 1e3}


def first_decision() -> dict[str, float]:
    """Seconds from a fresh interpreter to the first decision, imports included."""
    found = {}
    command = [sys.executable, "-m", "benchmarks.llm_step"]
    with subprocess.Popen([*command, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        base_url = server.stdout.readline().strip()
        env = {**os.environ, "OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "none", "NO_PROXY": "127.0.0.1"}
        for side in ("direct", "litellm", "ldp"):
            started = time.perf_counter()
            asked = [*command, "--measure", side, "--base-url", base_url, "--count", str(1 - WARM)]
            subprocess.run(asked, check=True, capture_output=True, text=True, timeout=600, env=env)
            found[side] = time.perf_counter() - started
        server.stdin.close()
    return found


def warm(base_url: str) -> None:
    """The server answers."""
    with urllib.request.urlopen(f"{base_url}/models", timeout=10) as answer:
        answer.read()


def main() -> None:
    """Run all sides in turns and write their best rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=300, help="decisions of a round")
    parser.add_argument("--serve", action="store_true", help="be the server")
    parser.add_argument("--measure", choices=SIDES, help="measure one side in this process, and print it")
    parser.add_argument("--base-url", default="")
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    if arguments.measure is not None:
        warm(arguments.base_url)
        print(json.dumps(asyncio.run(decide(arguments.measure, arguments.base_url, arguments.count))))
        return
    found = rounds_of(arguments.count, arguments.rounds)
    figures: dict[str, Any] = {
        side: {**min(rounds, key=lambda each: each["p50_ms"]), "rounds": rounds} for side, rounds in found.items()
    }
    figures["ldp_to_direct_p50"] = figures["ldp"]["p50_ms"] / figures["direct"]["p50_ms"]
    figures["first_decision_s"] = first_decision()
    write_result("llm_step", figures, arguments.out, packages=("ldp", "fhlmi", "litellm", "aiohttp", "httpx"))


if __name__ == "__main__":
    main()
