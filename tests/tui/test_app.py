import time
from pathlib import Path

import pytest

from ldp_tui.tui.preferences import Preferences, load_preferences, preferences_path, save_preferences
from ldp_tui.tui.screens.dialogs import ConfirmDialog, Trouble, TroubleDialog
from ldp_tui.tui.screens.home import HomeScreen
from ldp_tui.tui.screens.notice import TooSmallNotice
from ldp_tui.tui.themes import DEFAULT_THEME, THEMES
from tests.tui.app_pilot import Stage, running, session, shown, until


async def test_theme_is_remembered(tmp_path: Path):
    """A choice is written at once and used at the next start."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        assert stage.app.theme == DEFAULT_THEME
        stage.app.theme = "nord"
        await until(pilot, lambda: load_preferences(preferences_path()).theme == "nord")
    again = Stage(tmp_path)
    async with running(again):
        assert again.app.theme == "nord"


@pytest.mark.parametrize("theme", [*(theme.name for theme in THEMES), "textual-ansi", "solarized-light", "gruvbox"])
async def test_every_theme_paints(tmp_path: Path, theme: str):
    """The app's own colour names exist in any theme."""
    save_preferences(Preferences(theme=theme), preferences_path())
    stage = Stage(tmp_path, session=session("human"))
    async with running(stage) as pilot:
        stage.engine.hand(0, human=True)
        await until(pilot, lambda: "[h] hit" in shown(pilot.app))


async def test_preferences_that_cannot_be_read(tmp_path: Path):
    """The app starts with its defaults and says so."""
    preferences_path().write_text("theme = [oops")
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        await until(pilot, lambda: "Preferences not read" in shown(pilot.app))
        assert stage.app.theme == DEFAULT_THEME


async def test_theme_that_no_longer_exists(tmp_path: Path):
    """The default is used."""
    save_preferences(Preferences(theme="gone"), preferences_path())
    stage = Stage(tmp_path)
    async with running(stage):
        assert stage.app.theme == DEFAULT_THEME


async def test_no_color(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Everything is still there."""
    monkeypatch.setenv("NO_COLOR", "1")
    stage = Stage(tmp_path, session=session("human"))
    async with running(stage) as pilot:
        stage.engine.hand(0, human=True)
        await until(pilot, lambda: "[h] hit" in shown(pilot.app))


async def test_too_small_and_back(tmp_path: Path):
    """A notice says what is needed, and goes when there is room; what was open is still open."""
    stage = Stage(tmp_path)
    async with running(stage, (80, 24)) as pilot:
        await pilot.resize_terminal(50, 15)
        await until(pilot, lambda: isinstance(stage.app.screen, TooSmallNotice) and "60×18" in shown(pilot.app))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: isinstance(stage.app.screen, HomeScreen))


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40), (220, 60)])
async def test_home_at_every_size(tmp_path: Path, size: tuple[int, int]):
    """Start, the next game and the footer are on the screen."""
    stage = Stage(tmp_path)
    async with running(stage, size) as pilot:
        await until(pilot, lambda: "Play" in shown(pilot.app).splitlines()[-1])
        text = shown(pilot.app)
        assert "Start" in text
        assert "Demo" in text
        assert "environment" in text


async def test_help_is_generated(tmp_path: Path):
    """It lists the keys of the screen below it and of the app, and explains the parts."""
    stage = Stage(tmp_path, session=session("optimal"))
    async with running(stage, (120, 60)) as pilot:
        await pilot.press("f1")
        await until(pilot, lambda: "Help · play" in shown(pilot.app))
        text = shown(pilot.app)
        assert "Shorter waits between steps." in text
        assert "f12" in text
        assert "Step log." in text
        await pilot.press("escape")
        await until(pilot, lambda: "optimal · Blackjack-v1" in shown(pilot.app))


async def test_palette_offers_what_can_be_done(tmp_path: Path):
    """Replaying is not offered while the episode runs; pausing is, and works from there."""
    stage = Stage(tmp_path, session=session("optimal"))
    async with running(stage) as pilot:
        stage.engine.hand(0)
        await pilot.press("ctrl+p")
        await pilot.press(*"pause")
        await until(pilot, lambda: "Hold all players" in shown(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: any(type(command).__name__ == "Pause" for command in stage.engine.sent))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: "Slower" in shown(pilot.app))
        assert "Look at the finished episode" not in shown(pilot.app)


async def test_engine_log_grows(tmp_path: Path):
    """Lines that come while it is open appear."""
    stage = Stage(tmp_path, session=session("optimal"))
    async with running(stage) as pilot:
        stage.engine.log.add("warning", "first line")
        await pilot.press("f12")
        await until(pilot, lambda: "warning first line" in shown(pilot.app))
        stage.engine.log.add("output", "second line")
        await until(pilot, lambda: "second line" in shown(pilot.app))


async def test_trouble_dialog(tmp_path: Path):
    """Escape takes the harmless way; text of others is not interpreted."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        chosen: list[str | None] = []
        trouble = Trouble("It [b]failed[/b]", "because of [red]this[/red]", "do that")
        await stage.app.push_screen(TroubleDialog(trouble, ways=("Stay", "Go")), chosen.append)
        await until(pilot, lambda: "It [b]failed[/b]" in shown(pilot.app))
        assert "because of [red]this[/red]" in shown(pilot.app)
        await pilot.press("escape")
        await until(pilot, lambda: chosen == ["Stay"])


@pytest.mark.parametrize(("keys", "answer"), [(["enter"], False), (["escape"], False), (["y"], True), (["n"], False)])
async def test_confirmation(tmp_path: Path, keys: list[str], answer: bool):
    """The focus is on No, so Enter alone destroys nothing."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        answers: list[bool | None] = []
        await stage.app.push_screen(ConfirmDialog("Delete?", "3 episodes"), answers.append)
        await pilot.press(*keys)
        await until(pilot, lambda: answers == [answer])


async def test_quit_with_an_engine_that_does_not_end(tmp_path: Path):
    """The app leaves within its limit all the same."""
    stage = Stage(tmp_path, session=session("optimal"), close_seconds=30)
    async with running(stage) as pilot:
        started = time.monotonic()
        await pilot.press("ctrl+q")
        await until(pilot, lambda: not stage.app.is_running)
    assert time.monotonic() - started < 2.5
