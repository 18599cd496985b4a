"""Two language models that each write 100 tokens a second into the real app, in a real pty.

A scripted server on this machine streams the replies of two `simple` players; the app shows them beside their
environments while everything is recorded. Told are the shares of a core that the app and its engine take, beside the
same session while the models are silent, how often the screen is brought up to date, and how late its loop is.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.play_session import ENDLESS, ROOT
from benchmarks.report import write_result
from ldp_tui.testing.model_server import Hangs, ModelServer, Says

TOKENS_PER_SECOND = 100
_PAUSE = 0.0085
"""Seconds between two pieces of the server; with what sending takes they are 10 ms apart."""
_TEXT = " ".join(
    f"{word}" for word in ("the pole leans so the cart follows it and its speed stays small " * 40).split()
)
_TICKS = os.sysconf("SC_CLK_TCK")


def app() -> None:
    """The measured app. Arguments: `app`, result file, seconds, database, environment, base URL, player or nothing."""
    from benchmarks.play_session_app import HEARTBEAT, _quantiles
    from ldp_tui.play.session_spec import LaneSpec, SessionSpec
    from ldp_tui.tui import app as app_module
    from ldp_tui.tui.app import LdpTuiApp
    from ldp_tui.tui.terminal import own_terminal
    from ldp_tui.tui.widgets.frame_view import FrameView

    _, result, seconds, db, environment, base_url, moving = sys.argv[1:8]

    class Streaming(LdpTuiApp):
        """Counts for `seconds` from three seconds after both lanes have said something."""

        CSS_PATH = [Path(app_module.__file__).parent / path for path in LdpTuiApp.CSS_PATH]  # noqa: RUF012
        began: float | None = None
        ready: float | None = None
        updates = 0
        expected = 0.0

        def on_mount(self) -> None:
            self.lags: list[float] = []
            self.set_interval(HEARTBEAT, self._heartbeat)

        def post_display_hook(self) -> None:
            self.updates += 1

        def _pictures(self) -> list[int]:
            return [view.stats.shown for view in self.screen.query(FrameView)]

        def _heartbeat(self) -> None:
            now = time.perf_counter()
            if self.began is None:
                self.ready = self.ready or (now if _engines() and self.updates > 20 else None)
                if self.ready is not None and now - self.ready > 5:
                    self.began, self.updates, self.expected = now, 0, now + HEARTBEAT
                    self.cpu, self.engine = time.process_time(), _cpu(_engines())
                    self.shown = self._pictures()
                return
            self.lags.append(max(0.0, now - self.expected))
            self.expected = now + HEARTBEAT
            if (passed := now - self.began) >= float(seconds):
                told = {
                    "seconds": passed,
                    "screen_updates_per_second": self.updates / passed,
                    "app_cpu_share": (time.process_time() - self.cpu) / passed,
                    "engine_cpu_share": (_cpu(_engines()) - self.engine) / passed,
                    "loop_lag_ms": _quantiles([1e3 * lag for lag in self.lags]),
                    "pictures_per_second": max(
                        (now_ - then) / passed for now_, then in zip(self._pictures(), self.shown, strict=True)
                    ),
                    "size": [self.size.width, self.size.height],
                }
                Path(result).write_text(json.dumps(told), encoding="utf-8")
                self.exit()

    player = f"simple:openai/any,base_url={base_url}"
    lanes = (LaneSpec(environment, player), LaneSpec(environment, player))
    lanes += (LaneSpec(environment, moving),) if moving else ()
    session = SessionSpec(lanes=lanes, seed=1, db=db, speed=1.0)
    with own_terminal(Path(result).with_suffix(".log")):
        Streaming(db=Path(db), session=session).run()


def _engines() -> list[int]:
    """The processes that this one has started."""
    told = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in told.read_text(encoding="ascii").split()] if told.exists() else []


def _cpu(pids: list[int]) -> float:
    """Seconds of processor that they have used."""
    used = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / _TICKS


def session(
    folder: Path, *, seconds: float, columns: int, rows: int, pieces: int = 300, moving: str = "", silent: bool = False
) -> dict[str, Any]:
    """One session in a pty of that size against a server that streams replies of so many pieces.

    `moving` plays a third lane, whose pictures are counted; with `silent` the models say nothing after a first reply.
    """
    import fcntl
    import pty
    import struct
    import termios

    says = Says(" ".join(_TEXT.split()[:pieces]), calls=[("act", {"action": 1})], pieces=pieces, pause=_PAUSE)
    brief = Says("Here I stand.", calls=[("act", {"action": 1})])
    environment = folder / "endless.py"
    environment.write_text(ENDLESS, encoding="utf-8")
    result = folder / f"result-{time.monotonic_ns()}.json"
    with ModelServer([brief, brief, Hangs()] if silent else [says], repeat=True) as server:
        command = [
            sys.executable, "-m", "benchmarks.streaming_models", "app",
            str(result), str(seconds), str(folder / "bench.db"), str(environment), server.base_url, moving,
        ]  # fmt: skip
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", NO_PROXY="127.0.0.1")
            os.execv(command[0], command)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        sent, began = 0, time.perf_counter()
        try:
            while not result.exists() and time.perf_counter() - began < seconds + 60:
                if select.select([terminal], [], [], 0.05)[0]:
                    try:
                        sent += len(os.read(terminal, 1 << 16))
                    except OSError:
                        break
            time.sleep(0.3)
            measured: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        finally:
            os.kill(pid, signal.SIGTERM)
            os.close(terminal)
            os.waitpid(pid, 0)
        whole = [took for took in server.seconds if took > pieces * _PAUSE / 2]
        rate = (pieces + 3) / (sum(whole) / len(whole)) if whole else 0.0
    return {**measured, "tokens_per_second_of_each_model": rate, "terminal_bytes": sent}


def main() -> None:
    """Measure and write the result."""
    if sys.argv[1:2] == ["app"]:
        app()
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    result: dict[str, Any] = {"asked_tokens_per_second_of_each_model": TOKENS_PER_SECOND}
    with tempfile.TemporaryDirectory() as name:
        for columns, rows in ((120, 40), (160, 48), (200, 60)):
            size: dict[str, Any] = {"seconds": arguments.seconds, "columns": columns, "rows": rows}
            result[f"two_models_{columns}x{rows}"] = session(Path(name), **size)
        size = {"seconds": arguments.seconds, "columns": 160, "rows": 48, "moving": "random"}
        result["beside_a_lane_of_30_pictures_a_second_160x48"] = session(Path(name), **size)
        result["beside_it_while_the_models_are_silent_160x48"] = session(Path(name), silent=True, **size)
    write_result("streaming_models", result, arguments.out, packages=("textual",))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
