"""An app whose libraries write to the terminal; run by the terminal tests: `noisy_app LOG [crash]`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widgets import Static

from ldp_tui.tui.terminal import own_terminal


class NoisyApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Static(id="size")

    def on_mount(self) -> None:
        self.set_timer(0.1, self.make_noise)

    def on_resize(self) -> None:
        self.query_one("#size", Static).update(f"size {self.size.width}×{self.size.height}")

    def make_noise(self) -> None:
        os.write(1, b"C NOISE on 1\n")
        os.write(2, b"C NOISE on 2\n")
        subprocess.run(["sh", "-c", "echo CHILD NOISE; echo CHILD ERROR >&2"], check=True)
        self.title = "made"
        self.query_one("#size", Static).update(f"NOISE MADE, size {self.size.width}×{self.size.height}")

    def key_q(self) -> None:
        self.exit()


def run(log: Path, *, crash: bool) -> None:
    with own_terminal(log):
        NoisyApp().run()
        if crash:
            raise RuntimeError("on purpose")


if __name__ == "__main__":
    try:
        run(Path(sys.argv[1]), crash=sys.argv[2:] == ["crash"])
    except RuntimeError as error:
        print("crashed", error)
    print("stdout is back")
    print("stderr is back", file=sys.__stderr__)
