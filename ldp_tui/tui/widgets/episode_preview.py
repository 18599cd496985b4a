"""EpisodePane: an episode at a glance — last picture, texts, facts and the return curve."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from ldp_tui.core.environment import Picture
from ldp_tui.tui.episode_preview import EpisodePreview
from ldp_tui.tui.plain import plain, plain_line
from ldp_tui.tui.widgets.braille_plot import BraillePlot, Series
from ldp_tui.tui.widgets.frame_view import FrameView


class EpisodePane(Horizontal):
    """Shows one preview after another; parts that an episode lacks take no room."""

    DEFAULT_CSS = """
    EpisodePane {
        & > FrameView { width: 1fr; max-width: 46; margin-right: 2; display: none; }
        & > VerticalScroll { width: 2fr; scrollbar-size-vertical: 1; }
        & > .facts { width: 38; height: 1fr; margin-left: 2; }
        & .fact-lines { height: auto; max-height: 60%; }
        & BraillePlot { min-height: 3; }
        &.-picture > FrameView { display: block; }
        &.-nothing > .facts { display: none; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._frame = FrameView()
        self._passages = Static(classes="passages")
        self._scroll = VerticalScroll(self._passages)
        self._facts = Static(classes="fact-lines")
        self._curve = BraillePlot(hint="no steps yet")

    def compose(self) -> ComposeResult:
        """Picture, texts, and facts over the curve."""
        yield self._frame
        yield self._scroll
        yield Vertical(self._facts, self._curve, classes="facts")

    def show(self, preview: EpisodePreview) -> None:
        """Show an episode."""
        match preview.rendering:
            case Picture() as picture:
                self._frame.set_frame(picture)
            case str() as text:
                self._frame.set_text(text)
            case None:
                pass
        self.set_class(preview.rendering is not None, "-picture")
        self.remove_class("-nothing")
        lines = [
            Content.assemble((f"{passage.title}\n", "$foreground-muted"), Content(plain(passage.text)), "\n")
            for passage in preview.passages
        ]
        self._passages.update(Content("\n").join(lines))
        self._scroll.scroll_home(animate=False)
        facts = [
            Content.assemble((f"{name:<12}", "$foreground-muted"), Content(plain_line(value)))
            for name, value in preview.facts
        ]
        self._facts.update(Content("\n").join(facts))
        self._curve.show([Series("return", preview.returns)] if len(preview.returns) > 1 else [])

    def show_problem(self, reason: str) -> None:
        """Say why there is nothing to show."""
        self.remove_class("-picture")
        self.add_class("-nothing")
        self._passages.update(Content.styled(plain(reason), "$foreground-muted"))
