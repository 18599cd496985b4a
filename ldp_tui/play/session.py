"""The lanes that are played side by side, and the clock they share."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from ldp_tui.engine.record import new_run_uid
from ldp_tui.play.lane import Lane, LaneContext
from ldp_tui.play.messages import (
    Act,
    Answer,
    Approval,
    ChangePlayer,
    Command,
    Interrupt,
    Pace,
    Pause,
    Report,
    Restart,
    Resume,
    ShowExchanges,
    Speed,
    StepOnce,
    Stop,
    TakeOver,
    Tell,
    View,
)
from ldp_tui.play.pacing import SessionClock
from ldp_tui.play.session_spec import SessionSpec
from ldp_tui.store.writer import Writer


class Session:
    """One play session. `send` is given every report of its lanes."""

    def __init__(self, spec: SessionSpec, writer: Writer | None, send: Callable[[Report], None]) -> None:
        self._spec = spec
        self._clock = SessionClock(spec.speed)
        context = LaneContext(spec, self._clock, writer, new_run_uid(), send)
        self.lanes = tuple(Lane(number, lane, context) for number, lane in enumerate(spec.lanes))

    def start(self) -> None:
        """Play the first episode of every lane."""
        seed = _drawn(self._spec.seed)
        for lane in self.lanes:
            lane.start(seed)

    def obey(self, command: Command) -> None:
        """Carry out a command for the clock or for lanes; others are none of a session's business."""
        match command:
            case Pause() | Resume() | StepOnce() | Speed():
                self._clock.obey(command)
                for lane in self.lanes:
                    lane.repace()
            case Restart(lane=number, seed=seed):
                again = replace(command, seed=_drawn(seed))
                for lane in self._chosen(number):
                    lane.obey(again)
            case (
                Act(lane=number)
                | Approval(lane=number)
                | Answer(lane=number)
                | TakeOver(lane=number)
                | Interrupt(lane=number)
                | Tell(lane=number)
                | ChangePlayer(lane=number)
                | ShowExchanges(lane=number)
                | Pace(lane=number)
                | View(lane=number)
                | Stop(lane=number)
            ):
                for lane in self._chosen(number):
                    lane.obey(command)

    def _chosen(self, number: int | None) -> tuple[Lane, ...]:
        if number is None:
            return self.lanes
        return self.lanes[number : number + 1] if number >= 0 else ()


def _drawn(seed: int | None) -> int:
    """The seed, or a new one, so that every episode can be played again."""
    return secrets.randbelow(2**31) if seed is None else seed
