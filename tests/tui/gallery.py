"""Every widget on one screen, to look at: `python -m tests.tui.gallery [PAGE] [--svg FILE --size 120x40]`."""

from __future__ import annotations

import argparse
import asyncio
import math
from collections.abc import Sequence

import numpy as np
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Header

from ldp_tui.tui.widgets.action_pad import ActionPad, Choice
from ldp_tui.tui.widgets.braille_plot import BraillePlot, Marker, Series
from ldp_tui.tui.widgets.frame_view import FrameView
from ldp_tui.tui.widgets.row_table import Cell, Column, RowTable
from ldp_tui.tui.widgets.scrubber import Scrubber
from ldp_tui.tui.widgets.tail_text import TailText
from ldp_tui.tui.widgets.tool_form import ToolForm
from tests.tui.frame_app import film

REFLECTION = (
    "The pole leans to the right and its angular velocity is +0.41 rad/s, so pushing right moves the cart under it. "
    "If I push left now the lean grows by about 0.02 rad each step and the episode ends within nine steps.\n\n"
    "I push right, then look again: 中文, naïve café, emoji 👩‍💻 and [bold]markup[/bold] stay text.\n"
)
LAKE = "  (Down)\n\x1b[41mS\x1b[0mFFF\nFHFH\nFFFH\nHFFG"


class Episodes:
    """A million made-up episodes."""

    COLUMNS = (
        Column("uid", "", 0),
        Column("t", "when", 11, sortable=True),
        Column("env", "environment", 18, sortable=True, grow=True),
        Column("agent", "agent", 16, sortable=True, grow=True),
        Column("steps", "steps", 6, align="right", sortable=True),
        Column("return", "return", 9, align="right", sortable=True),
        Column("end", "end", 10),
        Column("tags", "tags", 12, grow=True),
    )
    ENVIRONMENTS = ("CartPole-v1", "Blackjack-v1", "FrozenLake-v1", "calculator", "a very long environment name")

    def count(self) -> int:
        return 1_000_000

    def rows(self, start: int, stop: int) -> Sequence[Sequence[Cell]]:
        return [
            (
                str(row),
                f"{row % 24:02d}:{row % 60:02d} today",
                self.ENVIRONMENTS[row % 5],
                ("human", "random", "react:gpt-4o")[row % 3],
                row * 7 % 500,
                f"{math.sin(row) * 100:+.1f}".replace("-", "−"),
                ("terminated", "truncated", "failed")[row % 3],
                "good, short" if row % 4 == 0 else None,
            )
            for row in range(start, stop)
        ]


TOOLS = (
    {
        "name": "calculate",
        "description": "Work out an arithmetic expression and return its value.",
        "parameters": {
            "type": "object",
            "properties": {
                "expression": {"type": "string", "description": "What to work out, such as (3 + 4) * 5"},
                "digits": {"type": "integer", "minimum": 0, "maximum": 9, "default": 2, "description": "Decimals kept"},
                "rounding": {"enum": ["nearest", "up", "down"], "default": "nearest"},
                "exact": {"type": "boolean", "description": "Refuse to round"},
                "steps": {"type": "array", "items": {"type": "string"}, "description": "Your working, a line each"},
            },
            "required": ["expression"],
        },
    },
    {
        "name": "submit",
        "description": "Hand in the answer.",
        "parameters": {"type": "object", "properties": {"answer": {"type": "number"}}, "required": ["answer"]},
    },
    {"name": "give_up", "description": "End the episode.", "parameters": {"type": "object", "properties": {}}},
)


class Gallery(App[None]):
    CSS = """
    .pane { border: round $border; border-title-color: $text-muted; &:focus-within { border: round $accent; } }
    .row { height: 1fr; }
    """

    def __init__(self, page: str = "play") -> None:
        super().__init__()
        self.page = page

    def compose(self) -> ComposeResult:
        yield Header()
        yield from getattr(self, f"compose_{self.page}")()
        yield Footer()

    def compose_play(self) -> ComposeResult:
        with Vertical():
            with Horizontal(classes="row"):
                yield self.pane("picture", FrameView(id="cart"))
                yield self.pane("text render", FrameView(id="lake"))
            with Horizontal(classes="row"):
                yield self.pane("reflection", TailText(hint="no reflection yet"))
                yield self.pane("nothing yet", TailText(hint="the agent has not spoken yet"))
            with Horizontal(classes="row"):
                yield self.pane("return", BraillePlot(id="curve"))
                yield self.pane("loss", BraillePlot(id="empty"))

    def compose_table(self) -> ComposeResult:
        yield self.pane("episodes", RowTable(Episodes.COLUMNS, Episodes()))

    def compose_controls(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield self.pane("your move", ToolForm(TOOLS))
            with Vertical():
                yield self.pane("actions", ActionPad(id="plain"))
                yield self.pane("actions of a policy", ActionPad(id="policy"))
                yield self.pane("replay", Scrubber())

    def pane(self, title: str, *widgets: object) -> Vertical:
        pane = Vertical(*widgets, classes="pane")
        pane.border_title = title
        return pane

    def on_mount(self) -> None:
        self.title = "gallery"
        getattr(self, f"fill_{self.page}", lambda: None)()

    def fill_play(self) -> None:
        self.query_one("#cart", FrameView).set_frame(film(40)[-1])
        self.query_one("#lake", FrameView).set_text(LAKE)
        tail = self.query_one(TailText)
        for word in (REFLECTION * 4).split(" "):
            tail.append(word + " ")
        steps = np.arange(600)
        smooth = 200 * (1 - np.exp(-steps / 150))
        noisy = smooth + np.random.default_rng(0).normal(0, 25, 600)
        noisy[200:230] = np.nan
        self.query_one("#curve", BraillePlot).show(
            [Series("return", noisy, 0), Series("mean", smooth, 1)], markers=[Marker(250, "solved")]
        )

    def fill_controls(self) -> None:
        names = ("left", "down", "right", "up")
        choices = [Choice(name, name, "step", {"action": index}) for index, name in enumerate(names)]
        for pad in self.query(ActionPad):
            pad.choices = tuple(choices)
            pad.last = 1
            pad.legal = frozenset({0, 1, 2})
        self.query_one("#policy", ActionPad).probabilities = (0.62, 0.3, 0.08, 0.0)
        self.query_one(Scrubber).show(200, 63, {0: "○", 40: "!", 120: "★", 199: "■"})
        self.query_one(ToolForm).focus_first()

    def fill_table(self) -> None:
        table = self.query_one(RowTable)
        table.sort = ("return", True)
        table.focus()


async def picture(page: str, size: tuple[int, int], path: str, keys: list[str]) -> None:
    app = Gallery(page)
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.3)
        await pilot.press(*keys)
        await pilot.pause(0.2)
        app.save_screenshot(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("page", nargs="?", default="play")
    parser.add_argument("--svg")
    parser.add_argument("--size", default="120x40")
    parser.add_argument("--keys", nargs="*", default=[])
    options = parser.parse_args()
    if options.svg:
        columns, rows = map(int, options.size.split("x"))
        asyncio.run(picture(options.page, (columns, rows), options.svg, options.keys))
    else:
        Gallery(options.page).run()
