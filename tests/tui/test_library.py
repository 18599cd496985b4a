from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from ldp_tui.store import connect_writer
from ldp_tui.tui.screens.dialogs import Picker
from ldp_tui.tui.screens.export_dialog import ExportDialog
from ldp_tui.tui.screens.library import LibraryScreen
from ldp_tui.tui.widgets.row_table import RowTable
from tests.tui.recordings import HOSTILE, build, cart_pole, lake, uid, write
from tests.tui.screen_app import rows_of
from tests.tui.watching import Watched, watch


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("library") / "ldp.db")


class Library(Watched):
    """The library as a person sees it."""

    @property
    def table(self) -> RowTable:
        table: RowTable = self.app.first.query_one(RowTable)
        return table

    async def lists(self, *agents: str) -> None:
        """Wait until exactly the episodes of these agents are listed, in this order."""
        await self.until(lambda: self.agents() == list(agents))

    def agents(self) -> list[str]:
        rows = [self.table.row_at(row) for row in range(self.table.row_count)]
        return [str(row[5]) for row in rows if row is not None]


ALL = (
    "react:gpt-5-mini",
    "[b]hostile[/b]",
    "random",
    "human",
    "react:gpt-5-mini",
    "optimal",
    "react:gpt-5-mini",
    "random",
)


@asynccontextmanager
async def library(db: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Library]:
    async with watch(LibraryScreen(db), size) as screen:
        yield Library(screen.app, screen.pilot)


async def test_library_is_opened(db: Path) -> None:
    """The newest episode is on top and under the cursor, with its preview; the count is told."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        await screen.until(lambda: screen.shows("cart at 1.17") and screen.shows("8 episodes"))
        await screen.press("enter")
        await screen.until(lambda: screen.app.replays == [uid(8)])


async def test_there_is_no_database_yet(tmp_path: Path) -> None:
    """The screen says how to record the first episode, and lists it as soon as it is there."""
    async with library(tmp_path / "new.db") as screen:
        await screen.until(lambda: screen.shows("No episodes yet") and screen.shows("ldp-tui run"))
        with connect_writer(tmp_path / "new.db") as writer:
            write(writer, list(lake(1, agent="first", seed=1, steps=3)))
        await screen.lists("first")
        await screen.until(lambda: not screen.shows("No episodes yet"))
        await screen.press("enter")
        await screen.until(lambda: screen.app.replays == [uid(1)])


async def test_filter_is_typed(db: Path) -> None:
    """The list follows while typing and tells how many of all match; x brings all back."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        await screen.press("slash", *"env:cart", "space", *"return", "greater_than_sign", *"50")
        await screen.lists("react:gpt-5-mini", "human")
        await screen.until(lambda: screen.shows("2 of 8 episodes"))
        await screen.press("enter", "x")
        await screen.lists(*ALL)


async def test_filter_that_cannot_be_read(db: Path) -> None:
    """The line below points at the character; the list stays."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        await screen.press("slash")
        screen.app.screen.query_one(Input).value = "envv:cart"  # at once: a pause in typing would list what is there
        await screen.until(lambda: screen.shows("▲ no field `envv`: did you mean `env`?"))
        typed, told = (next(row for row in rows_of(screen.app) if text in row) for text in ("envv:cart", "▲ no field"))
        assert told.index("▲") == typed.index("envv")
        await screen.until(lambda: len(screen.agents()) == 8)
        await screen.press("escape", "x")
        await screen.until(lambda: not screen.shows("no field"))


async def test_completion(db: Path) -> None:
    """What is recorded completes the word that is typed; right takes it."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        await screen.press("slash", *"env:ca")
        line = screen.app.screen.query_one(Input)
        await screen.until(lambda: bool(line._suggestion))
        await screen.press("right")
        await screen.until(lambda: line.value == "env:CartPole-v1")
        await screen.until(lambda: 0 < len(screen.agents()) < len(ALL))


async def test_preview_while_the_filter_cannot_be_read(db: Path) -> None:
    """It says so in place of an episode that was not asked for; the cursor still shows what it is on."""
    async with library(db) as screen:
        await screen.until_shown("cart at 1.17")
        await screen.press("slash")
        screen.app.screen.query_one(Input).value = "envv:cart"
        await screen.until_shown("Nothing to preview: the filter cannot be read (no field `envv`")
        assert not screen.shows("cart at 1.17")
        screen.app.screen.query_one(Input).value = ""
        await screen.until_shown("cart at 1.17")
        screen.app.screen.query_one(Input).value = "envv:cart"
        await screen.until_shown("Nothing to preview")
        await screen.press("escape", "down")
        await screen.until(lambda: not screen.shows("Nothing to preview"))
        await screen.press("x")
        await screen.until(lambda: not screen.shows("no field"))


async def test_preview_while_nothing_matches(db: Path) -> None:
    """It says so, and nothing can be done to the episode that was under the cursor before."""
    async with library(db) as screen:
        await screen.until_shown("cart at 1.17")
        screen.app.screen.query_one(Input).value = "agent:nobody"
        await screen.until_shown("No episode matches", "Nothing to preview: no episode matches the filter.")
        assert not screen.shows("cart at 1.17")
        await screen.press("space", "enter")
        assert screen.app.replays == []
        assert not screen.shows("marked")
        await screen.press("x")
        await screen.until_shown("cart at 1.17", "8 episodes")


async def test_words_without_a_field(db: Path) -> None:
    """Episodes are found by what was said in them."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        screen.app.screen.query_one(Input).value = "middlemarch eliot"
        await screen.lists("[b]hostile[/b]", "react:gpt-5-mini", "react:gpt-5-mini")


async def test_nothing_matches(db: Path) -> None:
    """The table says how to see all again."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        screen.app.screen.query_one(Input).value = "agent:nobody"
        await screen.until(lambda: screen.shows("No episode matches") and screen.shows("0 of 8 episodes"))


async def test_environment_is_chosen_from_a_list(db: Path) -> None:
    """It goes into the filter line in place of the one before."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        screen.app.screen.query_one(Input).value = "env:cart agent:random"
        await screen.press("v")
        await screen.until(lambda: isinstance(screen.app.screen, Picker) and screen.shows("FrozenLake-v1  2 episodes"))
        await screen.press(*"frozen", "enter")
        await screen.lists("random")
        assert screen.app.screen.query_one(Input).value == "env:FrozenLake-v1 agent:random"


async def test_sorted_by_a_chosen_column(db: Path) -> None:
    """The order changes, the header says so, and Shift+S turns it round."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        await screen.press("s", *"steps", "enter")
        await screen.until(lambda: screen.agents()[:3] == ["react:gpt-5-mini", "human", "random"])
        assert screen.shows("steps ▼")
        await screen.press("S")
        await screen.until(lambda: screen.agents()[-2:] == ["human", "react:gpt-5-mini"])
        assert screen.shows("steps ▲")


async def test_title_of_a_column_is_clicked(db: Path) -> None:
    """The list is sorted by it."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        header = next(row for row in rows_of(screen.app) if "environment" in row)
        await screen.pilot.click(RowTable, offset=(header.index("agent") - 1, 0))
        await screen.until(lambda: screen.agents()[:2] == ["[b]hostile[/b]", "human"])
        assert screen.shows("agent ▲")


async def test_episode_is_recorded_meanwhile(tmp_path: Path) -> None:
    """It is listed live, above the others, while the cursor stays on its episode."""
    with connect_writer(build(tmp_path / "ldp.db")) as writer:
        async with library(tmp_path / "ldp.db") as screen:
            await screen.lists(*ALL)
            await screen.press("down", "down", "down")
            await screen.until(lambda: screen.shows("Preview 5"))
            *events, _ = cart_pole(9, agent="newcomer", seed=1, steps=3)
            write(writer, events)
            await screen.lists("newcomer", *ALL)
            assert screen.shows("▸ running")
            await screen.until(lambda: screen.table.cursor == 4)
            assert screen.shows("Preview 5")


async def test_marked_episodes_are_exported(db: Path, tmp_path: Path) -> None:
    """Only they are written, and the screen says how many and where."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        await screen.press("space", "down", "space")
        await screen.until(lambda: screen.shows("2 marked"))
        await screen.press("e")
        await screen.until(lambda: isinstance(screen.app.screen, ExportDialog) and screen.shows("2 marked episodes"))
        screen.app.screen.query_one(Input).value = str(tmp_path / "out.jsonl")
        screen.app.screen.query_one(Input).focus()
        await screen.press("enter")
        await screen.until(lambda: screen.shows("2 episodes, 124 steps"))
        assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


async def test_export_into_a_file_that_exists(db: Path, tmp_path: Path) -> None:
    """The dialog says so and asks again."""
    file = tmp_path / "out.jsonl"
    file.write_text("precious")
    async with library(db) as screen:
        await screen.lists(*ALL)
        await screen.press("e")
        await screen.until(lambda: isinstance(screen.app.screen, ExportDialog))
        screen.app.screen.query_one(Input).value = str(file)
        screen.app.screen.query_one(Input).focus()
        await screen.press("enter")
        await screen.until(lambda: screen.shows("out.jsonl exists. Export again to replace it."))
        assert file.read_text() == "precious"
        await screen.press("escape")
        await screen.until(lambda: isinstance(screen.app.screen, LibraryScreen))


async def test_id_is_copied(db: Path) -> None:
    """The clipboard has the uid, and with Shift+Y the whole line as JSON."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        await screen.press("y")
        await screen.until(lambda: screen.app.clipboard == uid(8))
        await screen.press("Y")
        await screen.until(lambda: '"agent": "react:gpt-5-mini"' in screen.app.clipboard)


async def test_hostile_text(db: Path) -> None:
    """Markup and control characters are shown, not obeyed."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        assert screen.shows("[b]hostile[/b]")
        await screen.press("down")
        await screen.until(lambda: screen.shows("[bold red]markup[/]"))
        assert HOSTILE not in "\n".join(rows_of(screen.app))
        assert not any("\x1b" in row or "\u202e" in row for row in rows_of(screen.app))


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (220, 60)])
async def test_other_sizes(db: Path, size: tuple[int, int]) -> None:
    """Everything needed is there: list, preview and keys."""
    async with library(db, size) as screen:
        await screen.lists(*ALL)
        await screen.until(lambda: screen.shows("first observation"))
        await screen.until(lambda: screen.shows("Replay") and screen.shows("118.00"))


async def test_terminal_is_resized(db: Path) -> None:
    """Columns come and go, and the cursor stays."""
    async with library(db) as screen:
        await screen.lists(*ALL)
        await screen.press("down", "down")
        assert screen.shows("seed")
        await screen.pilot.resize_terminal(80, 24)
        await screen.until(lambda: not screen.shows(" seed "))
        assert screen.table.cursor == 2
