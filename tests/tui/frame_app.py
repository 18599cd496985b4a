"""An app that shows a recorded CartPole-like film in a FrameView; run by the terminal tests."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.widgets import Footer, Header

from ldp_tui.tui.widgets.frame_view import FrameView


def film(frames: int, *, noise: bool = False) -> list[npt.NDArray[np.uint8]]:
    """Pictures `[400, 600, 3]`: a cart with a tilting pole over a line, or pure noise."""
    if noise:
        generator = np.random.default_rng(0)
        return [generator.integers(0, 256, (400, 600, 3), dtype=np.uint8) for _ in range(frames)]
    pictures = []
    for index in range(frames):
        picture = np.full((400, 600, 3), 255, np.uint8)
        picture[300:302] = 0
        left = 260 + 4 * index
        picture[285:315, left : left + 50] = (20, 20, 20)
        for height in range(100):
            x = left + 25 + height * index // 60
            picture[284 - height, x - 5 : x + 5] = (202, 152, 101)
        pictures.append(picture)
    return pictures


class FrameApp(App[None]):
    """Plays the film once with a toast over it, then says DONE in the title."""

    CSS = """
    #box { border: round $primary; width: 82; height: 26; }
    """

    def __init__(self, kind: str, frames: int) -> None:
        super().__init__()
        self.frames = film(frames, noise=kind == "noise")

    def compose(self) -> ComposeResult:
        yield Header()
        with Container(id="box"):
            yield FrameView()
        yield Footer()

    def on_mount(self) -> None:
        self.shown = 0
        self.set_interval(1 / 60, self.show_next)

    def show_next(self) -> None:
        if self.shown < len(self.frames):
            self.query_one(FrameView).set_frame(self.frames[self.shown])
            self.shown += 1
            if self.shown == len(self.frames) // 2:
                self.notify("a toast over the picture", timeout=0.2)
        elif not list(self.screen.query("Toast")):
            self.title = "DONE"


if __name__ == "__main__":
    FrameApp(sys.argv[1], int(sys.argv[2])).run()
