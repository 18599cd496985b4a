"""RecentList: the newest episodes, one line each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import set_cell_size
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ldp_tui.tui.plain import plain_line

_MARKS = {True: ("●", "$reward-up"), False: ("○", "$reward-down"), None: ("·", "$foreground-muted")}


@dataclass(frozen=True, slots=True)
class RecentEpisode:
    """What one line shows. `started` is seconds since the epoch."""

    uid: str
    environment: str
    agent: str
    return_: float
    steps: int
    success: bool | None
    started: float


class RecentList(OptionList):
    """Posts `OptionSelected` with the episode's uid as the option's id."""

    DEFAULT_CSS = """
    RecentList { scrollbar-gutter: stable; }
    """
    HELP = "Enter replays the episode. ● succeeded, ○ did not, · the task does not say."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, markup=False, compact=True)
        self._episodes: tuple[RecentEpisode, ...] = ()

    def show(self, episodes: Sequence[RecentEpisode]) -> None:
        """Show these episodes, newest first."""
        self._episodes = tuple(episodes)
        self._fill()

    def on_resize(self, event: events.Resize) -> None:
        """Share the width anew."""
        self._fill()

    def _fill(self) -> None:
        highlighted = self.highlighted
        self.clear_options()
        if not self._episodes:
            self.add_option(
                Option(Content.styled("Nothing recorded yet. Try the demo.", "$foreground-muted"), disabled=True)
            )
            return
        self.add_options(Option(self._line(episode), id=episode.uid) for episode in self._episodes)
        self.highlighted = min(highlighted or 0, len(self._episodes) - 1)

    def _line(self, episode: RecentEpisode) -> Content:
        mark, colour = _MARKS[episode.success]
        when = ago(time.time() - episode.started)
        figures = f"{episode.return_:>9,.2f}" if abs(episode.return_) < 1e5 else f"{episode.return_:>9.1e}"
        figures = figures.replace("-", "\N{MINUS SIGN}")
        names = max(16, self.scrollable_content_region.width - 2 - len(figures) - 8)
        left = names * 3 // 5
        return Content.assemble(
            (f"{mark} ", colour),
            set_cell_size(plain_line(episode.environment), left - 1) + " ",
            (set_cell_size(plain_line(episode.agent), names - left), "$foreground-muted"),
            figures,
            (f"{when:>8}", "$foreground-muted"),
        )


def ago(seconds: float) -> str:
    """A duration as people say it: `now`, `5 min`, `3 h`, `2 days`."""
    for limit, size, unit in ((60, 1, ""), (3600, 60, " min"), (86_400, 3600, " h"), (172_800, 86_400, " day")):
        if seconds < limit:
            return f"{int(seconds // size)}{unit}" if unit else "now"
    return f"{int(seconds // 86_400)} days"
