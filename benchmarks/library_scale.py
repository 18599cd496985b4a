"""The Library screen on 100,000 episodes and 10 million steps: from a key to what it asks for on the screen, in ms.

Times include Textual, the reader threads and SQLite, measured with Textual's test driver at 120×40; beside them stands
the longest time that the screen's loop was held up. The limits (p95) are 500 ms to open and 50 ms for every page, sort
and filter; search, preview and seeking in a replay of about 100,000 steps are told without a limit. Pauses for the next
letter or row are not counted, but for the preview, where they are named.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.report import write_result
from benchmarks.store_scale import generate
from ldp_tui.datasets.selection import parse_selection
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import Sort
from ldp_tui.tui.screens.library import LibraryScreen
from ldp_tui.tui.screens.replay import ReplayScreen
from ldp_tui.tui.terminal import SWITCH_INTERVAL
from ldp_tui.tui.widgets.row_table import RowTable
from ldp_tui.tui.widgets.scrubber import Scrubber
from tests.tui.screen_app import ScreenApp

SIZE = (120, 40)
LIMITS_MS = {
    "open": 500.0,
    "page down": 50.0,
    "jump anywhere": 50.0,
    "sort": 50.0,
    "filter": 50.0,
    "clear filter": 50.0,
    "replay: start shown": 500.0,
}
FILTERS = (
    "env:env-07", "agent:agent-33", "env:env-07 agent:agent-33", "end:failed", "return>40", "return:40..60 env:env-1",
    "steps:90..110", "success:yes", "seed:77", "tag:keep", "env:env-0 end:terminated return:0..20", "return>1000000",
)  # fmt: skip
SEARCHES = ("needle", "traceback", "common", "traceback common", "traceback env:env-07", "nowhere")


class LoopWatch:
    """The longest time between two turns of the event loop."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            self.worst = max(self.worst, time.perf_counter() - before - 0.001)


async def until(true: Callable[[], object], seconds: float = 30) -> None:
    """Look every millisecond; looking all the time would take the interpreter from the reader threads."""
    deadline = time.perf_counter() + seconds
    while not true():
        if time.perf_counter() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.001)


class Measured:
    """Times of one kind of interaction."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    async def time(self, name: str, act: Callable[[], object], done: Callable[[], object]) -> None:
        before = time.perf_counter()
        result = act()
        if isinstance(result, Awaitable):
            await result
        await until(done)
        self.times.setdefault(name, []).append(1e3 * (time.perf_counter() - before))

    def summary(self) -> dict[str, dict[str, float]]:
        return {name: spread(times) for name, times in self.times.items()}


def spread(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {"n": len(ordered), "p50_ms": round(ordered[len(ordered) // 2], 1), "p95_ms": round(p95, 1),
            "max_ms": round(ordered[-1], 1)}  # fmt: skip


class Library:
    """The screen under test, and what the database says it has to show."""

    def __init__(self, screen: LibraryScreen, reader: Reader) -> None:
        self.screen, self.reader = screen, reader
        self.table = screen.query_one(RowTable)

    def cursor_is_read(self) -> bool:
        return self.table.row_at(self.table.cursor) is not None

    def shows(self, first: int | None, count: int) -> Callable[[], bool]:
        """Whether the list has this many rows and the given episode on top, painted."""

        def shown() -> bool:
            row = self.table.row_at(0)
            top = None if row is None else row[0]
            return self.table.row_count == count and (count == 0 or top == first)

        return shown

    async def answer(self, text: str, sort: Sort) -> tuple[int | None, int]:
        ids = await asyncio.to_thread(self.reader.episode_ids, parse_selection(text), sort)
        return (ids[0] if ids else None), len(ids)


async def open_library(db: Path, rounds: int, measured: Measured) -> None:
    for _ in range(rounds):
        screen = LibraryScreen(db)
        app = ScreenApp()
        async with app.run_test(size=SIZE):
            await measured.time("open", lambda a=app, s=screen: a.push_screen(s), lambda s=screen: _first_rows(s))


def forget_garbage() -> None:
    """What earlier apps of this process left behind does not slow down the next one: a user's process has one."""
    gc.collect()
    gc.freeze()


def _first_rows(screen: LibraryScreen) -> bool:
    tables = screen.query(RowTable)
    return bool(tables) and tables.first().row_at(0) is not None


async def use_library(db: Path, rounds: int, measured: Measured, watch: LoopWatch) -> None:
    dice = random.Random(0)
    screen = LibraryScreen(db)
    app = ScreenApp(screen)
    with Reader(db) as reader:
        async with app.run_test(size=SIZE) as pilot:
            library = Library(screen, reader)
            await until(lambda: _first_rows(screen))
            await pilot.pause(0.5)
            watching = asyncio.ensure_future(watch.watch())
            table = library.table
            for _ in range(rounds):
                await measured.time("page down", lambda: table.action_move_pages(1), library.cursor_is_read)
            for _ in range(rounds):
                row = dice.randrange(table.row_count)
                await measured.time("jump anywhere", lambda r=row: table.action_move_to(r), library.cursor_is_read)
            for key in [
                key for _ in range(max(1, rounds // 5)) for key in ("return", "steps", "cost", "env", "agent", "newest")
            ]:
                expected = await library.answer("", Sort(key))
                if screen._sort == Sort(key):
                    continue
                await measured.time("sort", lambda k=key: screen._sort_by(k), library.shows(*expected))
            line = screen.query_one("#filter")
            for kind, texts in (("filter", FILTERS), ("search", SEARCHES)):
                for text in [text for _ in range(max(1, rounds // len(texts))) for text in texts]:
                    for asked in (text, ""):
                        expected = await library.answer(asked, Sort())
                        line.value = asked
                        name = kind if asked else "clear filter"
                        await measured.time(name, screen._apply_filter, library.shows(*expected))
                        await pilot.pause(0.4)
            for _ in range(rounds):
                before = screen._pane.border_title
                table.action_move_to(dice.randrange(table.row_count))
                await measured.time(
                    "preview (waits 60 ms)", lambda: None, lambda b=before: screen._pane.border_title != b
                )
            watching.cancel()


def long_episode(db: Path, steps: int) -> None:
    generate(db, 1, steps, seed=1)


async def use_replay(db: Path, rounds: int, measured: Measured, watch: LoopWatch) -> int:
    dice = random.Random(0)
    with Reader(db) as reader:
        summary = reader.episodes().episodes[0]
    screen = ReplayScreen(db, summary.uid)
    app = ScreenApp()
    async with app.run_test(size=SIZE) as pilot:
        await measured.time("replay: start shown", lambda: app.push_screen(screen), lambda: _is_begun(screen))
        await measured.time("replay: whole line known", lambda: None, lambda: screen._last == summary.steps)
        await pilot.pause(0.5)
        watching = asyncio.ensure_future(watch.watch())
        for _ in range(rounds):
            position = dice.randrange(summary.steps)
            await measured.time(
                "replay: seek", lambda p=position: screen._seek(p), lambda p=position: _is_at(screen, p)
            )
        watching.cancel()
        assert screen.query_one(Scrubber).position
    return summary.steps


def _is_begun(screen: ReplayScreen) -> bool:
    return bool(screen._lanes[0].border_title)


def _is_at(screen: ReplayScreen, position: int) -> bool:
    return not screen._following and screen._shown == position


async def measure(db: Path, long: Path, rounds: int) -> dict[str, Any]:
    measured, lists, replay = Measured(), LoopWatch(), LoopWatch()
    await open_library(db, max(3, rounds // 4), measured)
    forget_garbage()
    await use_library(db, rounds, measured, lists)
    forget_garbage()
    steps = await use_replay(long, rounds, measured, replay)
    figures = measured.summary()
    above = {name: figures[name] for name, limit in LIMITS_MS.items() if figures[name]["p95_ms"] > limit}
    with Reader(db) as reader:
        return {
            "episodes": reader.count(),
            "steps": sum(line.steps for line in reader.rollup()),
            "long_episode_steps": steps,
            "limits_of_p95_ms": LIMITS_MS,
            "above_the_limit": above,
            "interactions": figures,
            "longest_hold_of_the_loop_ms": {
                "library": round(1e3 * lists.worst, 1), "replay": round(1e3 * replay.worst, 1)
            },
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=100, help="mean steps of an episode")
    parser.add_argument("--long", type=int, default=100_000, help="mean steps of the long episode")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--db", type=Path, help="use (or create and keep) this database")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = options.db or Path(folder) / "scale.db"
        if not db.exists():
            generate(db, options.episodes, options.steps, seed=0)
        long = Path(folder) / "long.db"
        long_episode(long, options.long)
        sys.setswitchinterval(SWITCH_INTERVAL)
        figures = asyncio.run(measure(db, long, options.rounds))
    path = write_result("library_scale", figures, options.out, packages=["textual"])
    print(path.read_text())
    if figures["above_the_limit"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
