"""How the screens look. Update with `pytest tests/tui/test_snapshots.py --snapshot-update`, and look at the report."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual import __version__ as textual_version
from textual.pilot import Pilot
from textual.widgets import Input

from ldp_tui.play.messages import Oversight
from ldp_tui.tui.preferences import Preferences, preferences_path, save_preferences
from ldp_tui.tui.readiness import Fact
from ldp_tui.tui.screens.dialogs import Trouble, TroubleDialog
from ldp_tui.tui.screens.home import HomeScreen
from tests.tui.app_pilot import SIZES, Stage, session, shown, until
from tests.tui.fake_engine import ended, proposed, stepped, thinking

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or textual_version != "8.2.8", reason="the pictures were made by other versions"
)
DB = Path("recordings/none.db")
FACTS = [Fact("gymnasium 1.4.0", present=True), Fact("no API key set", present=False)]
Compare = Callable[..., bool]


def quiet_home(stage: Stage) -> Stage:
    """Home on a machine that is the same everywhere."""
    stage.app.db = DB
    stage.app.get_default_screen = lambda: HomeScreen(  # type: ignore[method-assign]
        stage.app.preferences, DB, facts=lambda: FACTS
    )
    return stage


def blackjack(stage: Stage) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """A person who waits beside an agent that has drawn a card and thinks."""

    async def play(pilot: Pilot[Any]) -> None:
        engine = stage.engine
        engine.hand(0, human=True)
        engine.hand(1)
        engine.event(1, proposed(0, "hit", {"stick": 0.25, "hit": 0.75}))
        engine.event(1, stepped(0, "hit"))
        engine.event(1, thinking(1, "Fifteen against a ten: hitting loses less often."))
        engine.phase(1, "agent thinking", 3.2)
        await until(pilot, lambda: "seed 7" in shown(pilot.app) and "waiting for you" in shown(pilot.app))
        await pilot.pause(0.6)

    return play


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_home(tmp_path: Path, snap_compare: Compare, size: tuple[int, int]):
    """Start, next game, recent episodes, what the machine has."""

    async def settle(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "gymnasium" in shown(pilot.app) and "Nothing recorded" in shown(pilot.app))
        if size[1] >= 30:
            await until(pilot, lambda: "You, by keys" in shown(pilot.app))

    assert snap_compare(quiet_home(Stage(tmp_path)).app, terminal_size=size, run_before=settle)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_play(tmp_path: Path, snap_compare: Compare, size: tuple[int, int]):
    """Two lanes, or one with tabs where only one fits."""
    stage = Stage(tmp_path, session=session("human", "optimal"))
    assert snap_compare(stage.app, terminal_size=size, run_before=blackjack(stage))


def overseen(stage: Stage) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """A model that waits with its proposal."""

    async def ask(pilot: Pilot[Any]) -> None:
        engine = stage.engine
        engine.hand(0)
        engine.event(0, thinking(0, "Eleven against a ten: one card cannot bust me, so I hit."))
        engine.event(0, proposed(0, "hit", {"stick": 0.25, "hit": 0.75}))
        engine.report(Oversight(0, "optimal", approving=True, waits="approval"))
        engine.phase(0, "waiting for approval")
        await until(pilot, lambda: "Waits for you" in shown(pilot.app))
        await pilot.pause(0.6)

    return ask


@pytest.mark.parametrize("size", SIZES[:2], ids="{0[0]}x{0[1]}".format)
def test_approval(tmp_path: Path, snap_compare: Compare, size: tuple[int, int]):
    """What is proposed and why, what can be answered, and what could be played instead."""
    stage = Stage(tmp_path, session=session("optimal"))
    assert snap_compare(stage.app, terminal_size=size, run_before=overseen(stage))


@pytest.mark.parametrize("theme", ["ldp-light", "ldp-contrast"])
def test_play_in_other_themes(tmp_path: Path, snap_compare: Compare, theme: str):
    """The same in light and in high contrast."""
    save_preferences(Preferences(theme=theme), preferences_path())
    stage = Stage(tmp_path, session=session("human", "optimal"))
    assert snap_compare(stage.app, terminal_size=(120, 40), run_before=blackjack(stage))


@pytest.mark.parametrize("size", SIZES[:2], ids="{0[0]}x{0[1]}".format)
def test_tools(tmp_path: Path, snap_compare: Compare, size: tuple[int, int]):
    """The conversation and the form."""
    stage = Stage(tmp_path, session=session("human", environment="calculator"))

    async def play(pilot: Pilot[Any]) -> None:
        stage.engine.question(0)
        stage.engine.event(0, stepped(0, "6 * 7", 0.0, "42"))
        stage.engine.event(0, stepped(1, "41", -1.0, "41 is not correct."))
        await until(pilot, lambda: "not correct" in shown(pilot.app) and "Send" in shown(pilot.app))
        for field in pilot.app.screen.query(Input):
            field.cursor_blink = False
        await pilot.pause(0.6)

    assert snap_compare(stage.app, terminal_size=size, run_before=play)


@pytest.mark.parametrize("size", SIZES[:2], ids="{0[0]}x{0[1]}".format)
def test_result(tmp_path: Path, snap_compare: Compare, size: tuple[int, int]):
    """How each lane ended, and what comes next, where the actions were."""
    stage = Stage(tmp_path, session=session("human", "optimal"))

    async def play(pilot: Pilot[Any]) -> None:
        for lane, (reward, won) in enumerate(((1.0, True), (-1.0, False))):
            stage.engine.hand(lane, human=lane == 0)
            stage.engine.event(lane, stepped(0, "stick", reward, over=True))
            stage.engine.event(lane, ended(reward, 1, success=won))
        await until(pilot, lambda: "Result" in shown(pilot.app))
        await pilot.pause(0.6)

    assert snap_compare(stage.app, terminal_size=size, run_before=play)


def test_help(tmp_path: Path, snap_compare: Compare):
    """Keys of Play, of the app, and its parts."""
    stage = Stage(tmp_path, session=session("optimal"))
    assert snap_compare(stage.app, terminal_size=(120, 40), press=["f1"])


def test_trouble(tmp_path: Path, snap_compare: Compare):
    """What, why, what to do."""
    stage = quiet_home(Stage(tmp_path))

    async def show(pilot: Pilot[Any]) -> None:
        trouble = Trouble("The engine died", "The engine was ended by SIGSEGV.", "Every step shown is recorded.")
        await pilot.app.push_screen(TroubleDialog(trouble, ways=("Stay", "Start again", "Home")))
        await until(pilot, lambda: "SIGSEGV" in shown(pilot.app) and "gymnasium" in shown(pilot.app))

    assert snap_compare(stage.app, terminal_size=(80, 24), run_before=show)
