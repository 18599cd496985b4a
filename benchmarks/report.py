"""One JSON file per benchmark: figures, machine, versions."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sqlite3
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def write_result(
    name: str, figures: Mapping[str, Any], out: Path | None = None, *, packages: Iterable[str] = ()
) -> Path:
    """Write `figures` with what they were measured on; the default place is benchmarks/results/NAME.json."""
    path = out or RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"benchmark": name, "figures": dict(figures), "machine": machine(), "versions": versions(packages)}
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return path


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, load and time."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "load": os.getloadavg(),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def versions(packages: Iterable[str] = ()) -> dict[str, str]:
    """Python, SQLite, this package with its commit, and the named packages."""
    told = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "commit": _commit()}
    for package in ("ldp-tui", *packages):
        try:
            told[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            told[package] = "not installed"
    return told


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _commit() -> str:
    command = ["git", "-C", str(RESULTS.parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
