"""Transcript: a conversation of blocks, each told apart by a mark in the margin and by colour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.segment import Segment
from textual import events
from textual.strip import Strip

from ldp_tui.tui.plain import plain
from ldp_tui.tui.widgets.following import FollowingView
from ldp_tui.tui.wrapping import wrap

BlockKind = Literal["observation", "reflection", "call", "answer", "gain", "loss", "person"]

MARKS: dict[BlockKind, str] = {
    "observation": "│",
    "reflection": "·",
    "call": "▸",
    "answer": "◂",
    "gain": " ",
    "loss": " ",
    "person": "✎",
}
KEPT = 4_000
"""Blocks kept for display."""
LONGEST = 20_000
"""Characters of a block that are shown; the rest is in the store."""


@dataclass(frozen=True, slots=True)
class Block:
    """One thing said or done."""

    kind: BlockKind
    text: str


class Transcript(FollowingView, can_focus=True):
    """Grows at the end and follows it, unless it is scrolled back. All text is shown as it is."""

    HELP = (
        "▸ a call, ◂ its answer, · the player's reasons, ✎ who intervened. Arrows and page keys scroll; End follows "
        "again."
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"transcript--{kind}" for kind in MARKS}
    DEFAULT_CSS = """
    Transcript {
        width: 1fr; height: 1fr;
        & > .transcript--observation { color: $foreground; }
        & > .transcript--reflection { color: $foreground-muted; text-style: italic; }
        & > .transcript--call { color: $accent; text-style: bold; }
        & > .transcript--answer { color: $foreground; }
        & > .transcript--gain { color: $primary; }
        & > .transcript--loss { color: $warning; }
        & > .transcript--person { color: $secondary; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._blocks: list[Block] = []
        self._lines: list[tuple[BlockKind, str]] = []
        self._pending: tuple[Block, ...] = ()
        self._settled = 0
        self._width = 0

    @property
    def text(self) -> str:
        """What is shown, line by line."""
        return "\n".join(line for _, line in self._lines)

    def append(self, blocks: Iterable[Block]) -> None:
        """Add blocks at the end."""
        fresh = list(blocks)
        if not fresh:
            return
        self._pending = ()
        del self._lines[self._settled :]
        self._blocks += fresh
        if len(self._blocks) > KEPT:
            self._blocks = self._blocks[-KEPT // 2 :]
            self._wrap_all()
        else:
            for block in fresh:
                self._wrap(block)
            self._settled = len(self._lines)
        self._resized()

    def show_pending(self, blocks: tuple[Block, ...]) -> None:
        """What is being said at the end, until more is added: it takes the place of what was pending before."""
        if blocks != self._pending:
            self._pending = blocks
            self._wrap_pending()
            self._resized()

    def clear(self) -> None:
        """Forget everything."""
        self._blocks, self._lines, self._pending, self._settled = [], [], (), 0
        self.follow()
        self._resized()

    def on_resize(self, event: events.Resize) -> None:
        """Wrap to the new width."""
        width = self.scrollable_content_region.width
        if width != self._width:
            self._width = width
            self._wrap_all()
        self._resized()

    def render_line(self, y: int) -> Strip:
        """A visible line."""
        width, index = self.size.width, y + round(self.scroll_y)
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        kind, line = self._lines[index]
        style = self.get_component_rich_style(f"transcript--{kind}")
        return Strip([Segment(line, style)]).adjust_cell_length(width, self.rich_style).apply_offsets(0, index)

    def _wrap_all(self) -> None:
        self._lines = []
        for block in self._blocks:
            self._wrap(block)
        self._settled = len(self._lines)
        self._wrap_pending()

    def _wrap_pending(self) -> None:
        del self._lines[self._settled :]
        for block in self._pending:
            self._wrap(block)

    def _wrap(self, block: Block) -> None:
        width = max(8, (self._width or 80) - 2)
        mark = MARKS[block.kind]
        text = plain(block.text[:LONGEST]) + (" …" if len(block.text) > LONGEST else "")
        if self._lines and block.kind in {"call", "reflection"} and self._lines[-1][0] not in {"call", "reflection"}:
            self._lines.append(("answer", ""))
        for paragraph in text.split("\n"):
            for line in wrap(paragraph, width):
                self._lines.append((block.kind, f"{mark} {line}"))
                mark = MARKS[block.kind] if block.kind == "observation" else " "

    def _resized(self) -> None:
        self.now_has(len(self._lines), width=self._width)
