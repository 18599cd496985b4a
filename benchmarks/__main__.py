"""Runs every benchmark, each in a process of its own, one after the other: `python -m benchmarks [NAME …] [--quick]`.

Results go to benchmarks/results/NAME.json with machine and versions. A benchmark that fails is told at the end and
leaves its earlier result as it was. `--quick` makes them short enough to see that they run; its results are not kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import RESULTS, write_result

FULL: dict[str, list[str]] = {
    "rollouts": [],
    "tools": [],
    "http_environment": [],
    "rollout_manager": [],
    "trajectory_file": [],
    "record_cartpole": [],
    "store_write": [],
    "store_crash": [],
    "episode_size": [],
    "graph_memory": [],
    "llm_step": [],
    "local_player": [],
    "frame_view": [],
    "row_table": [],
    "first_paint": [],
    "engine_lanes": [],
    "play_session": [],
    "streaming_models": [],
    "store_scale": ["--db", "{scratch}/scale.db"],
    "library_scale": ["--db", "{scratch}/scale.db"],
}
QUICK: dict[str, list[str]] = {
    "rollouts": ["--rounds", "1", "--episodes", "100"],
    "tools": ["--rounds", "1", "--seconds", "0.1"],
    "http_environment": ["--rounds", "1", "--episodes", "160"],
    "rollout_manager": ["--rounds", "1", "--episodes", "50"],
    "trajectory_file": ["--rounds", "2", "--steps", "30"],
    "record_cartpole": ["--rounds", "1", "--steps", "2000"],
    "store_write": ["--steps", "2000"],
    "store_crash": ["--rounds", "2"],
    "episode_size": [],
    "graph_memory": ["--rounds", "1", "--count", "50"],
    "llm_step": ["--rounds", "1", "--count", "30"],
    "local_player": ["--rounds", "1", "--size", "tiny"],
    "frame_view": ["--rounds", "1", "--frames", "30"],
    "row_table": ["--rows", "10000", "--peer-rows", "500"],
    "first_paint": ["--rounds", "1"],
    "engine_lanes": ["--seconds", "2"],
    "play_session": ["--seconds", "3"],
    "streaming_models": ["--seconds", "3"],
    "store_scale": ["--db", "{scratch}/scale.db", "--episodes", "500", "--rounds", "2"],
    "library_scale": ["--db", "{scratch}/scale.db"],
}

PEERS: dict[str, tuple[str, ...]] = {
    "frame_view": ("textual", "textual-image"),
    "record_cartpole": ("gymnasium", "minari"),
    "row_table": ("textual",),
}
"""What is measured beside, for those that do not tell it themselves."""


def main() -> None:
    """Run what was asked for; exit status 1 if something failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *FULL], metavar="NAME", help=", ".join(FULL))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    chosen = QUICK if arguments.quick else FULL
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.names or list(chosen):
            started = time.perf_counter()
            out = Path(scratch) / f"{name}.json"
            options = [option.format(scratch=scratch) for option in chosen[name]]
            command = [sys.executable, "-m", f"benchmarks.{name}", *options, "--out", str(out)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode or not out.exists():
                failed.append(name)
                print(f"{name}: FAILED\n{done.stderr[-2000:]}", file=sys.stderr)
                continue
            print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
            if not arguments.quick:
                _keep(name, out)
    raise SystemExit(1 if failed else 0)


def _keep(name: str, out: Path) -> None:
    """Some tell figures alone; the others have said what they were measured on, and beside which versions."""
    told = json.loads(out.read_text(encoding="utf-8"))
    if isinstance(told, dict) and {"figures", "machine", "versions"} <= told.keys():
        (RESULTS / f"{name}.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    else:
        write_result(name, told if isinstance(told, dict) else {"rows": told}, packages=PEERS.get(name, ()))


if __name__ == "__main__":
    main()
