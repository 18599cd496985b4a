"""How large pictures are sent, and how many."""

from __future__ import annotations

import pytest

from ldp_tui.core.environment import Picture
from ldp_tui.engine.events import Rendering
from ldp_tui.play.pictures import PictureFeed, Sight, scaled


@pytest.mark.parametrize(
    ("size", "cells", "expected"),
    [
        ((600, 400), (72, 30), (72, 48)),
        ((600, 400), (200, 20), (60, 40)),
        ((600, 400), (0, 0), (600, 400)),
        ((16, 16), (80, 24), (16, 16)),
        ((1000, 1), (10, 10), (10, 2)),
        ((1, 1000), (10, 10), (1, 20)),
        ((100, 75), (50, 50), (50, 38)),
    ],
    ids=["wide", "high", "no view", "small", "line", "column", "odd"],
)
def test_size(size: tuple[int, int], cells: tuple[int, int], expected: tuple[int, int]) -> None:
    """A picture is shrunk to its cells of two pixels each, never grown, with an even height."""
    picture = scaled(Picture(*size, bytes(3 * size[0] * size[1])), Sight(30.0, *cells))
    assert isinstance(picture, Picture)
    assert (picture.width, picture.height) == expected


def test_mean() -> None:
    """Each pixel is the mean of the area that it covers, so that small things stay visible."""
    chequered = Picture(4, 4, (b"\x00\x00\x00\xff\xff\xff" * 2 + b"\xff\xff\xff\x00\x00\x00" * 2) * 2)
    assert scaled(chequered, Sight(30.0, 2, 1)) == Picture(2, 2, b"\x80" * 12)


def test_text() -> None:
    """It is never scaled."""
    assert scaled("S F\nH G", Sight(30.0, 1, 1)) == "S F\nH G"


def test_more_pictures_than_the_screen_can_use() -> None:
    """The first is sent at once; of those that come too early only the newest, when it is asked for."""
    sent: list[tuple[int, Rendering]] = []
    feed = PictureFeed(lambda number, rendering: sent.append((number, rendering)), Sight(fps=0.01))
    for number in range(5):
        feed.offer(number, f"picture {number}")
    assert sent == [(0, "picture 0")]
    feed.flush()
    feed.flush()
    assert sent == [(0, "picture 0"), (4, "picture 4")]


def test_new_view() -> None:
    """The newest picture is sent again at its new size, even though nothing has happened."""
    sent: list[tuple[int, Rendering]] = []
    feed = PictureFeed(lambda number, rendering: sent.append((number, rendering)), Sight(fps=30.0))
    assert feed.first(0, Picture(8, 8, bytes(192))) == Picture(8, 8, bytes(192))
    feed.look(4, 4, None)
    assert sent == [(0, Picture(4, 4, bytes(48)))]
