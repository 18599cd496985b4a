"""An engine without a process: it plays what a test puts into it, and keeps what it is told."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ldp_tui.core.environment import Picture
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.engine.events import (
    ActionProposed,
    AgentRecord,
    EndReason,
    EnvironmentRecord,
    EpisodeEnded,
    EpisodeStarted,
    Event,
    ReflectionDelta,
    Rendering,
    StepTaken,
)
from ldp_tui.play.messages import Command, EventReport, LanePhase, LaneReady, PhaseName, PictureReport, Report
from ldp_tui.play.process import EngineLog
from ldp_tui.play.supervisor import EngineState

STICK = {"name": "act", "arguments": {"action": "stick"}}
HIT = {"name": "act", "arguments": {"action": "hit"}}
TOOLS = (
    {
        "name": "calculator",
        "description": "Calculate an expression.",
        "parameters": {"type": "object", "properties": {"expr": {"type": "string"}}, "required": ["expr"]},
    },
)


class FakeEngine:
    """Implements `ldp_tui.tui.bridge.Engine`."""

    def __init__(self, *, close_seconds: float = 0.0) -> None:
        self.log = EngineLog()
        self.sent: list[Command] = []
        self.closed = False
        self.now = EngineState("ready")
        self._close_seconds = close_seconds
        self._reports: list[Report] = []
        self._phases: dict[int, LanePhase] = {}
        self._numbers: dict[int, int] = {}

    # -- what the app asks ------------------------------------------------------------------------------------------

    @property
    def state(self) -> EngineState:
        return self.now

    def start(self) -> None:
        pass

    def send(self, command: Command) -> None:
        self.sent.append(command)

    def drain(self, budget_s: float) -> Sequence[Report]:
        reports, self._reports = self._reports, []
        return reports

    def phases(self) -> Sequence[LanePhase]:
        return tuple(self._phases.values())

    def restart(self) -> None:
        pass

    def close(self, grace: float) -> None:
        time.sleep(self._close_seconds)
        self.closed = True

    # -- what a test makes happen -----------------------------------------------------------------------------------

    def report(self, *reports: Report) -> None:
        self._reports += reports

    def event(self, lane: int, event: Event) -> None:
        number = self._numbers.get(lane, 0)
        self._numbers[lane] = number + 1
        self.report(EventReport(lane, number, event))

    def picture(self, lane: int, rendering: Rendering) -> None:
        self.report(PictureReport(lane, self._numbers.get(lane, 0), rendering))

    def phase(self, lane: int, name: PhaseName, seconds: float = 0.0) -> None:
        self._phases[lane] = LanePhase(lane, name, seconds)

    def hand(self, lane: int, *, human: bool = False, seed: int = 7) -> None:
        """A hand of Blackjack begins."""
        agent = "human" if human else "optimal"
        self.report(
            LaneReady(
                lane=lane, environment="Blackjack-v1", agent=agent, human=human, tools=(),
                keys={"0": STICK, "1": HIT, "h": HIT, "s": STICK}, real_time_fps=None, noop=None,
            )
        )  # fmt: skip
        self.event(lane, started("Blackjack-v1", agent, human=human, seed=seed, rendering=card_table()))
        self.phase(lane, "waiting for you" if human else "agent thinking")

    def question(self, lane: int, text: str = "What is 6 * 7?", *, human: bool = True) -> None:
        """A task with tools begins."""
        agent = "human" if human else "random"
        self.report(
            LaneReady(lane=lane, environment="calculator", agent=agent, human=human, tools=TOOLS, keys={},
                      real_time_fps=None, noop=None)
        )  # fmt: skip
        self.event(lane, started("calculator", agent, human=human, kind="tools", text=text, tools=TOOLS, legal=None))
        self.phase(lane, "waiting for you" if human else "agent thinking")


def started(
    environment: str,
    agent: str,
    *,
    human: bool = False,
    seed: int = 7,
    kind: str = "gymnasium",
    text: str = "Your hand counts 11. The dealer shows a 10.",
    tools: tuple[Mapping[str, Any], ...] = (),
    legal: tuple[Mapping[str, Any], ...] | None = (STICK, HIT),
    rendering: Rendering = None,
) -> EpisodeStarted:
    return EpisodeStarted(
        uid=f"{agent}-{seed}",
        environment=EnvironmentRecord(environment, kind),
        agent=AgentRecord(agent, "human" if human else "scripted"),
        seed=seed,
        task_id=None,
        options={},
        started_ns=0,
        observation=(Message(content=text),),
        tools=tools,
        rendering=rendering,
        legal_actions=legal,
    )


def act(value: str) -> ToolRequestMessage:
    return ToolRequestMessage(tool_calls=[ToolCall.from_name("act", id="1", action=value)])


def thinking(index: int, text: str) -> ReflectionDelta:
    return ReflectionDelta(index, text)


def proposed(index: int, value: str, probabilities: Mapping[str, float]) -> ActionProposed:
    return ActionProposed(index, act(value), probabilities)


def stepped(
    index: int, value: str = "hit", reward: float = 0.0, text: str = "Your hand counts 15.", *, over: bool = False
) -> StepTaken:
    return StepTaken(
        index=index,
        action=act(value),
        observation=(Message(role="tool", content=text),),
        reward=reward,
        terminated=over,
        truncated=False,
        legal_actions=(STICK, HIT),
    )


def ended(return_: float, steps: int, *, success: bool | None = None, reason: EndReason = "terminated") -> EpisodeEnded:
    return EpisodeEnded(reason=reason, return_=return_, steps=steps, ended_ns=1, success=success)


def card_table(width: int = 60, height: int = 40) -> Picture:
    """A green table with a white card."""
    card, table = b"\xff\xff\xff", b"\x14\x60\x3c"
    cells = (card if 20 <= x < 40 and 8 <= y < 32 else table for y in range(height) for x in range(width))
    return Picture(width, height, b"".join(cells))
