import numpy as np
import pytest

from ldp_tui.tui.widgets.frame_view import encode


def pixels(*rows: list[int]) -> encode.Pixels:
    """A picture from rows of 24-bit colours."""
    return np.array([[[c >> 16, c >> 8 & 255, c & 255] for c in row] for row in rows], np.uint8)


RED, GREEN, BLUE = 0xFF0000, 0x00FF00, 0x0000FF


def test_two_equal_cells() -> None:
    """A run is one colour change and its characters."""
    picture = pixels([RED, RED], [GREEN, GREEN])
    assert encode.encode(*encode.pack(picture)) == ["\x1b[38;2;255;0;0;48;2;0;255;0m▀▀\x1b[0m"]


def test_cell_of_one_colour() -> None:
    """It is a space on that background: no foreground is sent."""
    assert encode.encode(*encode.pack(pixels([BLUE], [BLUE]))) == ["\x1b[48;2;0;0;255m \x1b[0m"]


def test_only_one_half_changes() -> None:
    """Only the half that changed is sent again."""
    picture = pixels([RED, RED, RED, RED, GREEN], [GREEN, GREEN, GREEN, BLUE, BLUE])
    lines = encode.write_runs(encode.find_runs(*encode.pack(picture)), 1, encode.TRUECOLOR)
    assert lines == ["\x1b[38;2;255;0;0;48;2;0;255;0m▀▀▀\x1b[48;2;0;0;255m▀\x1b[38;2;0;255;0m▀\x1b[0m"]


def test_second_row_after_the_same_colours() -> None:
    """Every row states its colours anew, because rows are painted on their own."""
    lines = encode.encode(*encode.pack(pixels([RED], [RED], [RED], [RED])))
    assert lines == ["\x1b[48;2;255;0;0m \x1b[0m"] * 2


def test_256_colours() -> None:
    """Colours are palette indices: pure red is 196, mid grey on the ramp."""
    picture = pixels([RED], [0x6C6C6C])
    assert encode.encode(*encode.pack_256(picture), encode.EIGHT_BIT) == ["\x1b[38;5;196;48;5;242m▀\x1b[0m"]


@pytest.mark.parametrize(("colour", "index"), [(0, 16), (0xFFFFFF, 231), (0x00D7FF, 45), (0x303030, 236)])
def test_nearest_palette_colour(colour: int, index: int) -> None:
    """Corners of the cube map to themselves, dark greys to the grey ramp."""
    top, _ = encode.pack_256(pixels([colour], [colour]))
    assert top.tolist() == [[index]]


def test_noisy_picture() -> None:
    """Cells that all differ are written by the fixed-width writer, each in full."""
    picture = pixels([RED, GREEN] * 2, [GREEN, BLUE] * 2)
    cells = "\x1b[38;2;255;000;000;48;2;000;255;000m▀\x1b[38;2;000;255;000;48;2;000;000;255m▀"
    assert encode.encode(*encode.pack(picture)) == [cells * 2 + "\x1b[0m"]


def test_wide_picture_in_a_square_view() -> None:
    """The width is filled and the height follows the picture's shape."""
    assert encode.fit(600, 400, 90, 45) == (90, 60)


def test_tall_cells() -> None:
    """Where a cell is more than twice as high as wide, fewer rows keep the picture's shape."""
    assert encode.fit(100, 100, 100, 100, cell_aspect=2.5) == (100, 80)


def test_view_smaller_than_one_picture_pixel() -> None:
    """At least one cell is used."""
    assert encode.fit(1000, 1, 1, 1) == (1, 2)


def test_crisp_small_picture() -> None:
    """It grows by a whole factor only."""
    assert encode.fit(10, 7, 80, 24, crisp=True) == (60, 42)


def test_crisp_large_picture() -> None:
    """It shrinks as without crisp."""
    assert encode.fit(600, 400, 90, 45, crisp=True) == encode.fit(600, 400, 90, 45)


def test_downscaling_keeps_a_thin_ball() -> None:
    """Area means leave a trace of one bright pixel, where taking the nearest would lose it."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[1, 1] = 255
    assert encode.resize(picture, 8, 8)[0, 0].min() > 0


def test_odd_height() -> None:
    """The missing lower half gets the background."""
    assert encode.even_rows(pixels([RED]), (0, 0, 255)).tolist() == pixels([RED], [BLUE]).tolist()


def test_braille_of_a_bright_dot() -> None:
    """The brightest pixel is a dot, the dark rest is blank."""
    picture = np.zeros((4, 2, 3), np.uint8)
    picture[0, 0] = 255
    assert encode.braille(picture).tolist() == [[0x2801]]


def test_braille_of_a_dark_line_on_white() -> None:
    """Dots show what stands out from a bright background."""
    picture = np.full((4, 4, 3), 255, np.uint8)
    picture[3] = 0
    assert encode.braille(picture).tolist() == [[0x28C0, 0x28C0]]


def test_braille_of_one_colour() -> None:
    """Nothing stands out, nothing is drawn."""
    assert encode.braille(np.zeros((4, 2, 3), np.uint8)).tolist() == [[ord(" ")]]
