"""Environments over HTTP: one-step episodes (start, reset, step, close) over loopback, ours beside aviary's.

The same DummyEnv on both sides, one episode after the other. Server and client are processes of their own. All four
pairs of client and server are measured in turns; the best round of each counts, since other load only slows.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.report import write_result

CONCURRENT = 16


def serve_ours() -> None:
    """Our server of our DummyEnv; prints its address."""
    from ldp_tui import DummyEnv, TaskDataset
    from ldp_tui.adapters.serving.dataset_server import TaskDatasetServer
    from ldp_tui.web.running import bind, serve_until_interrupted, url_of

    class Dataset(TaskDataset[DummyEnv]):
        def get_new_env(self) -> DummyEnv:
            return DummyEnv()

    with bind("127.0.0.1", 0) as listening:
        print(url_of(listening), flush=True)
        serve_until_interrupted(TaskDatasetServer(Dataset()).app, listening)


def serve_theirs() -> None:
    """Aviary's server of its DummyEnv, run as its `astart` does, but as silent as ours; prints its address."""
    import uvicorn
    from aviary.core import TaskDataset, TaskDatasetServer

    from ldp_tui.web.running import bind, url_of

    server = TaskDatasetServer(TaskDataset.from_name("dummy"))
    with bind("127.0.0.1", 0) as listening:
        print(url_of(listening), flush=True)
        config = uvicorn.Config(server.app, log_level="warning", access_log=False)
        asyncio.run(uvicorn.Server(config).serve([listening]))


async def play_ours(url: str, episodes: int, concurrent: int) -> float:
    """Seconds that our client takes."""
    from ldp_tui import ToolCall, ToolRequestMessage
    from ldp_tui.adapters.serving.dataset_client import TaskDatasetClient

    client = TaskDatasetClient(url)
    action = ToolRequestMessage(tool_calls=[ToolCall.from_name("print_story", story="once upon a time")])
    return await timed(client.get_new_env, action, episodes, concurrent)


async def play_theirs(url: str, episodes: int, concurrent: int) -> float:
    """Seconds that aviary's client takes."""
    from aviary.core import TaskDatasetClient, ToolCall, ToolRequestMessage

    client = TaskDatasetClient(url)
    action = ToolRequestMessage(tool_calls=[ToolCall.from_name("print_story", story="once upon a time")])
    return await timed(client.get_new_env, action, episodes, concurrent)


async def timed(make: Callable[[], Any], action: Any, episodes: int, concurrent: int) -> float:
    """Seconds for as many one-step episodes, `concurrent` at a time; the first one is not counted."""

    async def episode() -> None:
        env = make()
        messages, tools = await env.reset()
        assert len(messages) == 1, messages
        assert len(tools) == 4, tools
        messages, reward, done, _ = await env.step(action)
        assert (len(messages), reward, done) == (1, 1.0, True), messages
        await env.close()

    async def several(count: int) -> None:
        for _ in range(count):
            await episode()

    await episode()
    started = time.perf_counter()
    await asyncio.gather(*(several(episodes // concurrent) for _ in range(concurrent)))
    return time.perf_counter() - started


SERVERS = {"ldp_tui": serve_ours, "aviary": serve_theirs}
CLIENTS = {"ldp_tui": play_ours, "aviary": play_theirs}


def rate(client: str, url: str, episodes: int, concurrent: int) -> float:
    """Episodes per second of a client in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.http_environment", "--client", client, "--url", url]
    command += ["--episodes", str(episodes), "--concurrent", str(concurrent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return episodes / float(done.stdout.split()[-1])


def main() -> None:
    """Run all pairs alternately and write the best rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--episodes", type=int, default=640)
    parser.add_argument("--concurrent", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--server", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    logging.disable(logging.WARNING)
    if arguments.server:
        SERVERS[arguments.server]()
        return
    if arguments.client:
        print(asyncio.run(CLIENTS[arguments.client](arguments.url, arguments.episodes, arguments.concurrent)))
        return
    write_result("http_environment", measured(arguments), arguments.out, packages=packages())


def measured(arguments: argparse.Namespace) -> dict[str, Any]:
    """Episodes per second of every pair, one at a time and several at once."""
    rounds: dict[str, dict[str, list[float]]] = {}
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-m", "benchmarks.http_environment", "--server", name], stdout=subprocess.PIPE, text=True
        )
        for name in SERVERS
    }
    try:
        urls = {name: process.stdout.readline().strip() for name, process in processes.items() if process.stdout}
        for _ in range(arguments.rounds):
            for client in CLIENTS:
                for server, url in urls.items():
                    for concurrent in (1, CONCURRENT):
                        episodes = arguments.episodes // (10 if client == "aviary" else 1)
                        pair = rounds.setdefault(f"client {client}, server {server}", {})
                        label = "one_at_a_time" if concurrent == 1 else f"{concurrent}_at_once"
                        pair.setdefault(label, []).append(
                            rate(client, url, max(episodes, concurrent) // concurrent * concurrent, concurrent)
                        )
    finally:
        for process in processes.values():
            process.terminate()
            process.communicate()
    best = {pair: {label: max(values) for label, values in rates.items()} for pair, rates in rounds.items()}
    ours, theirs = best["client ldp_tui, server ldp_tui"], best["client aviary, server aviary"]
    return {
        "unit": "one-step episodes per second",
        "best": best,
        "ratio": {label: ours[label] / theirs[label] for label in ours},
        "rounds": rounds,
    }


def packages() -> list[str]:
    """Those that decide how fast it is."""
    named = ("fhaviary", "aiohttp", "fastapi", "uvicorn", "httptools", "uvloop", "httpx-aiohttp", "pydantic")
    present = {distribution.metadata["Name"] for distribution in importlib.metadata.distributions()}
    return [name for name in named if name in present]


if __name__ == "__main__":
    main()
