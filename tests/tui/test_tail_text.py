import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from ldp_tui.tui.plain import plain
from ldp_tui.tui.widgets.tail_text import TailText


class OneText(App[None]):
    def __init__(self, **options: object) -> None:
        super().__init__()
        self.options = options

    def compose(self) -> ComposeResult:
        yield TailText(**self.options)

    @property
    def tail(self) -> TailText:
        return self.query_one(TailText)

    def rows(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]


async def test_words_that_arrive_in_pieces() -> None:
    """They wrap as the whole text would."""
    async with OneText().run_test(size=(10, 4)) as pilot:
        for piece in ["hel", "lo wo", "rld, how", " are\nyou"]:
            pilot.app.tail.append(piece)
        await pilot.pause()
        assert pilot.app.rows() == ["hello", "world, how", "are", "you"]


async def test_more_lines_than_fit() -> None:
    """The end is shown."""
    async with OneText().run_test(size=(10, 2)) as pilot:
        pilot.app.tail.append("1\n2\n3\n4")
        await pilot.pause()
        assert pilot.app.rows() == ["3", "4"]


async def test_text_that_arrives_while_scrolled_back() -> None:
    """The view keeps its place and says how many lines are below; the end key follows again."""
    async with OneText().run_test(size=(10, 3)) as pilot:
        pilot.app.tail.append("\n".join("abcdefgh"))
        pilot.app.tail.focus()
        await pilot.press("home")
        pilot.app.tail.append("\ni")
        await pilot.pause()
        assert pilot.app.rows() == ["a", "b", "c     ↓ 6"]
        assert not pilot.app.tail.following
        await pilot.press("end")
        assert pilot.app.rows() == ["g", "h", "i"]
        assert pilot.app.tail.following


async def test_page_keys() -> None:
    """A page overlaps by one line; the last page follows."""
    async with OneText().run_test(size=(10, 3)) as pilot:
        pilot.app.tail.append("\n".join("abcdef"))
        pilot.app.tail.focus()
        await pilot.press("pageup")
        assert pilot.app.rows()[0] == "b"
        await pilot.press("pagedown")
        assert pilot.app.tail.following


async def test_resize() -> None:
    """Everything kept is wrapped anew."""
    async with OneText().run_test(size=(20, 4)) as pilot:
        pilot.app.tail.append("one two three four five\nsix")
        await pilot.resize_terminal(9, 4)
        await pilot.pause()
        assert pilot.app.rows() == ["one two", "three", "four five", "six"]


async def test_long_text_shown_from_its_start() -> None:
    """The beginning is on the screen; replacing it otherwise follows the end."""
    async with OneText().run_test(size=(10, 2)) as pilot:
        pilot.app.tail.show("a\nb\nc", from_start=True)
        await pilot.pause()
        assert pilot.app.rows() == ["a", "b     ↓ 1"]
        pilot.app.tail.show("a\nb\nc")
        await pilot.pause()
        assert pilot.app.rows() == ["b", "c"]


async def test_padded_text() -> None:
    """Lines are wrapped inside of the padding."""
    async with OneText().run_test(size=(9, 3)) as pilot:
        pilot.app.tail.styles.padding = (0, 1)
        pilot.app.tail.append("one two three")
        await pilot.pause()
        assert pilot.app.rows() == [" one two", " three", ""]


async def test_more_text_than_is_kept() -> None:
    """Oldest paragraphs go, the newest stay."""
    async with OneText(max_lines=100).run_test(size=(10, 2)) as pilot:
        for index in range(1000):
            pilot.app.tail.append(f"{index}\n")
        kept = pilot.app.tail.text.split("\n")
        assert kept[-2:] == ["999", ""]
        assert 100 <= len(kept) <= 125


async def test_markup_and_escape_codes() -> None:
    """They are text."""
    async with OneText().run_test(size=(20, 1)) as pilot:
        pilot.app.tail.append("[b]x[/b]\x1b[31m")
        await pilot.pause()
        assert pilot.app.rows() == ["[b]x[/b]␛[31m"]


async def test_no_text_yet() -> None:
    """The hint is shown until text arrives, and again after clear."""
    async with OneText(hint="nothing yet").run_test(size=(20, 1)) as pilot:
        assert pilot.app.rows() == ["nothing yet"]
        pilot.app.tail.append("x")
        await pilot.pause()
        assert pilot.app.rows() == ["x"]
        pilot.app.tail.clear()
        await pilot.pause()
        assert pilot.app.rows() == ["nothing yet"]


async def test_selected_lines() -> None:
    """Selecting all gives the text."""
    async with OneText().run_test(size=(20, 3)) as pilot:
        pilot.app.tail.append("one\ntwo")
        pilot.app.tail.text_select_all()
        await pilot.pause()
        assert pilot.app.screen.get_selected_text() == "one\ntwo"


@pytest.mark.parametrize("width", [3, 11, 40])
@settings(deadline=None)
@given(pieces=st.lists(st.text(st.sampled_from("ab \n中é\t"), max_size=12), max_size=12))
def test_any_pieces(width: int, pieces: list[str]) -> None:
    """Nothing is lost, however the text was cut."""
    tail = TailText()
    tail._width = width
    for piece in pieces:
        tail.append(piece)
    assert tail.text == plain("".join(pieces))
    assert len(tail._lines) == sum(count for _, count in tail._paragraphs) + tail._open_lines
