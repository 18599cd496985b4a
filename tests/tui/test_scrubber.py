import pytest
from textual.app import App, ComposeResult

from ldp_tui.tui.widgets.scrubber import Scrubber


class OneScrubber(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.moved: list[int] = []

    def compose(self) -> ComposeResult:
        yield Scrubber()

    def on_mount(self) -> None:
        self.scrubber.show(100, 50, {0: "○", 40: "!", 80: "★"})
        self.scrubber.focus()

    def on_scrubber_moved(self, message: Scrubber.Moved) -> None:
        self.moved.append(message.position)

    @property
    def scrubber(self) -> Scrubber:
        return self.query_one(Scrubber)

    def rows(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]


async def test_two_lines() -> None:
    """Marks stand above the track, at their places."""
    async with OneScrubber().run_test(size=(19, 2)) as pilot:
        assert pilot.app.rows() == ["○   !   ★", "━━━━━●─────  50/100"]


async def test_one_line() -> None:
    """Marks lie on the track; the knob hides what is under it."""
    async with OneScrubber().run_test(size=(19, 1)) as pilot:
        pilot.app.scrubber.styles.height = 1
        pilot.app.scrubber.show(100, 40)
        await pilot.pause()
        assert pilot.app.rows() == ["○━━━●───★──  40/100"]


@pytest.mark.parametrize(
    ("keys", "positions"),
    [
        (["right"], [51]),
        (["left", "left"], [49, 48]),
        (["shift+right"], [60]),
        (["shift+left"], [40]),
        (["home", "left"], [0]),
        (["end", "right"], [100]),
        (["3"], [30]),
        (["right_square_bracket", "right_square_bracket"], [80]),
        (["left_square_bracket", "left_square_bracket"], [40, 0]),
    ],
)
async def test_keys(keys: list[str], positions: list[int]) -> None:
    """Each move is told once, and none beyond the ends."""
    async with OneScrubber().run_test(size=(40, 2)) as pilot:
        await pilot.press(*keys)
        assert pilot.app.moved == positions


async def test_click_and_drag() -> None:
    """The knob follows the mouse, also outside of the widget, until it is released."""
    async with OneScrubber().run_test(size=(19, 5)) as pilot:
        await pilot.mouse_down(Scrubber, offset=(2, 1))
        await pilot.hover(offset=(9, 4))
        await pilot.mouse_up(offset=(9, 4))
        await pilot.hover(offset=(1, 4))
        assert pilot.app.moved == [20, 90]


async def test_click_on_a_bordered_scrubber() -> None:
    """The knob is under the mouse."""
    async with OneScrubber().run_test(size=(21, 5)) as pilot:
        pilot.app.scrubber.styles.border = ("round", "red")
        pilot.app.scrubber.styles.height = 4
        await pilot.pause()
        await pilot.click(Scrubber, offset=(3, 2))
        assert pilot.app.moved == [20]


async def test_position_shown_by_the_screen() -> None:
    """It is not told as a person's move, and is kept within the recording."""
    async with OneScrubber().run_test(size=(19, 2)) as pilot:
        pilot.app.scrubber.show(10, 99)
        await pilot.pause()
        assert pilot.app.scrubber.position == 10
        assert pilot.app.moved == []


async def test_recording_of_one_position() -> None:
    """There is nowhere to go."""
    async with OneScrubber().run_test(size=(19, 2)) as pilot:
        pilot.app.scrubber.show(0, 0, {})
        await pilot.press("right", "9", "end")
        await pilot.click(Scrubber, offset=(9, 1))
        assert pilot.app.rows()[1].startswith("●──")
        assert pilot.app.moved == []
