"""From the engine's mailbox to what the panes show: reports are drained, reduced, and handed on as frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ldp_tui.engine.events import Rendering
from ldp_tui.engine.session import SessionState, reduce
from ldp_tui.play.messages import (
    Command,
    EventReport,
    Exchanges,
    LaneFailed,
    LanePhase,
    LaneReady,
    Oversight,
    PictureReport,
    PlayerChecked,
    Report,
)
from ldp_tui.play.process import EngineLog
from ldp_tui.play.supervisor import EngineState
from ldp_tui.tui.log_book import LogBook

DRAIN_SECONDS = 0.004
"""How much of the screen's time one look into the mailbox may take."""


class Engine(Protocol):
    """What the app needs of an engine; the real one is `ldp_tui.play.supervisor.EngineHandle`."""

    log: EngineLog

    @property
    def state(self) -> EngineState:
        """How the engine is now."""

    def start(self) -> None:
        """Spawn it; returns at once."""

    def send(self, command: Command) -> None:
        """Hand over a command; returns at once."""

    def drain(self, budget_s: float) -> Sequence[Report]:
        """Reports in order, taken within about `budget_s` seconds; the rest waits for the next call."""

    def phases(self) -> Sequence[LanePhase]:
        """What each lane is at, and for how long."""

    def restart(self) -> None:
        """Replace it, with the same session from the start; returns at once."""

    def close(self, grace: float) -> None:
        """End it, politely for `grace` seconds, then firmly. May wait that long."""


@dataclass(frozen=True, slots=True)
class LaneView:
    """All that is known of one lane. Slices that did not change keep their identity."""

    ready: LaneReady | None = None
    session: SessionState = field(default_factory=SessionState)
    rendering: Rendering = None
    phase: LanePhase | None = None
    failed: LaneFailed | None = None
    oversight: Oversight | None = None
    checked: PlayerChecked | None = None
    """The newest answer to a change of player."""
    exchanges: Exchanges | None = None
    """The newest answer to the question for requests and replies."""

    @property
    def asks(self) -> bool:
        """Whether the agent's lane waits for a person."""
        return self.oversight is not None and bool(self.oversight.waits) and not self.over

    @property
    def by_hand(self) -> bool:
        """Whether what a person does now is played: the lane is a person's, or waits for one."""
        return self.ready is not None and (self.ready.human or self.asks) and not self.over

    @property
    def over(self) -> bool:
        """Whether nothing more comes of its episode."""
        return self.session.ended is not None or self.failed is not None


class Bridge:
    """The lanes of one session as their reports leave them."""

    def __init__(self, engine: Engine, lanes: int, log_book: LogBook) -> None:
        self.engine = engine
        self.lanes = [LaneView() for _ in range(lanes)]
        self._log_book = log_book
        self._logged = 0

    def drain(self) -> None:
        """Take in what has come."""
        for report in self.engine.drain(DRAIN_SECONDS):
            self._take(report)
        for phase in self.engine.phases():
            if phase.lane < len(self.lanes):
                self.lanes[phase.lane] = replace(self.lanes[phase.lane], phase=phase)
        self._copy_log()

    @property
    def over(self) -> bool:
        """Whether every lane has ended."""
        return all(lane.over for lane in self.lanes)

    def _take(self, report: Report) -> None:
        match report:
            case EventReport(lane=number, event=event):
                lane = self.lanes[number]
                session = reduce(lane.session, event)
                if session.started is not lane.session.started:
                    lane = replace(lane, rendering=session.rendering, failed=None)
                self.lanes[number] = replace(lane, session=session)
            case PictureReport(lane=number, rendering=rendering):
                self.lanes[number] = replace(self.lanes[number], rendering=rendering)
            case LaneReady(lane=number):
                self.lanes[number] = replace(self.lanes[number], ready=report, failed=None)
            case Oversight(lane=number):
                self.lanes[number] = replace(self.lanes[number], oversight=report)
            case PlayerChecked(lane=number):
                self.lanes[number] = replace(self.lanes[number], checked=report)
            case Exchanges(lane=number):
                self.lanes[number] = replace(self.lanes[number], exchanges=report)
            case LaneFailed(lane=number, message=message, detail=detail):
                self.lanes[number] = replace(self.lanes[number], failed=report)
                for line in (f"lane {number + 1}: {message}", *detail.splitlines()):
                    self._log_book.add("error", line)
            case _:
                pass  # progress, phases and log lines are read from the engine's handle

    def _copy_log(self) -> None:
        log = self.engine.log
        if (fresh := log.total - self._logged) > 0:
            self._logged = log.total
            for line in log.lines()[-fresh:]:
                self._log_book.add(line.level, line.text)
