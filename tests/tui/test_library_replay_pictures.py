import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual import __version__ as textual_version
from textual.pilot import Pilot
from textual.screen import Screen

from ldp_tui.tui.screens.library import LibraryScreen
from ldp_tui.tui.screens.replay import ReplayScreen
from tests.tui.recordings import build, uid
from tests.tui.screen_app import ScreenApp, rows_of

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or textual_version != "8.2.8", reason="the pictures were made by other versions"
)
SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("pictures") / "ldp.db")


@pytest.fixture(autouse=True)
def _one_place_and_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same local time everywhere, and no colours taken away."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def still(pilot: Pilot[None], shown: str) -> None:
    """Wait until `shown` is on the screen and nothing moves any more."""
    for _ in range(500):
        await pilot.pause(0.02)
        if any(shown in row for row in rows_of(pilot.app)):
            break
    before: list[str] = []
    while before != (now := rows_of(pilot.app)):
        before = now
        await pilot.pause(0.4)


def looks(snap_compare: Any, screen: Screen[Any], size: tuple[int, int], *steps: tuple[str, tuple[str, ...]]) -> bool:
    """Compare the picture after `steps`: a text to wait for, then keys to press."""

    async def play(pilot: Pilot[None]) -> None:
        for shown, keys in steps:
            await still(pilot, shown)
            await pilot.press(*keys)

    same: bool = snap_compare(ScreenApp(screen), terminal_size=size, run_before=play)
    return same


@pytest.mark.parametrize("size", SIZES)
def test_library(snap_compare: Any, db: Path, size: tuple[int, int]) -> None:
    """List, preview and keys, in the three layouts."""
    assert looks(snap_compare, LibraryScreen(db), size, ("first observation", ()))


@pytest.mark.parametrize("size", SIZES)
def test_replay(snap_compare: Any, db: Path, size: tuple[int, int]) -> None:
    """Picture, words, curve, steps and the line with its marks."""
    assert looks(snap_compare, ReplayScreen(db, uid(8)), size, ("0/118", ("5",)), ("59/118", ()))


def test_replay_of_a_conversation(snap_compare: Any, db: Path) -> None:
    """Hostile text is text."""
    assert looks(snap_compare, ReplayScreen(db, uid(2)), (80, 24), ("0/2", ("end",)), ("2/2", ()))


def test_two_side_by_side(snap_compare: Any, db: Path) -> None:
    """Both lanes at the same step."""
    assert looks(
        snap_compare, ReplayScreen(db, uid(5), uid(1)), (120, 40), ("0/64", ("right", "shift+right")), ("11/64", ())
    )


def test_library_without_episodes(snap_compare: Any, tmp_path: Path) -> None:
    """What to do first."""
    assert looks(snap_compare, LibraryScreen(tmp_path / "none.db"), (80, 24), ("No episodes yet", ()))
