"""Steps per second while recording CartPole: `RecordEpisodes` into SQLite beside Minari's `DataCollector`, same loop.

The sides take turns, each in a fresh process. `RecordEpisodes` appends each step durably (group commit,
synchronous=FULL) and its time ends when all is on disk; Minari collects in memory, writes at the end of each episode,
and its time ends when `create_dataset` returns. Each side counts afterwards that no step is missing. Minari needs
`pip install 'minari[create,hdf5]'`, here or in the environment of `--peer-python`; without it only ours is measured.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import gymnasium

PACKAGES = ("gymnasium", "numpy", "minari", "h5py")


def at_random(rng: random.Random, observation) -> int:
    """Episodes of about 22 steps."""
    return rng.getrandbits(1)


def balancing(rng: random.Random, observation) -> int:
    """Episodes of 500 steps."""
    return int(observation[2] + 0.5 * observation[3] > 0)


POLICIES = {"random": at_random, "balancing": balancing}


def play(env: gymnasium.Env, policy: str, steps: int) -> tuple[float, float]:
    """Play; wall and CPU clock when the first step started."""
    choose, rng = POLICIES[policy], random.Random(0)
    observation, _ = env.reset(seed=0)
    started = time.perf_counter(), time.process_time()
    for _ in range(steps):
        observation, _, terminated, truncated, _ = env.step(choose(rng, observation))
        if terminated or truncated:
            observation, _ = env.reset()
    return started


def figures(steps: int, started: tuple[float, float], looped: float) -> dict[str, float]:
    now, cpu = time.perf_counter(), time.process_time()
    return {
        "loop": steps / (looped - started[0]),
        "until_stored": steps / (now - started[0]),
        "cpu_us_per_step": (cpu - started[1]) / steps * 1e6,
    }


def bare(policy: str, steps: int, folder: Path) -> dict[str, float]:
    started = play(gymnasium.make("CartPole-v1"), policy, steps)
    return figures(steps, started, time.perf_counter())


def ours(policy: str, steps: int, folder: Path) -> dict[str, float]:
    from ldp_tui.adapters.gymnasium_record import RecordEpisodes

    path = folder / "record.db"
    env = RecordEpisodes(gymnasium.make("CartPole-v1"), db=path)
    started = play(env, policy, steps)
    looped = time.perf_counter()
    env.flush()
    result = figures(steps, started, looped)
    env.close()
    with sqlite3.connect(path) as database:
        (kept,) = database.execute("select count(*) from step where t > 0").fetchone()
    if kept != steps:
        sys.exit(f"{steps - kept} of {steps} steps are not in the database.")
    return result


def minari_collector(policy: str, steps: int, folder: Path) -> dict[str, float]:
    os.environ["MINARI_DATASETS_PATH"] = str(folder)
    import minari

    env = minari.DataCollector(gymnasium.make("CartPole-v1"))
    started = play(env, policy, steps)
    looped = time.perf_counter()
    dataset = env.create_dataset("bench/cartpole-v0")
    result = figures(steps, started, looped)
    if int(dataset.total_steps) != steps:
        sys.exit(f"Minari kept {dataset.total_steps} of {steps} steps.")
    return result


SIDES = {"gymnasium": bare, "ldp-tui": ours, "minari": minari_collector}


def measure(side: str, python: str, policy: str, steps: int) -> dict[str, float]:
    command = [python, __file__, "--side", side, "--policy", policy, "--steps", str(steps)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--policy", choices=POLICIES, default="random", help="with --side")
    parser.add_argument("--side", choices=SIDES, help="measure one side in this process, and print its figures")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.side:
        warnings.simplefilter("ignore")
        with tempfile.TemporaryDirectory() as folder:
            figured = SIDES[options.side](options.policy, options.steps, Path(folder))
            print(json.dumps({**figured, "versions": {name: version(name) for name in PACKAGES}}))
        return
    pythons = {"gymnasium": sys.executable, "ldp-tui": sys.executable, "minari": options.peer_python}
    has_peer = subprocess.run([options.peer_python, "-c", "import jax, minari, h5py"], capture_output=True, check=False)
    if has_peer.returncode:
        print("Minari with its collector is not installed; only our side is measured.", file=sys.stderr)
        del pythons["minari"]
    result: dict[str, object] = {
        "machine": {"cpus": os.cpu_count(), "load_before": os.getloadavg()[0], "python": platform.python_version()},
        "steps": options.steps,
        "rounds": options.rounds,
    }
    for policy in POLICIES:
        runs: dict[str, list[dict]] = {side: [] for side in pythons}
        for _ in range(options.rounds):
            for side, python in pythons.items():
                runs[side].append(measure(side, python, policy, options.steps))
        result[policy] = summary(runs)
        result["versions"] = {"sqlite": sqlite3.sqlite_version, **next(reversed(runs.values()))[0]["versions"]}
    text = json.dumps(result, indent=2)
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n")


def summary(runs: dict[str, list[dict]]) -> dict[str, object]:
    """Medians of each side, and how many times the peer's steps per second ours are, round by round."""
    names = ("loop", "until_stored", "cpu_us_per_step")
    result: dict[str, object] = {
        side: {name: round(statistics.median(run[name] for run in measured), 1) for name in names}
        for side, measured in runs.items()
    }
    if "minari" in runs:
        pairs = list(zip(runs["ldp-tui"], runs["minari"], strict=True))
        ratios = [mine["until_stored"] / peer["until_stored"] for mine, peer in pairs]
        named = {"median": statistics.median(ratios), "best": max(ratios), "worst": min(ratios)}
        result["times_minari"] = {name: round(ratio, 2) for name, ratio in named.items()}
    return result


def version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
