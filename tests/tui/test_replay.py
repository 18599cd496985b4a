import json
from pathlib import Path

import pytest

from ldp_tui.store import connect_writer
from ldp_tui.tui.screens.dialogs import Picker
from ldp_tui.tui.screens.jump_dialog import JumpDialog, read_position
from ldp_tui.tui.screens.replay import ReplayScreen
from ldp_tui.tui.widgets.replay_lane import ReplayLane
from ldp_tui.tui.widgets.row_table import RowTable
from ldp_tui.tui.widgets.scrubber import Scrubber
from tests.tui.recordings import build, cart_pole, uid, write
from tests.tui.screen_app import rows_of
from tests.tui.watching import Watched, watch


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("replay") / "ldp.db")


def position(screen: Watched) -> int:
    shown: int = screen.find(Scrubber).position
    return shown


async def ready(screen: Watched, steps: int) -> None:
    """Wait until the whole episode is known."""
    await screen.until_shown(f"0/{steps}")


async def test_replay_is_opened(db: Path) -> None:
    """It begins at the reset and tells who played, what, from which seed, and how it ended."""
    async with watch(ReplayScreen(db, uid(2))) as screen:
        await ready(screen, 2)
        await screen.until_shown(
            "Who wrote Middlemarch?", "react:gpt-5-mini · library_qa · seed 1", "won · return 1.00 · 2 steps"
        )


async def test_step_by_step(db: Path) -> None:
    """Each step shows the reflection, the call and its answer, the reward, and the return so far."""
    async with watch(ReplayScreen(db, uid(2))) as screen:
        await ready(screen, 2)
        await screen.press("right")
        await screen.until_shown('▸ search(text="Middlemarch")', "◂ Found: Middlemarch", "I should search now.", "1/2")
        await screen.press("right")
        await screen.until_shown("▸ submit(", "KeyError: nope", "reward ▲ +1.00", "2/2")
        await screen.press("left", "left")
        await screen.until(lambda: position(screen) == 0 and not screen.shows("▸ search("))


async def test_picture_follows(db: Path) -> None:
    """Every position shows its own picture."""
    async with watch(ReplayScreen(db, uid(8))) as screen:
        await ready(screen, 118)
        seen = set()
        for keys, shown in ((), "0/118"), (("5",), "59/118"), (("end",), "118/118"):
            await screen.press(*keys)
            await screen.until_shown(shown)
            await screen.until(lambda s=shown: screen.shows(f"step {int(s.split('/')[0]):>4}"))
            seen.add("\n".join(row[: len(row) // 2] for row in rows_of(screen.app)[2:20]))
        assert len(seen) == 3


async def test_keys_that_move(db: Path) -> None:
    """Tens with Shift, shares with digits, the ends, marks, and never beyond."""
    async with watch(ReplayScreen(db, uid(8))) as screen:
        await ready(screen, 118)
        for key, expected in [
            ("shift+right", 10), ("right", 11), ("shift+left", 1), ("shift+left", 0), ("left", 0),
            ("9", 106), ("end", 118), ("right", 118), ("home", 0), ("n", 1), ("n", 6), ("N", 1),
        ]:  # fmt: skip
            await screen.press(key)
            await screen.until(lambda e=expected: position(screen) == e)


async def test_jump_to_a_step(db: Path) -> None:
    """The dialog takes numbers and shares, and says what it cannot take."""
    async with watch(ReplayScreen(db, uid(8))) as screen:
        await ready(screen, 118)
        await screen.press("j")
        await screen.until(lambda: isinstance(screen.app.screen, JumpDialog))
        await screen.press(*"119", "enter")
        await screen.until_shown("the steps are 0 to 118")
        await screen.press("backspace", "7", "enter")
        await screen.until(lambda: isinstance(screen.app.screen, ReplayScreen) and position(screen) == 117)


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), (" 1,180 ", 1180), ("50%", 1000), ("100%", 2000), ("2000", 2000)]
)
def test_position_in_words(text: str, expected: int) -> None:
    """Numbers count steps, a percent sign makes them shares."""
    assert read_position(text, 2000) == expected


@pytest.mark.parametrize("text", ["", "-1", "2001", "101%", "x", "1.5", "nan%", "inf%"])
def test_position_that_is_none(text: str) -> None:
    """It is refused with a reason."""
    with pytest.raises(ValueError, match=r"neither a step|the steps are"):
        read_position(text, 2000)


async def test_playing(db: Path) -> None:
    """Space plays on to the end, faster if asked, and stops there; space again begins anew."""
    async with watch(ReplayScreen(db, uid(1))) as screen:
        await ready(screen, 21)
        await screen.press(*["plus"] * 9)
        await screen.until_shown("paused 16×")
        await screen.press("space")
        await screen.until(lambda: position(screen) == 21 and screen.shows("paused"))
        await screen.press(*["minus"] * 9, "space")
        await screen.until(lambda: position(screen) < 21 and screen.shows("▸ playing 0.25×"))
        await screen.press("space")
        await screen.until_shown("paused 0.25×")


async def test_step_in_the_list_is_clicked(db: Path) -> None:
    """The replay goes there, and the list follows the replay."""
    async with watch(ReplayScreen(db, uid(8))) as screen:
        await ready(screen, 118)
        await screen.press("home", "shift+right")
        await screen.until(lambda: screen.find(RowTable).cursor == 9)
        await screen.pilot.click(RowTable, offset=(10, 4))
        await screen.until(lambda: position(screen) == screen.find(RowTable).cursor + 1 != 10)
        await screen.until_shown(f"step {position(screen):>4}")


async def test_two_of_the_same_seed(db: Path) -> None:
    """c offers the others of this seed; both move together, the shorter one waits at its end."""
    async with watch(ReplayScreen(db, uid(5))) as screen:
        await ready(screen, 64)
        await screen.press("c")
        await screen.until(
            lambda: isinstance(screen.app.screen, Picker) and screen.shows("random 1  return 21.00 in 21 steps")
        )
        await screen.press("enter")
        await screen.until(lambda: len(screen.app.screen.query(ReplayLane)) == 2)
        await screen.until_shown("random · CartPole-v1 · seed 7")
        await screen.press("end")
        await screen.until_shown("step   64", "step   21", "64/64")


async def test_no_other_of_this_seed(db: Path) -> None:
    """c says so."""
    async with watch(ReplayScreen(db, uid(8))) as screen:
        await ready(screen, 118)
        await screen.press("c")
        await screen.until_shown("No other episode of CartPole-v1")


async def test_step_is_copied(db: Path) -> None:
    """The clipboard has the step as JSON, without its picture."""
    async with watch(ReplayScreen(db, uid(8))) as screen:
        await ready(screen, 118)
        await screen.press("right", "right")
        await screen.until_shown("2/118")
        await screen.press("y")
        await screen.until(lambda: screen.app.clipboard)
        step = json.loads(screen.app.clipboard)
        assert (step["episode"], step["index"], step["reward"], step["rendering"]) == (uid(8), 1, 1.0, None)
        assert step["action"]["tool_calls"][0]["function"]["arguments"] == '{"action": "push right"}'


async def test_episode_that_is_still_played(tmp_path: Path) -> None:
    """New steps join the line while the replay waits at its end, and so does the outcome."""
    *events, end = cart_pole(1, agent="human", seed=7, steps=5)
    with connect_writer(tmp_path / "ldp.db") as writer:
        write(writer, events[:4])
        async with watch(ReplayScreen(tmp_path / "ldp.db", uid(1))) as screen:
            await ready(screen, 3)
            await screen.press("end")
            await screen.until_shown("3/3", "running")
            write(writer, [*events[4:], end], uid(1))
            await screen.until_shown("5/5", "ended · return 5.00")


async def test_episode_that_does_not_exist(db: Path) -> None:
    """The screen says so and can be left."""
    async with watch(ReplayScreen(db, "nothing")) as screen:
        await screen.until_shown("There is no episode 'nothing'")
        await screen.press("space", "right", "end", "y", "c")
        await screen.press("escape")
        await screen.until(lambda: not isinstance(screen.app.screen, ReplayScreen))


async def test_hostile_text(db: Path) -> None:
    """Markup and control characters of models and environments are shown, not obeyed."""
    async with watch(ReplayScreen(db, uid(2))) as screen:
        await ready(screen, 2)
        await screen.press("end")
        await screen.until_shown("[bold red]markup[/] ␛[31mred␛[0m ␛]0;title␇")
        assert not any("\x1b" in row or "\u202e" in row for row in rows_of(screen.app))


@pytest.mark.parametrize(("size", "others"), [((60, 18), ()), ((80, 24), (1,)), ((220, 60), (1,))])
async def test_other_sizes(db: Path, size: tuple[int, int], others: tuple[int, ...]) -> None:
    """Words, figures, the line and the keys are there, for one lane or two."""
    async with watch(ReplayScreen(db, uid(5), *map(uid, others)), size) as screen:
        await screen.until_shown("0/64", "Play")
        await screen.press("right")
        await screen.until_shown("1/64", "▸ push left", "return     1.00")
