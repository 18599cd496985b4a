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
from ldp_tui.testing.model_server import ModelServer, Says

TOKENS_PER_SECOND = 100
_PAUSE = 0.0092
"""Seconds between two pieces of the server; with what sending takes they are 10 ms apart."""
_TEXT = " ".join(
    f"{word}" for word in ("the pole leans so the cart follows it and its speed stays small " * 40).split()
)
_TICKS = os.sysconf("SC_CLK_TCK")


def app() -> None:
    """The measured app. Arguments: `app`, result file, seconds, database, environment, base URL."""
    from benchmarks.play_session_app import HEARTBEAT, _quantiles
    from ldp_tui.play.session_spec import LaneSpec, SessionSpec
    from ldp_tui.tui import app as app_module
    from ldp_tui.tui.app import LdpTuiApp
    from ldp_tui.tui.terminal import own_terminal

    _, result, seconds, db, environment, base_url = sys.argv[1:7]

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

        def _heartbeat(self) -> None:
            now = time.perf_counter()
            if self.began is None:
                self.ready = self.ready or (now if _engines() and self.updates > 60 else None)
                if self.ready is not None and now - self.ready > 5:
                    self.began, self.updates, self.expected = now, 0, now + HEARTBEAT
                    self.cpu, self.engine = time.process_time(), _cpu(_engines())
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
                    "size": [self.size.width, self.size.height],
                    "at": [self.began, now],
                }
                Path(result).write_text(json.dumps(told), encoding="utf-8")
                self.exit()

    player = f"simple:openai/any,base_url={base_url}"
    lanes = (LaneSpec(environment, player), LaneSpec(environment, player))
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


def session(folder: Path, *, seconds: float, pieces: int, pause: float, columns: int, rows: int) -> dict[str, Any]:
    """One session in a pty of that size against a server that streams replies of so many pieces."""
    import fcntl
    import pty
    import struct
    import termios

    says = Says(" ".join(_TEXT.split()[:pieces]), calls=[("act", {"action": 1})], pieces=pieces, pause=pause)
    environment = folder / "endless.py"
    environment.write_text(ENDLESS, encoding="utf-8")
    result = folder / f"result-{time.monotonic_ns()}.json"
    with ModelServer([says], repeat=True) as server:
        command = [
            sys.executable, "-m", "benchmarks.streaming_models", "app",
            str(result), str(seconds), str(folder / "bench.db"), str(environment), server.base_url,
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
        start, end = measured.pop("at")
        whole = [took for took in server.seconds if took > pieces * pause / 2]
        rate = (pieces + 3) / (sum(whole) / len(whole)) if whole else 0.0
    return {**measured, "tokens_per_second_of_each_model": rate, "terminal_bytes_per_second": sent / (end - start)}


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
            result[f"two_models_{columns}x{rows}"] = session(Path(name), pieces=300, pause=_PAUSE, **size)
    write_result("streaming_models", result, arguments.out, packages=("textual",))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
