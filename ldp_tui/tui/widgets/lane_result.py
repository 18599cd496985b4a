"""LaneResult: what can be done when a lane is over, over the actions that can be done no more."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from ldp_tui.tui.plain import plain_line

Hints = Sequence[tuple[str, str]]
"""Keys, and what each does."""


class LaneResult(Vertical):
    """One line of keys; above it the reason of a failure, which may be long."""

    DEFAULT_CSS = """
    LaneResult {
        height: auto;
        & > .failure { height: auto; max-height: 3; display: none; }
        & > .hints { height: auto; max-height: 3; }
        &.-failure > .failure { display: block; }
    }
    """

    def compose(self) -> ComposeResult:
        """Both parts."""
        yield Static(classes="failure")
        yield Static(classes="hints")

    def show(self, hints: Hints, *, failure: str = "") -> None:
        """Offer what comes next."""
        self.set_class(bool(failure), "-failure")
        self.query_one(".failure", Static).update(Content(plain_line(failure)))
        self.query_one(".hints", Static).update(
            Content("  ").join(Content.assemble((key, "$accent bold"), f" {what}") for key, what in hints)
        )
