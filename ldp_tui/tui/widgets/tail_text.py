"""TailText: text that arrives in pieces, at any rate, in as many cells as there are."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from ldp_tui.tui.plain import plain
from ldp_tui.tui.wrapping import wrap


class TailText(Widget, can_focus=True):
    """Shows the end of a growing plain text; scrolling back holds the place until the end is reached again.

    Only the last line is wrapped when text arrives, and no layout happens: a thousand pieces a second are cheap.
    Nothing in the text is interpreted, neither markup nor control characters.
    """

    DEFAULT_CSS = """
    TailText {
        width: 1fr; height: 1fr;
        & > .tail-text--below { background: $accent; color: $background; }
        & > .tail-text--hint { color: $text-muted; text-style: italic; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tail-text--below", "tail-text--hint"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_lines(-1)", "Up", show=False),
        Binding("down,j", "scroll_lines(1)", "Down", show=False),
        Binding("pageup,ctrl+u", "scroll_pages(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+d", "scroll_pages(1)", "Page down", show=False),
        Binding("home,g", "scroll_to_start", "Start", show=False),
        Binding("end,G", "scroll_to_end", "End", show=False),
    ]

    def __init__(
        self,
        text: str = "",
        *,
        hint: str = "",
        max_lines: int = 5000,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """`hint` shows while there is no text; at least `max_lines` wrapped lines are kept, at most a quarter more."""
        super().__init__(id=id, classes=classes)
        self._hint = plain(hint)
        self._max_lines = max_lines
        self._width = 0
        self._above = 0
        """Lines above the view; only meaningful while the view does not follow the end."""
        self._following = True
        self._reset()
        self.append(text)

    @property
    def text(self) -> str:
        """Everything kept."""
        return "\n".join([*(paragraph for paragraph, _ in self._paragraphs), self._open])

    @property
    def following(self) -> bool:
        """Whether the view sticks to the end."""
        return self._following

    def append(self, text: str) -> None:
        """Add text at the end; newlines end paragraphs."""
        if not text:
            return
        shown, top, last = self._line_count, self._top, len(self._lines) - 1
        first, *rest = plain(text).split("\n")
        self._extend(first)
        for paragraph in rest:
            self._close_paragraph()
            self._extend(paragraph)
        dropped = self._drop_oldest()
        if dropped or not shown or self._top != top:
            self.refresh()
            return
        width, height = self.size  # everything above the line that the text was added to stays as it is
        changed = min(last - top, height - 1)
        self.refresh(Region(0, changed, width, height - changed))

    def show(self, text: str, *, from_start: bool = False) -> None:
        """Replace everything; the view follows the end again, or with `from_start` shows the beginning."""
        self._reset()
        self._following, self._above = not from_start, 0
        self.append(text)
        self.refresh()

    def clear(self) -> None:
        """Forget everything."""
        self.show("")

    def on_resize(self) -> None:
        """Wrap everything kept to the new width, holding the place by its share of the text."""
        if self.size.width == self._width:
            self._above = min(self._above, self._last_top)
            return
        lines = len(self._lines)
        kept, self._width = self.text, self.size.width
        self._reset()
        for index, paragraph in enumerate(kept.split("\n")):
            if index:
                self._close_paragraph()
            self._extend(paragraph)
        self._above = min(self._last_top, round(self._above * len(self._lines) / lines))
        self.refresh()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll back."""
        event.stop()
        self.action_scroll_lines(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll on."""
        event.stop()
        self.action_scroll_lines(3)

    def action_scroll_lines(self, lines: int) -> None:
        """Move the view; at the end it follows the text again."""
        top = max(0, min(self._top + lines, self._last_top))
        self._above, self._following = top, top >= self._last_top
        self.refresh()

    def action_scroll_pages(self, pages: int) -> None:
        """Move the view by pages, one line overlapping."""
        self.action_scroll_lines(pages * max(1, self.size.height - 1))

    def action_scroll_to_start(self) -> None:
        """Show the oldest line kept."""
        self.action_scroll_lines(-len(self._lines))

    def action_scroll_to_end(self) -> None:
        """Follow the end."""
        self.action_scroll_lines(len(self._lines))

    def render_line(self, y: int) -> Strip:
        """A visible line, with the count of lines below in the last one while scrolled back."""
        width, height = self.size
        style = self.rich_style
        if not self._line_count:
            return self._hint_line(y)
        index = self._top + y
        if index >= self._line_count:
            return Strip.blank(width, style)
        strip = self._text_strip(index, style).adjust_cell_length(width, style)
        below = self._line_count - self._top - height
        if y == height - 1 and below > 0:
            label = f" ↓ {below:,} "
            mark = Strip([Segment(label, self.get_component_rich_style("tail-text--below"))])
            strip = Strip.join([strip.crop(0, max(0, width - mark.cell_length)), mark]).crop(0, width)
        return strip.apply_offsets(0, index)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected part of the lines as they are wrapped."""
        return selection.extract("\n".join(line.rstrip() for line in self._lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw the selection."""
        self.refresh()

    @property
    def _line_count(self) -> int:
        """Lines to show: one just begun counts once it has text."""
        return len(self._lines) - (not self._lines[-1])

    @property
    def _last_top(self) -> int:
        return max(0, self._line_count - self.size.height)

    @property
    def _top(self) -> int:
        return self._last_top if self._following else self._above

    def _reset(self) -> None:
        self._paragraphs: deque[tuple[str, int]] = deque()
        """Finished paragraphs with the count of their lines."""
        self._open = ""
        self._open_lines = 1
        self._lines: list[str] = [""]

    def _extend(self, text: str) -> None:
        self._open += text
        self._lines[-1:] = lines = wrap(self._lines[-1] + text, self._width or 80)
        self._open_lines += len(lines) - 1

    def _close_paragraph(self) -> None:
        self._paragraphs.append((self._open, self._open_lines))
        self._open, self._open_lines = "", 1
        self._lines.append("")

    def _drop_oldest(self) -> bool:
        """Drop whole paragraphs once a quarter too many lines have gathered, to spread the cost; whether any."""
        if len(self._lines) <= self._max_lines + self._max_lines // 4:
            return False
        excess = 0
        while self._paragraphs and len(self._lines) - excess - self._paragraphs[0][1] >= self._max_lines:
            excess += self._paragraphs.popleft()[1]
        del self._lines[:excess]
        self._above = max(0, self._above - excess)
        return excess > 0

    def _hint_line(self, y: int) -> Strip:
        lines = wrap(self._hint, max(1, self.size.width))
        style = self.get_component_rich_style("tail-text--hint")
        text = lines[y].rstrip() if y < len(lines) else ""
        return Strip([Segment(text, style)]).adjust_cell_length(self.size.width, self.rich_style)

    def _text_strip(self, index: int, style: Style) -> Strip:
        text = self._lines[index].rstrip(" ")
        selection = self.text_selection
        span = selection.get_span(index) if selection is not None else None
        if span is None:
            return Strip([Segment(text, style)])
        start, end = span[0], len(text) if span[1] == -1 else span[1]
        selected = style + self.screen.get_component_rich_style("screen--selection")
        parts = [(text[:start], style), (text[start:end], selected), (text[end:], style)]
        return Strip([Segment(part, part_style) for part, part_style in parts if part])
