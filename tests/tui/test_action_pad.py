from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding

from ldp_tui.tui.widgets.action_pad import ActionPad, Choice

LAKE = tuple(Choice(key, key, "step", {"action": index}) for index, key in enumerate(("left", "down", "right", "up")))


class OnePad(App[None]):
    BINDINGS: ClassVar = [Binding("left", "never")]

    def __init__(self, choices: tuple[Choice, ...] = LAKE) -> None:
        super().__init__()
        self.choices = choices
        self.chosen: list[tuple[str, dict]] = []

    def compose(self) -> ComposeResult:
        yield ActionPad()

    def on_mount(self) -> None:
        self.pad.choices = self.choices
        self.pad.focus()

    def on_action_pad_chosen(self, message: ActionPad.Chosen) -> None:
        self.chosen.append((message.name, message.arguments))

    def action_never(self) -> None:
        raise AssertionError("the pad's key reached the app")

    @property
    def pad(self) -> ActionPad:
        return self.query_one(ActionPad)

    def rows(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips() if strip.text.strip()]


async def test_choices_side_by_side() -> None:
    """Each shows its key and label."""
    async with OnePad().run_test(size=(60, 4)) as pilot:
        assert pilot.app.rows() == [" [←] left   [↓] down   [→] right   [↑] up"]


async def test_narrow_pad() -> None:
    """Choices flow into as many rows as they need, and the pad grows."""
    async with OnePad().run_test(size=(24, 4)) as pilot:
        assert pilot.app.rows() == [" [←] left   [↓] down", " [→] right   [↑] up"]
        assert pilot.app.pad.size.height == 2


async def test_key() -> None:
    """It chooses the call, before any binding of the app."""
    async with OnePad().run_test(size=(60, 4)) as pilot:
        await pilot.press("left")
        assert pilot.app.chosen == [("step", {"action": 0})]


async def test_click() -> None:
    """It chooses what is under the mouse, and nothing between choices."""
    async with OnePad().run_test(size=(60, 4)) as pilot:
        await pilot.click(ActionPad, offset=(14, 0))
        await pilot.click(ActionPad, offset=(50, 0))
        assert pilot.app.chosen == [("step", {"action": 1})]


async def test_illegal_choice() -> None:
    """It shows no key, and neither key nor click chooses it."""
    async with OnePad().run_test(size=(60, 4)) as pilot:
        pilot.app.pad.legal = frozenset({1, 2, 3})
        await pilot.pause()
        assert pilot.app.rows()[0].startswith("     left   [↓] down")
        await pilot.press("left")
        await pilot.click(ActionPad, offset=(6, 0))
        assert pilot.app.chosen == []


async def test_last_choice() -> None:
    """It is marked by more than a colour."""
    async with OnePad().run_test(size=(60, 4)) as pilot:
        pilot.app.pad.last = 2
        await pilot.pause()
        assert "▸[→] right" in pilot.app.rows()[0]


async def test_disabled_pad() -> None:
    """Nothing is chosen."""
    async with OnePad().run_test(size=(60, 4)) as pilot:
        pilot.app.pad.disabled = True
        assert pilot.app.pad.press("down")
        await pilot.pause()
        assert pilot.app.chosen == []


async def test_probabilities_with_room() -> None:
    """A list with bars; a click anywhere in a row chooses it."""
    async with OnePad().run_test(size=(40, 6)) as pilot:
        pilot.app.pad.probabilities = (0.5, 0.25, 0.25, 0.0)
        await pilot.pause()
        assert pilot.app.rows() == [
            " [←] left  █████       50%",
            " [↓] down  ██▌         25%",
            " [→] right ██▌         25%",
            " [↑] up                 0%",
        ]
        await pilot.click(ActionPad, offset=(38, 3))
        assert pilot.app.chosen == [("step", {"action": 3})]


async def test_probabilities_without_room() -> None:
    """They stand beside the labels."""
    async with OnePad().run_test(size=(80, 6)) as pilot:
        pilot.app.pad.styles.height = 1
        pilot.app.pad.probabilities = (0.5, 0.25, 0.25, 0.0)
        await pilot.pause()
        assert pilot.app.rows()[0].startswith(" [←] left ▄ 50%   [↓] down ▂ 25% ")


@pytest.mark.parametrize(("key", "known"), [("up", True), ("x", False)])
async def test_key_given_by_the_screen(key: str, known: bool) -> None:
    """The pad says whether the key is one of its own."""
    async with OnePad().run_test(size=(60, 4)) as pilot:
        assert pilot.app.pad.press(key) is known
        await pilot.pause()
        assert len(pilot.app.chosen) == known


async def test_wide_and_hostile_labels() -> None:
    """They are plain text, and clicks still find their place."""
    choices = (Choice("a", "中文\x1b", "x"), Choice("b", "[red]", "y"))
    async with OnePad(choices).run_test(size=(60, 4)) as pilot:
        assert pilot.app.rows() == [" [a] 中文␛   [b] [red]"]
        await pilot.click(ActionPad, offset=(15, 0))
        assert pilot.app.chosen == [("y", {})]


async def test_no_choices() -> None:
    """The pad is an empty row."""
    async with OnePad(()).run_test(size=(60, 4)) as pilot:
        assert pilot.app.rows() == []
