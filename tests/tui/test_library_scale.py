"""Long lists and long episodes; their times are measured by benchmarks/library_scale.py."""

from pathlib import Path

import pytest
from textual.widgets import Input

from benchmarks.store_scale import generate
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeFilter, Sort
from ldp_tui.tui.screens.library import LibraryScreen
from ldp_tui.tui.screens.replay import ReplayScreen
from ldp_tui.tui.widgets.row_table import RowTable
from tests.tui.watching import watch

pytestmark = pytest.mark.slow


async def test_twenty_thousand_episodes(tmp_path: Path) -> None:
    """The end, any order and any filter are there, of which only the pages looked at are read."""
    generate(tmp_path / "ldp.db", 20_000, 5, seed=0)
    with Reader(tmp_path / "ldp.db") as reader:
        async with watch(LibraryScreen(tmp_path / "ldp.db")) as screen:
            table = screen.find(RowTable)
            await screen.until_shown("20,000 episodes")
            await screen.press("end")
            await screen.until(lambda: (table.row_at(19_999) or [0])[0] == 1)
            await screen.press("s", *"return", "enter")
            best = reader.episode_ids(EpisodeFilter(), Sort("return"))
            await screen.until(lambda: (table.row_at(0) or [0])[0] == best[0])
            assert table.row_at(10_000) is None
            screen.find(Input).value = "env:env-07 needle*"
            matching = reader.episode_ids(EpisodeFilter(envs=("env-07",), words=("needle*",)), Sort("return"))
            await screen.until_shown(f"{len(matching):,} of 20,000 episodes")


async def test_hundred_thousand_steps(tmp_path: Path) -> None:
    """The start is shown at once, and any step can be gone to."""
    generate(tmp_path / "ldp.db", 1, 100_000, seed=1)
    with Reader(tmp_path / "ldp.db") as reader:
        summary = reader.episodes().episodes[0]
        returns = reader.timeline(summary.uid).returns
    async with watch(ReplayScreen(tmp_path / "ldp.db", summary.uid)) as screen:
        await screen.until_shown(f"0/{summary.steps}")
        for key, position in (("5", round(summary.steps / 2)), ("end", summary.steps)):
            await screen.press(key)
            await screen.until_shown(
                f"{position}/{summary.steps}", f"step {position:,}   return {returns[position - 1]:>8,.2f}"
            )
