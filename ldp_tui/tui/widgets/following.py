"""FollowingView: lines that grow at the end, which the view follows unless it is scrolled back."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView


class FollowingView(ScrollView):
    """Base of line views. Growing costs a repaint and no layout: the bar's place is kept free (`scrollbar-gutter`)."""

    DEFAULT_CSS = """
    FollowingView { scrollbar-size-vertical: 1; scrollbar-gutter: stable; overflow-x: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", "Up", show=False),
        Binding("j", "scroll_down", "Down", show=False),
        Binding("g", "scroll_home", "Start", show=False),
        Binding("G", "scroll_end", "End", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._following = True

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling back stops following; reaching the end starts it again."""
        super().watch_scroll_y(old_value, new_value)
        if new_value >= self.max_scroll_y:
            self._following = True
        elif new_value < old_value:
            self._following = False

    def follow(self) -> None:
        """Go to the end, and stay there."""
        self._following = True

    def now_has(self, lines: int, *, width: int = 1) -> None:
        """Say how many lines there are, and show the end if it is followed."""
        size, before = Size(width, lines), self.virtual_size
        room = self.size.height
        if before.width == size.width and room < before.height and room < lines:
            self.set_reactive(ScrollView.virtual_size, size)  # the bar stays: nothing but it has to know
            self.vertical_scrollbar.window_virtual_size = lines
        else:
            self.virtual_size = size
        if self._following:
            self.scroll_end(animate=False)
        self.refresh()
