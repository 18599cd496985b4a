"""Time from starting the process to the first painted screen in a real pty: our Home beside a minimal Textual app."""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import write_result

MINIMAL = """
from textual.app import App
from textual.widgets import Static

class Minimal(App):
    def compose(self):
        yield Static("FIRSTPAINT")

Minimal().run()
"""


def first_paint(command: list[str], mark: bytes, *, folder: str) -> float:
    """Seconds until `mark` is on the terminal; the process is ended afterwards."""
    import fcntl
    import pty
    import struct
    import termios

    started = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", COLUMNS="120", LINES="36")
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    seen = b""
    try:
        while mark not in seen:
            if not select.select([terminal], [], [], 20)[0]:
                raise TimeoutError(f"{command} painted nothing within 20 s")
            seen += os.read(terminal, 65536)
        return time.perf_counter() - started
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def main() -> None:
    """Alternate both, take the best and the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    ours: list[float] = []
    minimal: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "recordings").mkdir()
        home = [sys.executable, "-c", "from ldp_tui.cli import main; main()"]
        for _ in range(arguments.rounds):
            minimal.append(first_paint([sys.executable, "-c", MINIMAL], b"FIRSTPAINT", folder=folder))
            ours.append(first_paint(home, b"Versus", folder=folder))
    result = {
        "minimal_textual_seconds": {"best": min(minimal), "median": statistics.median(minimal)},
        "home_seconds": {"best": min(ours), "median": statistics.median(ours)},
        "ratio_of_medians": statistics.median(ours) / statistics.median(minimal),
        "ratio_of_best": min(ours) / min(minimal),
    }
    write_result("first_paint", result, arguments.out, packages=("textual",))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
