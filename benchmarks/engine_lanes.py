"""Two lanes of CartPole at 30 steps a second through the engine process, as a front end sees them, recording on.

The front end here drains its mailbox at 60 Hz, at most 4 ms at a time, and paints nothing. Measured: events and
pictures that arrive for each lane, the longest wait for a picture, and the CPU time of both processes; then the same
while the environment of a third lane blocks for five seconds in `time.sleep`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.report import write_result
from ldp_tui.play.messages import EventReport, PictureReport, Report, Start, View
from ldp_tui.play.session_spec import LaneSpec, SessionSpec
from ldp_tui.play.supervisor import EngineHandle
from ldp_tui.store.reader import Reader
from ldp_tui.store.verify import verify

FPS = 30.0
CARTPOLE_FPS = 50.0
DRAINS_PER_SECOND = 60
BLOCKS_SECONDS = 5.0
LANES = (0, 1)
CARTPOLE = LaneSpec("CartPole-v1", "heuristic")

BLOCKING = f'''
"""Blocks in its third step."""

import time

from ldp_tui import Environment, Message, Tool


class Blocking(Environment):
    def wait(self) -> str:
        """Wait."""
        return "waited"

    async def reset(self, *, seed=None, options=None):
        self.steps, self.tools = 0, [Tool.from_function(self.wait)]
        return [Message(content="Wait.")], self.tools

    async def step(self, action):
        self.steps += 1
        if self.steps == 3:
            time.sleep({BLOCKS_SECONDS})
        return await self.exec_tool_calls(action), 0.0, False, False


def make():
    return Blocking()
'''


@dataclass(slots=True)
class Tally:
    """What arrived for one lane, and when its pictures did."""

    events: int = 0
    steps: int = 0
    pictures: list[float] = field(default_factory=list)

    def add(self, report: Report, now: float) -> None:
        if isinstance(report, PictureReport):
            self.pictures.append(now)
        elif isinstance(report, EventReport):
            self.events += 1
            self.steps += type(report.event).__name__ == "StepTaken"

    def figures(self, seconds: float) -> dict[str, float]:
        gaps = [after - before for before, after in zip(self.pictures, self.pictures[1:], strict=False)]
        return {
            "events_per_second": self.events / seconds,
            "steps_per_second": self.steps / seconds,
            "picture_fps": len(self.pictures) / seconds,
            "longest_wait_for_a_picture_ms": max(gaps, default=seconds) * 1e3,
        }


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drained(handle: EngineHandle, seconds: float) -> Iterator[tuple[float, Report]]:
    """Reports of the next `seconds`, drained as a user interface does it."""
    end = time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        for report in handle.drain(0.004):
            yield now, report
        time.sleep(max(0.0, 1 / DRAINS_PER_SECOND - (time.perf_counter() - now)))


def wait_for(handle: EngineHandle, lanes: int, step_of_last: int) -> None:
    """Until every lane has begun, and the last one has taken `step_of_last` steps."""
    begun: set[int] = set()
    steps = 0
    while len(begun) < lanes or steps < step_of_last:
        for _, report in drained(handle, 0.1):
            if isinstance(report, EventReport):
                begun.add(report.lane)
                steps += report.lane == lanes - 1 and type(report.event).__name__ == "StepTaken"
        if handle.state.kind == "ended":
            raise SystemExit(handle.state.text)


def measured(lanes: tuple[LaneSpec, ...], seconds: float, *, step_of_last: int) -> dict[str, Any]:
    """Play `lanes` and measure the first two for `seconds`, from the last lane's step `step_of_last` on."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "bench.db"
        handle = EngineHandle()
        handle.start()
        started = time.perf_counter()
        handle.send(Start(SessionSpec(lanes=lanes, seed=0, db=str(db), speed=FPS / CARTPOLE_FPS, fps_limit=FPS)))
        for lane in LANES:
            handle.send(View(lane, columns=76, rows=24))
        wait_for(handle, len(lanes), step_of_last)
        began = time.perf_counter()
        assert handle.pid is not None
        tallies = {lane: Tally() for lane in LANES}
        ours, engines = time.process_time(), cpu_seconds(handle.pid)
        phases: set[str] = set()
        dropped = dict(handle.dropped)
        for now, report in drained(handle, seconds):
            if getattr(report, "lane", None) in tallies:
                tallies[report.lane].add(report, now)  # type: ignore[union-attr]
            phases.update(phase.name for phase in handle.phases()[-1:])
        took = time.perf_counter() - began
        figures = {
            "seconds": took,
            "until_playing_s": began - started,
            "lanes": [tallies[lane].figures(took) for lane in LANES],
            "pictures_replaced": sum(handle.dropped.values()) - sum(dropped.values()),
            "cpu_front_end_percent": 100 * (time.process_time() - ours) / took,
            "cpu_engine_percent": 100 * (cpu_seconds(handle.pid) - engines) / took,
            "state_throughout": handle.state.kind,
            "phases_of_last_lane": sorted(phases),
        }
        closing = time.perf_counter()
        handle.close()
        figures["close_s"] = time.perf_counter() - closing
        with Reader(db) as reader:
            figures["steps_recorded"] = sum(episode.steps for episode in reader.episodes().episodes)
        assert verify(db).ok
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the undisturbed lanes are measured")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        blocking = Path(folder) / "blocking.py"
        blocking.write_text(BLOCKING)
        figures = {
            "undisturbed": measured((CARTPOLE, CARTPOLE), arguments.seconds, step_of_last=5),
            "while_a_third_lane_blocks": measured(
                (CARTPOLE, CARTPOLE, LaneSpec(str(blocking), "random")), 0.9 * BLOCKS_SECONDS, step_of_last=2
            ),
        }
    print(json.dumps(figures, indent=2))
    write_result("engine_lanes", figures, arguments.out, packages=("gymnasium", "numpy", "pillow", "msgpack"))


if __name__ == "__main__":
    main()
