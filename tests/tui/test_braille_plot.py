import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from ldp_tui.tui.widgets.braille_plot import BraillePlot, Marker, Series, dots, number, spans

NAN = math.nan


class OnePlot(App[None]):
    def compose(self) -> ComposeResult:
        yield BraillePlot()

    @property
    def plot(self) -> BraillePlot:
        return self.query_one(BraillePlot)

    def rows(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]


def picture(values: list[float], columns: int, rows: int) -> list[str]:
    finite = [value for value in values if math.isfinite(value)]
    covered = dots(np.array(values, float), columns, rows, min(finite), max(finite))
    return ["".join("#" if dot else "." for dot in row) for row in covered]


def test_rising_line() -> None:
    """Fewer values than columns are joined."""
    assert picture([0, 3], 4, 4) == ["...#", "..#.", ".#..", "#..."]


def test_jump_between_columns() -> None:
    """Neighbouring columns touch, at least corner to corner."""
    assert picture([0, 0, 3, 3], 4, 4) == ["..##", "..#.", "..#.", "##.."]


def test_gap() -> None:
    """Nothing joins the two sides of a NaN."""
    assert picture([0, 0, NAN, 1, 1], 5, 2) == ["...##", "##..."]


def test_value_between_gaps() -> None:
    """It is a dot."""
    assert picture([NAN, 1, NAN], 3, 1) == [".#."]


def test_one_value() -> None:
    """It is a dot at the left, half way up."""
    assert picture([5], 3, 4) == ["...", "...", "#..", "..."]


def test_constant_values() -> None:
    """They are a level line half way up."""
    assert picture([5, 5, 5], 4, 4) == ["....", "....", "####", "...."]


@given(st.integers(0, 9_999), st.integers(1, 300))
def test_one_spike_among_many_values(position: int, columns: int) -> None:
    """It is never decimated away."""
    values = np.zeros(10_000)
    values[position] = 1
    assert spans(values, columns)[1].max() == 1


@example([-1.7e308, 1.7e308, 0.0], 4, 4)
@example([0.0, 5e-324], 4, 4)
@given(st.lists(st.floats(), min_size=1, max_size=50), st.integers(1, 20), st.integers(1, 12))
def test_any_values(values: list[float], columns: int, rows: int) -> None:
    """Every finite value leaves a dot in its place or its column's range; gaps alone leave none."""
    array = np.array(values)
    finite = array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    assert dots(array, columns, rows, low, high).any() == bool(finite.size)


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "0"), (-1.5, "−1.5"), (0.123456, "0.1235"), (123456, "123,456"), (1e9, "1e+09"), (NAN, "nan")],
)
def test_label(value: float, label: str) -> None:
    """Numbers are short."""
    assert number(value) == label


async def test_plot_with_room() -> None:
    """Newest value on top, range at the left, positions below."""
    async with OnePlot().run_test(size=(20, 6)) as pilot:
        pilot.app.plot.show([Series("return", [0, 5, 10])])
        await pilot.pause()
        rows = pilot.app.rows()
        assert rows[0] == "━ return 10"
        assert rows[1].startswith("10┤")
        assert rows[4].startswith(" 0┤")
        assert rows[5] == "   0" + " " * 15 + "2"


async def test_flat_plot() -> None:
    """Two rows are all line."""
    async with OnePlot().run_test(size=(20, 2)) as pilot:
        pilot.app.plot.show([Series("return", [0, 1])])
        await pilot.pause()
        assert [row[:2] for row in pilot.app.rows()] == ["1┤", "0┤"]


async def test_plot_of_the_largest_numbers() -> None:
    """It is drawn, marker and all."""
    async with OnePlot().run_test(size=(40, 6)) as pilot:
        pilot.app.plot.show([Series("return", [-1.7e308, 1.7e308])], markers=[Marker(0, "zero")])
        await pilot.pause()
        assert pilot.app.rows()[1].startswith(" 1.7e+308┤")


async def test_level_plot() -> None:
    """Its one value is written once, where the line is."""
    async with OnePlot().run_test(size=(20, 3)) as pilot:
        pilot.app.plot.show([Series("return", [7, 7])])
        await pilot.pause()
        assert [row[:2] for row in pilot.app.rows()[1:]] == [" │", "7┤"]
        assert set(pilot.app.rows()[2][2:]) == {"⠉"}


async def test_marker() -> None:
    """A reference line carries its label and widens the range."""
    async with OnePlot().run_test(size=(40, 8)) as pilot:
        pilot.app.plot.show([Series("return", [0, 1])], markers=[Marker(2, "optimal")])
        await pilot.pause()
        assert pilot.app.rows()[1].startswith("2┤┄ optimal 2 ┄┄┄")


async def test_curve_under_the_marker_label() -> None:
    """The label moves to the end that is free."""
    async with OnePlot().run_test(size=(40, 8)) as pilot:
        pilot.app.plot.show([Series("return", [2, 0, 0, 0])], markers=[Marker(2, "optimal")])
        await pilot.pause()
        assert pilot.app.rows()[1].endswith("┄ optimal 2 ┄")


@pytest.mark.parametrize("values", [[], [NAN], [math.inf, NAN]])
async def test_nothing_to_draw(values: list[float]) -> None:
    """The hint says so."""
    async with OnePlot().run_test(size=(20, 5)) as pilot:
        pilot.app.plot.show([Series("return", values)])
        await pilot.pause()
        assert "no values yet" in pilot.app.rows()[2]


async def test_two_series() -> None:
    """Each has its colour in the legend and in the drawing."""
    async with OnePlot().run_test(size=(30, 6)) as pilot:
        pilot.app.plot.show([Series("you", [0, 0], 0), Series("agent", [9, 9], 1)])
        await pilot.pause()
        strips = pilot.app.screen._compositor.render_strips()
        colours = {segment.text.strip(): segment.style.color for segment in strips[0] if "━" in segment.text}
        top = next(segment for segment in strips[1] if "⠉" in segment.text)
        assert top.style.color == colours["━ agent"] != colours["━ you"]
