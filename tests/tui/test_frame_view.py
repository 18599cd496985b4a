from dataclasses import dataclass

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

from ldp_tui.tui.widgets.frame_view import FrameView


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    rgb: bytes


class OneFrame(App[None]):
    CSS = "FrameView { width: 100%; height: 100%; background: black; }"

    def compose(self) -> ComposeResult:
        yield FrameView()

    @property
    def view(self) -> FrameView:
        return self.query_one(FrameView)

    def rows(self) -> list[str]:
        """What is on the screen, as text."""
        return [strip.text for strip in self.screen._compositor.render_strips()]


def checkers(height: int, width: int) -> np.ndarray:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[::2, ::2] = picture[1::2, 1::2] = 255
    return picture


async def test_small_picture_in_a_wide_view() -> None:
    """It is centred, grown by a whole factor, with blanks at both sides."""
    async with OneFrame().run_test(size=(10, 2)) as pilot:
        pilot.app.view.set_frame(Picture(2, 2, checkers(2, 2).tobytes()))
        await pilot.pause()
        assert pilot.app.rows() == ["          ", "          "]
        strip = pilot.app.screen._compositor.render_strips()[0]
        colours = [(segment.cell_length, segment.style.bgcolor.triplet.hex) for segment in strip]
        assert colours == [(3, "#000000"), (2, "#ffffff"), (2, "#000000"), (3, "#000000")]


async def test_wide_picture_in_a_tall_view() -> None:
    """It is in the middle, and a frame that changes one row repaints that row alone."""
    async with OneFrame().run_test(size=(4, 5)) as pilot:
        pilot.app.view.set_frame(checkers(2, 4))
        await pilot.pause()
        assert pilot.app.rows() == ["    ", "    ", "▀▀▀▀", "    ", "    "]
        pilot.app.view.set_frame(np.zeros((2, 4, 3), np.uint8))
        await pilot.pause()
        assert pilot.app.rows() == ["    "] * 5
        assert pilot.app.view.stats.rows == 1


async def test_view_resized_without_a_new_frame() -> None:
    """The kept frame is fitted to the new size."""
    async with OneFrame().run_test(size=(8, 4)) as pilot:
        pilot.app.view.set_frame(checkers(3, 8))
        await pilot.pause()
        before = pilot.app.rows()
        await pilot.resize_terminal(16, 6)
        await pilot.pause()
        assert "▀" in "".join(before)
        assert [len(row) for row in pilot.app.rows()] == [16] * 6
        assert pilot.app.view._drawing.cells.shape == (3, 16)


async def test_frame_that_changes_one_row() -> None:
    """Only that row is encoded again."""
    async with OneFrame().run_test(size=(4, 4)) as pilot:
        first = np.zeros((8, 4, 3), np.uint8)
        pilot.app.view.set_frame(first)
        second = first.copy()
        second[4] = 9
        pilot.app.view.set_frame(second)
        assert pilot.app.view.stats.rows == 1


async def test_frame_for_a_hidden_view() -> None:
    """It is kept but not drawn, and drawn when the view is shown."""
    async with OneFrame().run_test(size=(4, 2)) as pilot:
        view = pilot.app.view
        view.display = False
        await pilot.pause()
        view.set_frame(np.full((4, 4, 3), 7, np.uint8))
        assert (view.stats.shown, view.stats.dropped) == (0, 1)
        view.display = True
        await pilot.pause()
        assert (view.stats.shown, view.stats.rows) == (1, 2)


async def test_text_render_with_colours() -> None:
    """Colours are styles, the block is centred, other control sequences are gone."""
    async with OneFrame().run_test(size=(9, 3)) as pilot:
        pilot.app.view.set_text("\x1b[41mS\x1b[0mFF\x1b[2J\x1b]0;title\x07\nF\x9bHG\n")
        await pilot.pause()
        assert pilot.app.rows() == ["  SFF    ", "  F\ufffdHG   ", "         "]
        cells = list(pilot.app.screen._compositor.render_strips()[0])
        assert [segment.text for segment in cells if segment.style.bgcolor.name != "#000000"] == ["S"]


async def test_picture_after_text_after_nothing() -> None:
    """Each replaces what was shown before."""
    async with OneFrame().run_test(size=(4, 2)) as pilot:
        view = pilot.app.view
        view.set_text("abcd")
        view.set_frame(checkers(4, 4))
        await pilot.pause()
        assert pilot.app.rows() == ["▀▀▀▀", "▀▀▀▀"]
        view.set_frame(None)
        await pilot.pause()
        assert pilot.app.rows() == ["    ", "    "]


async def test_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture is drawn in braille."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with OneFrame().run_test(size=(4, 2)) as pilot:
        picture = np.zeros((8, 8, 3), np.uint8)
        picture[0, 0] = 255
        pilot.app.view.set_frame(picture)
        await pilot.pause()
        assert pilot.app.rows()[0] == "\u2801   "


async def test_public_api_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fallback shows the same cells."""
    monkeypatch.setenv("LDP_TUI_FRAME", "seg")
    async with OneFrame().run_test(size=(4, 2)) as pilot:
        pilot.app.view.set_frame(checkers(4, 4))
        await pilot.pause()
        assert pilot.app.rows() == ["▀▀▀▀", "▀▀▀▀"]


class Covered(OneFrame):
    CSS = OneFrame.CSS + "Static { layer: above; offset: 1 0; width: 2; height: 1; } Screen { layers: default above; }"

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield Static("ab")


async def test_widget_over_the_picture() -> None:
    """The picture is cut around it."""
    async with Covered().run_test(size=(4, 2)) as pilot:
        pilot.app.view.set_frame(checkers(4, 4))
        await pilot.pause()
        assert pilot.app.rows() == ["▀ab▀", "▀▀▀▀"]


async def test_array_of_another_shape() -> None:
    """A grey image is refused with its shape."""
    with pytest.raises(ValueError, match=r"not \(4, 4\) of uint8"):
        FrameView().set_frame(np.zeros((4, 4), np.uint8))
