"""CPU per frame of CartPole's film at 160×48 cells in a real terminal: FrameView beside textual-image half cells.

Each side is the same small app (header, bordered picture, footer) in a fresh process, and the sides take turns. Every
frame is painted before the next is set; the figure is the process's CPU time over all frames: scaling, encoding,
compositor and terminal thread. The output of our side goes through a VT emulator, and every cell of the last frame is
compared. The peer needs `pip install textual-image`; without it only ours is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import importlib.metadata
import importlib.util
import json
import os
import platform
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Footer, Header

COLUMNS, ROWS = 160, 48
PACKAGES = ("textual", "textual-image", "numpy", "pillow", "gymnasium")
SIDES = ("ldp-tui", "ldp-tui, public API only", "textual-image half cells")


class Film(App[None]):
    """Shows every picture once, each painted before the next; then writes what it cost."""

    CSS = "#box { border: round $primary; width: 162; height: 50; }"

    def __init__(self, side: str, frames: np.ndarray, result: Path) -> None:
        super().__init__()
        self.side = side
        self.frames = frames
        self.result = result
        self.painted = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield Header()
        with Container(id="box"):
            yield self.picture()
        yield Footer()

    def picture(self) -> Widget:
        if self.side.startswith("ldp-tui"):
            from ldp_tui.tui.widgets.frame_view import FrameView

            self.view: Any = FrameView()
        else:
            from textual_image.widget import HalfcellImage

            from ldp_tui.tui.widgets.frame_view.encode import fit

            width, height = fit(self.frames.shape[2], self.frames.shape[1], COLUMNS, ROWS)
            self.view = HalfcellImage()
            self.view.styles.width, self.view.styles.height = width, height // 2
        return self.view

    def show(self, frame: np.ndarray) -> None:
        if self.side.startswith("ldp-tui"):
            self.view.set_frame(frame)
        else:
            self.view.image = Image.fromarray(frame)

    def post_display_hook(self) -> None:
        self.painted.set()

    def on_ready(self) -> None:
        self.run_worker(self.play())

    async def play(self) -> None:
        for frame in self.frames[:3]:  # caches, colour tables, lazy imports
            await self.show_painted(frame)
        wall, cpu = time.perf_counter(), time.process_time()
        for frame in self.frames[3:]:
            await self.show_painted(frame)
        count = len(self.frames) - 3
        figures = {
            "cpu_ms_per_frame": (time.process_time() - cpu) / count * 1e3,
            "frames_per_s": count / (time.perf_counter() - wall),
        }
        await asyncio.sleep(0.3)
        self.result.write_text(json.dumps(figures))
        await asyncio.sleep(60)

    async def show_painted(self, frame: np.ndarray) -> None:
        self.painted.clear()
        self.show(frame)
        await asyncio.wait_for(self.painted.wait(), 5)


def record(count: int) -> np.ndarray:
    """CartPole under a policy that sways; only frames that differ from the one before; `[count, 400, 600, 3]`."""
    import gymnasium

    from ldp_tui.tui.widgets.frame_view import encode

    def fitted(frame: np.ndarray) -> np.ndarray:
        return encode.resize(frame, *encode.fit(frame.shape[1], frame.shape[0], COLUMNS, ROWS))

    env = gymnasium.make("CartPole-v1", render_mode="rgb_array")
    observation, _ = env.reset(seed=1)
    frames = []
    while len(frames) < count:
        frame = env.render()
        if not frames or (fitted(frame) != fitted(frames[-1])).any():
            frames.append(frame)
        lean = observation[2] + 0.3 * observation[3] + 0.02 * np.sin(len(frames) / 9)
        observation, _, terminated, truncated, _ = env.step(int(lean > 0))
        if terminated or truncated:
            observation, _ = env.reset()
    return np.stack(frames)


def measure(side: str, film: Path, count: int, folder: Path) -> tuple[dict[str, float], bytes]:
    """The figures of one side and everything it wrote to its terminal."""
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS + 6, COLUMNS + 6, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "TMUX"}}
    environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_FPS": "1000"}
    environment |= {"TEXTUAL_ANIMATIONS": "none", "PYTHONPATH": str(Path(__file__).parents[1])}
    if side.endswith("public API only"):
        environment["LDP_TUI_FRAME"] = "seg"
    command = [sys.executable, __file__, "--side", side, "--film", str(film), "--frames", str(count)]
    command += ["--out", str(result)]
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
    os.close(slave)
    output = bytearray()
    deadline = time.monotonic() + 300
    while not result.exists() or select.select([master], [], [], 0.2)[0]:
        try:
            output += os.read(master, 1 << 18) if select.select([master], [], [], 0.05)[0] else b""
            failed = time.monotonic() > deadline
        except OSError:  # the child has closed its terminal
            failed = True
        if failed:
            child.kill()
            sys.exit(f"{side} did not finish:\n{output[-4000:].decode(errors='replace')}")
    child.kill()
    child.wait()
    os.close(master)
    return json.loads(result.read_text()), bytes(output)


def wrong_cells(output: bytes, frame: np.ndarray) -> int:
    """Cells of the emulated terminal that do not show the frame's two pixels."""
    import pyte

    from ldp_tui.tui.widgets.frame_view import encode
    from tests.ptyterm import UNKNOWN_TO_PYTE

    screen = pyte.Screen(COLUMNS + 6, ROWS + 6)
    pyte.ByteStream(screen).feed(UNKNOWN_TO_PYTE.sub(b"", output))
    width, height = encode.fit(frame.shape[1], frame.shape[0], COLUMNS, ROWS)
    pixels = encode.resize(frame, width, height)
    top = next(y for y in range(ROWS) if screen.buffer[y][0].data == "╭") + 1 + (ROWS - height // 2) // 2
    left = 1 + (COLUMNS - width) // 2
    wrong = 0
    for y in range(height // 2):
        for x in range(width):
            cell = screen.buffer[top + y][left + x]
            upper, lower = pixels[2 * y, x].tobytes().hex(), pixels[2 * y + 1, x].tobytes().hex()
            half = cell.data == encode.HALF and (cell.fg, cell.bg) == (upper, lower)
            wrong += not half and not (cell.data == " " and cell.bg == upper == lower)
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help="play one side's film in this terminal")
    parser.add_argument("--film", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.side:
        Film(options.side, np.load(options.film)[: options.frames], options.out).run()
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sides = list(SIDES)
    if importlib.util.find_spec("textual_image") is None:
        print("textual-image is not installed; only our side is measured.", file=sys.stderr)
        sides.remove("textual-image half cells")
    text = json.dumps(run(sides, options.frames, options.rounds), indent=2)
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n")


def run(sides: list[str], frames: int, rounds: int) -> dict[str, object]:
    measured: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = record(frames)
        np.save(folder / "film.npy", pictures)
        for turn in range(rounds):
            for side in sides:
                count = frames if side.startswith("ldp-tui") else min(frames, 60)
                figures, output = measure(side, folder / "film.npy", count, folder)
                figures["kilobytes_per_frame"] = len(output) / 1e3 / count
                if turn == 0 and side.startswith("ldp-tui"):
                    figures["wrong_cells"] = wrong_cells(output, pictures[count - 1])
                measured[side].append(figures)
    result: dict[str, object] = {
        "machine": {"cpus": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version()},
        "versions": {name: version(name) for name in PACKAGES},
        "cells": [COLUMNS, ROWS],
        "frames": frames,
        "rounds": rounds,
        "wrong_cells": {side: runs[0]["wrong_cells"] for side, runs in measured.items() if "wrong_cells" in runs[0]},
        "medians": {
            side: {
                name: round(statistics.median(figures[name] for figures in runs), 2)
                for name in ("cpu_ms_per_frame", "frames_per_s", "kilobytes_per_frame")
            }
            for side, runs in measured.items()
        },
    }
    if SIDES[2] in measured:
        pairs = zip(measured[SIDES[2]], measured[SIDES[0]], strict=True)
        ratios = [peer["cpu_ms_per_frame"] / mine["cpu_ms_per_frame"] for peer, mine in pairs]
        result["times_less_than_peer"] = {
            "median": round(statistics.median(ratios), 1),
            "best": round(max(ratios), 1),
            "worst": round(min(ratios), 1),
        }
    return result


def version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
