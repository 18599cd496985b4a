"""StepLog: one line a step, figures aligned, the newest at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from ldp_tui.tui.widgets.following import FollowingView


@dataclass(frozen=True, slots=True)
class StepLine:
    """What a line shows; the texts hold no control characters."""

    number: int
    action: str
    reward: float
    reward_text: str
    observation: str


class StepLog(FollowingView, can_focus=True):
    """Follows its end, unless it is scrolled back."""

    HELP = "Step, action, reward (▲ gain, ▼ loss), and what was seen then. Arrows and page keys scroll."
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"step-log--{part}" for part in ("number", "action", "up", "down", "none", "observation", "hint")
    }
    DEFAULT_CSS = """
    StepLog {
        width: 1fr; height: 1fr;
        & > .step-log--number { color: $foreground-muted; }
        & > .step-log--action { color: $foreground; text-style: bold; }
        & > .step-log--up { color: $primary; }
        & > .step-log--down { color: $warning; }
        & > .step-log--none { color: $foreground-muted; }
        & > .step-log--observation { color: $foreground-muted; }
        & > .step-log--hint { color: $foreground-muted; text-style: italic; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: list[StepLine] = []
        self._widest = 4

    def append(self, lines: Sequence[StepLine]) -> None:
        """Add steps at the end."""
        if not lines:
            return
        self._lines += lines
        self._widest = max(self._widest, *(len(line.action) for line in lines))
        self._resized()

    def on_resize(self) -> None:
        """Stay at the end."""
        self._resized()

    def clear(self) -> None:
        """Forget everything."""
        self._lines, self._widest = [], 4
        self.follow()
        self._resized()

    def render_line(self, y: int) -> Strip:
        """A visible step."""
        width, index = self.size.width, y + round(self.scroll_y)
        if index >= len(self._lines):
            hint = "no step yet" if not self._lines and y == 0 else ""
            return self._strip([("hint", hint)], width)
        line = self._lines[index]
        sign = "up" if line.reward > 0 else "down" if line.reward < 0 else "none"
        action = min(self._widest, max(8, width // 3))
        return self._strip(
            [
                ("number", f"{line.number:>4} "),
                ("action", set_cell_size(line.action, action) + " "),
                (sign, f"{line.reward_text:>10}  "),
                ("observation", line.observation),
            ],
            width,
        )

    def _strip(self, parts: list[tuple[str, str]], width: int) -> Strip:
        base = self.rich_style
        segments = [Segment(text, self.get_component_rich_style(f"step-log--{part}")) for part, text in parts]
        return Strip(segments).adjust_cell_length(width, base)

    def _resized(self) -> None:
        self.now_has(len(self._lines))
