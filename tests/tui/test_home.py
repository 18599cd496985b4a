import subprocess
import sys
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from ldp_tui.play.messages import Start
from ldp_tui.play.session_spec import LaneSpec
from ldp_tui.tui.preferences import load_preferences, preferences_path
from ldp_tui.tui.requests import Game
from ldp_tui.tui.screens.dialogs import Picker
from ldp_tui.tui.screens.home import HomeScreen
from ldp_tui.tui.widgets.pick_field import PickField
from tests.tui.app_pilot import Stage, running, shown, until


def lanes(stage: Stage) -> tuple[LaneSpec, ...]:
    start = stage.engine.sent[0]
    assert isinstance(start, Start)
    return start.session.lanes


async def test_demo(tmp_path: Path):
    """A person beside the bundled language model at Blackjack, recorded."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        await pilot.press("d")
        await until(pilot, lambda: stage.engines)
        assert lanes(stage) == (LaneSpec("Blackjack-v1", "human"), LaneSpec("Blackjack-v1", "tiny"))
        start = stage.engine.sent[0]
        assert isinstance(start, Start)
        assert start.session.db == str(tmp_path / "test.db")


async def test_menu_by_mouse_and_enter(tmp_path: Path):
    """A click on a line and Enter do the same as its key."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: stage.engines)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(stage.app.screen, HomeScreen))
        await pilot.click("#menu", offset=(4, 2))
        await until(pilot, lambda: len(stage.engines) == 2)


async def test_game_of_ones_own(tmp_path: Path):
    """Environment, players, seed and limit are what is played, and all but the seed is remembered."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(stage.app.screen, Picker))
        await pilot.press(*"lake8", "enter")
        await until(pilot, lambda: isinstance(stage.app.screen, HomeScreen))
        home = stage.app.screen
        home.query_one("#player-2", PickField).value = "random"
        home.query_one("#seed", Input).value = "41"
        home.query_one("#steps", Input).value = "9"
        home.query_one("#menu").focus()
        await pilot.press("p")
        await until(pilot, lambda: stage.engines)
        assert lanes(stage) == (LaneSpec("FrozenLake8x8-v1", "human"), LaneSpec("FrozenLake8x8-v1", "random"))
        start = stage.engine.sent[0]
        assert isinstance(start, Start)
        assert (start.session.seed, start.session.max_steps) == (41, 9)
    kept = load_preferences(preferences_path())
    assert (kept.environment, kept.players, kept.max_steps) == ("FrozenLake8x8-v1", ("human", "random"), 9)


async def test_picker_finds_by_summary_and_takes_what_is_typed(tmp_path: Path):
    """A word of the summary finds an environment; options after a comma are kept as typed."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(stage.app.screen, Picker))
        await pilot.press(*"dealer")
        await until(pilot, lambda: "Blackjack-v1" in shown(pilot.app))
        stage.app.screen.query_one(Input).value = "FrozenLake-v1,is_slippery=false"
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, HomeScreen))
        assert stage.app.screen.query_one("#environment", PickField).value == "FrozenLake-v1,is_slippery=false"


async def test_picker_refuses_what_is_no_environment(tmp_path: Path):
    """What was chosen before stays, and the nearest name is offered."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        before = stage.app.screen.query_one("#environment", PickField).value
        await pilot.press("e")
        await until(pilot, lambda: isinstance(stage.app.screen, Picker))
        stage.app.screen.query_one(Input).value = "Blackjak,sab=true"
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: "Did you mean" in shown(pilot.app))
        assert stage.app.screen.query_one("#environment", PickField).value == before


async def test_environment_that_needs_an_extra(tmp_path: Path):
    """It is listed with what it needs, and cannot be chosen."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(stage.app.screen, Picker))
        await pilot.press(*"tabular")
        await until(pilot, lambda: "needs gymnasium[jax]" in shown(pilot.app))
        options = stage.app.screen.query_one(OptionList).options
        assert all(option.disabled for option in options if (option.id or "").startswith("tabular/"))


async def test_own_file_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The list is there at once; then the file says why, whole and with its line, and cannot be chosen any more."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "mine-good.py").write_text('"""Works."""\ndef make(): ...\n')
    (folder / "mine-needy.py").write_text('"""Needs."""\n\nimport ldp_tui_no_such_module\ndef make(): ...\n')
    monkeypatch.setenv("LDP_TUI_ENVS", str(folder))
    stage = Stage(tmp_path)
    async with running(stage, (80, 24)) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(stage.app.screen, Picker))
        await pilot.press(*"mine-")
        await until(pilot, lambda: "mine-needy.py:3: ModuleNotFoundError" in shown(pilot.app), tries=1000)
        assert "'ldp_tui_no_such_module'" in shown(pilot.app)
        options = {option.id: option for option in stage.app.screen.query_one(OptionList).options}
        assert (options["mine-good"].disabled, options["mine-needy"].disabled) == (False, True)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(stage.app.screen, HomeScreen))
        assert stage.app.screen.query_one("#environment", PickField).value == "mine-good"


async def test_versus_alone(tmp_path: Path):
    """With one player chosen, the second is asked for first; leaving the list starts nothing."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        stage.app.screen.query_one("#player-2", PickField).value = ""
        await pilot.press("v")
        await until(pilot, lambda: isinstance(stage.app.screen, Picker))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(stage.app.screen, HomeScreen))
        assert not stage.engines
        await pilot.press("v")
        await until(pilot, lambda: isinstance(stage.app.screen, Picker))
        await pilot.press(*"mask", "enter")
        await until(pilot, lambda: stage.engines)
        assert [lane.agent for lane in lanes(stage)] == ["human", "mask-random"]


async def test_player_taken_out(tmp_path: Path):
    """Backspace on a field empties it; the first player stays."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        home = stage.app.screen
        assert isinstance(home, HomeScreen)
        for number in (1, 2):
            field = home.query_one(f"#player-{number}", PickField)
            field.value = "random"
            field.focus()
            await pilot.pause()
            await pilot.press("backspace")
        assert home.game() == Game("Blackjack-v1", ("random",))


async def test_nothing_recorded(tmp_path: Path):
    """The list says what to do, and Replay says why it does nothing."""
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        await until(pilot, lambda: "Nothing recorded yet" in shown(pilot.app))
        await pilot.press("r")
        await until(pilot, lambda: "Nothing is recorded yet" in shown(pilot.app))


async def test_broken_database(tmp_path: Path):
    """Home stays usable and says what is wrong."""
    (tmp_path / "test.db").write_bytes(b"no database at all" * 100)
    stage = Stage(tmp_path)
    async with running(stage) as pilot:
        await until(pilot, lambda: "Home is incomplete" in shown(pilot.app))
        await pilot.press("d")
        await until(pilot, lambda: stage.engines)


def test_what_the_ui_process_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Neither Home's first paint nor Play, Picker or registry bring in environments, models or training.

    That holds where an own file that needs them is tried.
    """
    (tmp_path / "heavy.py").write_text("import gymnasium\ndef make(): ...\n")
    monkeypatch.setenv("LDP_TUI_ENVS", str(tmp_path))
    first = "import ldp_tui.tui.app, ldp_tui.tui.screens.home"
    rest = "import ldp_tui.tui.screens.play, ldp_tui.play.supervisor, ldp_tui.tui.lookups as l"
    asked = "l.tried_environment_choices(); l.player_choices()"
    code = f"import sys\n{first}\nprint(*sys.modules)\n{rest}; {asked}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    before, after = (set(line.split()) for line in done.stdout.splitlines())
    assert before.isdisjoint({"pydantic", "numpy", "PIL", "sqlite3", "msgpack", "gymnasium"})
    heavy = {"gymnasium", "litellm", "torch", "transformers", "aviary", "ldp", "pygame"}
    assert after.isdisjoint(heavy)
