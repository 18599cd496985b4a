"""RowTable over a million rows in SQLite, beside Textual's DataTable with fewer, as it must hold them all.

Times run from the key or call until the terminal's screen shows the rows asked for, with Textual's test driver, at
120×40. The peer's rows are as many as `--peer-rows`: its time grows with them.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import json
import os
import platform
import random
import resource
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.widgets import DataTable

sys.path.insert(0, str(Path(__file__).parents[1]))

from ldp_tui.tui.widgets.row_table import Cell, Column, RowTable

SIZE = (120, 40)
COLUMNS = (
    Column("id", "id", 9, align="right"),
    Column("episode", "episode", 9, align="right"),
    Column("t", "t", 6, align="right"),
    Column("action", "action", 12, grow=True),
    Column("reward", "reward", 10, align="right"),
    Column("tokens", "tokens", 8, align="right"),
)


class Steps:
    """A table of steps; its connection belongs to the thread that reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.local = threading.local()

    @property
    def database(self) -> sqlite3.Connection:
        if not hasattr(self.local, "database"):
            self.local.database = sqlite3.connect(self.path)
        return self.local.database

    def count(self) -> int:
        return self.database.execute("select count(*) from step").fetchone()[0]

    def rows(self, start: int, stop: int) -> Sequence[Sequence[Cell]]:
        query = "select id, episode, t, action, reward, tokens from step where id > ? order by id limit ?"
        return self.database.execute(query, (start, stop - start)).fetchall()


def fill(path: Path, rows: int) -> None:
    with sqlite3.connect(path) as database:
        database.execute(
            "create table step(id integer primary key, episode int, t int, action text, reward real, tokens int)"
        )
        database.executemany("insert into step values(?, ?, ?, ?, ?, ?)", map(step, range(1, rows + 1)))


def step(number: int) -> tuple[int, int, int, str, float, int]:
    return number, number // 200, number % 200, ("left", "right", "noop")[number % 3], round(number % 97 / 97, 3), 77


class Windowed(App[None]):
    def __init__(self, source: Steps) -> None:
        super().__init__()
        self.source = source

    def compose(self) -> ComposeResult:
        yield RowTable(COLUMNS, self.source)


class Whole(App[None]):
    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")


def shows(app: App[None], number: int) -> bool:
    return any(f" {number} " in strip.text for strip in app.screen._compositor.render_strips())


async def shown(pilot: Any, number: int, started: float) -> float:
    """Milliseconds from `started` until a row's number is on the screen."""
    while not shows(pilot.app, number):
        if time.perf_counter() - started > 120:
            raise TimeoutError(f"row {number} never came")
        await asyncio.sleep(0.001)
    return (time.perf_counter() - started) * 1e3


async def measure_window(path: Path, rows: int) -> dict[str, float]:
    memory = megabytes()
    started = time.perf_counter()
    app = Windowed(Steps(path))
    async with app.run_test(size=SIZE) as pilot:
        figures = {"mount_ms": await shown(pilot, 1, started)}
        table = app.query_one(RowTable)
        table.focus()
        started = time.perf_counter()
        await pilot.press("G")
        figures["jump_to_end_ms"] = await shown(pilot, rows, started)
        chance = random.Random(0)
        jumps = []
        for _ in range(50):
            row = chance.randrange(rows)
            started = time.perf_counter()
            table.cursor = row
            jumps.append(await shown(pilot, row + 1, started))
        figures["random_jump_ms_median"] = statistics.median(jumps)
        figures["random_jump_ms_p95"] = statistics.quantiles(jumps, n=20)[-1]
        figures["page_down_ms"] = await pages(pilot, lambda: table.row_count)
        figures["added_mb"] = megabytes() - memory
    return figures


async def measure_whole(rows: int) -> dict[str, float]:
    memory = megabytes()
    app = Whole()
    async with app.run_test(size=SIZE) as pilot:
        table = app.query_one(DataTable)
        started = time.perf_counter()
        table.add_columns(*(column.title for column in COLUMNS))
        table.add_rows(map(step, range(1, rows + 1)))
        figures = {"mount_ms": await shown(pilot, 1, started)}
        table.focus()
        started = time.perf_counter()
        await pilot.press("ctrl+end")
        figures["jump_to_end_ms"] = await shown(pilot, rows, started)
        figures["page_down_ms"] = await pages(pilot, lambda: table.row_count)
        figures["added_mb"] = megabytes() - memory
    return figures


async def pages(pilot: Any, row_count: Callable[[], int]) -> float:
    """Milliseconds for a page key, over ten, from the top."""
    assert row_count()
    await pilot.press("ctrl+home" if isinstance(pilot.app, Whole) else "g")
    started = time.perf_counter()
    for _ in range(10):
        await pilot.press("pagedown")
    return (time.perf_counter() - started) * 100


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=20_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "steps.db"
        fill(path, options.rows)
        windowed = asyncio.run(measure_window(path, options.rows))
    whole = asyncio.run(measure_whole(options.peer_rows))
    text = json.dumps(
        {
            "machine": {"cpus": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version()},
            "versions": {"textual": importlib.metadata.version("textual"), "sqlite": sqlite3.sqlite_version},
            "RowTable": {"rows": options.rows, **rounded(windowed)},
            "DataTable": {"rows": options.peer_rows, **rounded(whole)},
        },
        indent=2,
    )
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n")


def rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in figures.items()}


if __name__ == "__main__":
    main()
