"""A front end without a screen: plays sessions through a real engine process and keeps what is reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, Event, StepTaken
from ldp_tui.play.messages import EventReport, LaneFailed, LaneReady, PictureReport, Report, Start
from ldp_tui.play.session_spec import LaneSpec, SessionSpec
from ldp_tui.play.supervisor import ENGINE_COMMAND, EngineHandle
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeSummary

PATIENCE_SECONDS = 30.0
"""After this a test fails: what it waits for does not happen."""

R = TypeVar("R")


class Front:
    """An engine handle, and everything it has reported so far."""

    def __init__(self, command: Sequence[str] = ENGINE_COMMAND) -> None:
        self.handle = EngineHandle(command)
        self.reports: list[Report] = []
        self.handle.start()

    def play(self, *lanes: tuple[str, str], **settings: object) -> None:
        """Start a session of (environment, agent) lanes."""
        spec = SessionSpec(lanes=tuple(LaneSpec(*lane) for lane in lanes), **settings)  # type: ignore[arg-type]
        self.handle.send(Start(spec))

    def until(self, happened: Callable[[], R]) -> R:
        """Drain until `happened()` is true, and return its value."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self.reports += self.handle.drain()
            if result := happened():
                return result
            time.sleep(0.005)
        log = "\n".join(line.text for line in self.handle.log.lines())
        raise AssertionError(f"It did not happen. State: {self.handle.state}\nPhases: {self.handle.phases()}\n{log}")

    def of(self, kind: type[R], lane: int = 0) -> list[R]:
        """Reports of one kind from one lane."""
        return [report for report in self.reports if isinstance(report, kind) and report.lane == lane]  # type: ignore[attr-defined]

    def events(self, lane: int = 0) -> list[Event]:
        return [report.event for report in self.of(EventReport, lane)]

    def steps(self, lane: int = 0) -> list[StepTaken]:
        return [event for event in self.events(lane) if isinstance(event, StepTaken)]

    def started(self, lane: int = 0) -> list[EpisodeStarted]:
        return [event for event in self.events(lane) if isinstance(event, EpisodeStarted)]

    def ended(self, lane: int = 0) -> list[EpisodeEnded]:
        return [event for event in self.events(lane) if isinstance(event, EpisodeEnded)]

    def ready(self, lane: int = 0) -> list[LaneReady]:
        return self.of(LaneReady, lane)

    def failed(self, lane: int = 0) -> list[LaneFailed]:
        return self.of(LaneFailed, lane)

    def pictures(self, lane: int = 0) -> list[PictureReport]:
        return self.of(PictureReport, lane)

    def phase(self, lane: int = 0) -> str:
        """What the lane is at, as the newest heartbeat says; empty before the first."""
        return next((phase.name for phase in self.handle.phases() if phase.lane == lane), "")


def recorded(db: Path) -> list[EpisodeSummary]:
    """Ended episodes of a database, oldest first."""
    with Reader(db) as reader:
        return sorted(reader.episodes().episodes, key=lambda episode: episode.uid)
