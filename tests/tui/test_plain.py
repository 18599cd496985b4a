import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ldp_tui.tui.plain import plain, plain_except_colours, plain_line
from ldp_tui.tui.wrapping import wrap

ANY_TEXT = st.text(st.characters())
NASTY = st.text(
    st.sampled_from("a b\t\n\r\x1b[31m\x9b\x00\x7f\u202e\u2066\u200f\u2028\x85\ud800\U000e0041é中👩\u200d\u0301\ufe0f")
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a␛[31mb"),
        ("bell\x07", "bell␇"),
        ("\x9b2J", "\ufffd2J"),
        ("one\r\ntwo", "one\ntwo"),
        ("a\tb", "a    b"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("a\u2028b\x85c", "a\nb\nc"),
        ("half \ud83d", "half \ufffd"),
        ("hid\U000e0064den", "hidden"),
        ("[bold]no markup[/]", "[bold]no markup[/]"),
    ],
)
def test_unsafe_characters(text: str, shown: str) -> None:
    """They are made visible, replaced or dropped; ordinary text stays as it is."""
    assert plain(text) == shown


@given(ANY_TEXT | NASTY)
def test_any_text_made_plain(text: str) -> None:
    """No control character but the newline is left, no direction override, and nothing changes the second time."""
    cleaned = plain(text)
    assert all(unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"} or c == "\n" for c in cleaned)
    assert not any(
        unicodedata.bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"} for c in cleaned
    )
    assert plain(cleaned) == cleaned
    cleaned.encode()


@given(NASTY, NASTY)
def test_text_cut_anywhere(left: str, right: str) -> None:
    """Cleaning the pieces is cleaning the whole."""
    assert plain(left) + plain(right) == plain(left + right)


def test_one_line() -> None:
    """Newlines are spaces."""
    assert plain_line("a\nb\x1b") == "a b␛"


def test_colours_kept() -> None:
    """Colours pass; titles, links, cursor moves and stray escapes go."""
    text = "\x1b]0;evil\x07\x1b[1;31mred\x1b[0m\x1b[2J\x1b[?1049h\x1b]8;;http://x\x1b\\link\x1bc\x08"
    assert plain_except_colours(text) == "\x1b[1;31mred\x1b[0mlink␈"


@given(NASTY | st.text())
def test_only_colour_sequences_survive(text: str) -> None:
    """Every escape character left begins a colour sequence."""
    pieces = plain_except_colours(text).split("\x1b")
    assert all(piece.startswith("[") and "m" in piece for piece in pieces[1:])


def widest(lines: list[str]) -> int:
    return max(cell_len(line.rstrip(" ")) for line in lines)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one ", "two ", "three"]),
        ("abcdefghijkl", ["abcdef", "ghijkl"]),
        ("ab cdefghijk", ["ab ", "cdefgh", "ijk"]),
        ("中文中文", ["中文中", "文"]),
        ("  in", ["  in"]),
        ("abcdef    x", ["abcdef    ", "x"]),
    ],
)
def test_wrapping_to_six_cells(text: str, lines: list[str]) -> None:
    """Words go whole to the next line, long ones break, wide characters count two, spaces stay behind."""
    assert wrap(text, 6) == lines


@given((NASTY | st.text()).map(plain_line), st.integers(2, 30))
def test_any_text_wrapped(text: str, width: int) -> None:
    """No line is wider than the width and no character is lost."""
    lines = wrap(text, width)
    assert widest(lines) <= width
    assert "".join(lines) == text


@given((NASTY | st.text()).map(plain_line), (NASTY | st.text()).map(plain_line), st.integers(2, 30))
def test_wrapping_continued(first: str, second: str, width: int) -> None:
    """Wrapping the last line again with more text is wrapping the whole."""
    *done, last = wrap(first, width)
    assert done + wrap(last + second, width) == wrap(first + second, width)
