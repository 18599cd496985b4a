"""The words between a front end and its engine process: frozen commands one way, frozen reports the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ldp_tui.core.errors import UsageError
from ldp_tui.engine.events import Event, Rendering
from ldp_tui.play.session_spec import SessionSpec, check_speed

Call = Mapping[str, Any]
"""A tool call as `{"name": tool, "arguments": {…}}`, the form of `legal_actions`."""

PhaseName = Literal[
    "starting",
    "resetting",
    "agent thinking",
    "waiting for you",
    "waiting for approval",
    "env step",
    "between steps",
    "paused",
    "done",
    "failed",
]
"""starting: agent and environment are made · between steps: held back so that a person can follow."""

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Hello:
    """First message of each side. Unequal versions end the connection."""

    version: str
    protocol: int
    pid: int


@dataclass(frozen=True, slots=True)
class Start:
    """Play this session; one that is under way is stopped."""

    session: SessionSpec


@dataclass(frozen=True, slots=True)
class Act:
    """What the person in `lane` does: tool calls, text, or both. `note` is their reason, recorded with it.

    In an agent's lane that waits, it is played in place of what the agent proposed. Ignored where no person is asked.
    """

    lane: int
    calls: tuple[Call, ...] = ()
    text: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for call in self.calls:
            if not (isinstance(call.get("name"), str) and isinstance(call.get("arguments"), Mapping)):
                raise UsageError(f'A call has the form {{"name": …, "arguments": {{…}}}}, not {call!r}.')


@dataclass(frozen=True, slots=True)
class Approval:
    """Let the agent in `lane` wait for a person before each action, or no longer."""

    lane: int
    on: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of the action that `lane` waits with: `accept` it, or ask the agent `again`."""

    lane: int
    verdict: Literal["accept", "again"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Let a person play in place of the agent in `lane`, or give the lane back to it (`on` False)."""

    lane: int
    on: bool


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Stop the agent in `lane`, which is deciding; the lane then waits."""

    lane: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Show the agent in `lane` a message of the person's, with its next observation."""

    lane: int
    text: str


@dataclass(frozen=True, slots=True)
class ChangePlayer:
    """Let another player of the same kind play on in `lane`, from its next decision; a PlayerChecked answers."""

    lane: int
    player: str


@dataclass(frozen=True, slots=True)
class ShowExchanges:
    """Ask for what the agent in `lane` sent and got for its newest decision; an Exchanges answers."""

    lane: int


@dataclass(frozen=True, slots=True)
class Pace:
    """Let the person's lane run at its environment's own pace, or wait for each action.

    Ignored in lanes that have no pace (`LaneReady.real_time_fps` is None).
    """

    lane: int
    real_time: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold every lane before its next step."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Let every lane go on."""


@dataclass(frozen=True, slots=True)
class StepOnce:
    """Let every lane take one step and hold again; pauses a session that runs."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Factor on the pace of the lanes; None: as fast as they can."""

    factor: float | None

    def __post_init__(self) -> None:
        check_speed(self.factor)


@dataclass(frozen=True, slots=True)
class Stop:
    """End the episode of `lane` (None: of all lanes) as aborted."""

    lane: int | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """Start a new episode in `lane` (None: in all lanes), ending one that is under way. Without seed, a new one."""

    lane: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Cells that the picture of `lane` has on screen, and pictures a second it can use. Zero cells: full size."""

    lane: int
    columns: int
    rows: int
    fps: float | None = None


@dataclass(frozen=True, slots=True)
class Shutdown:
    """End episodes, commit them, and leave."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the engine is at while there is nothing to see yet."""

    text: str


@dataclass(frozen=True, slots=True)
class LaneReady:
    """A lane's environment stands and is reset; its first event follows. Keys are in Textual's spelling."""

    lane: int
    environment: str
    agent: str
    human: bool
    tools: tuple[Mapping[str, Any], ...]
    keys: Mapping[str, Call]
    real_time_fps: float | None
    """Pace in real time; None where the environment waits for its player."""
    noop: Call | None
    """What happens in real time while no key is held, at the first step; None as above."""


@dataclass(frozen=True, slots=True)
class Oversight:
    """How an agent's lane is overseen now. `player` is whoever plays on, as people type it.

    `waits` for a person: to answer a proposal (`approval`), or to act where there is none (`action`).
    """

    lane: int
    player: str
    approving: bool = False
    taken_over: bool = False
    waits: Literal["", "approval", "action"] = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PlayerChecked:
    """Whether `player` plays on in `lane`; `error` says why not."""

    lane: int
    player: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class ExchangeText:
    """One request to a model and its reply, as indented JSON without secrets."""

    model: str
    seconds: float
    request: str
    reply: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Exchanges:
    """What the agent in `lane` sent and got for the decision of step `index` (None: it has made none)."""

    lane: int
    index: int | None
    exchanges: tuple[ExchangeText, ...] = ()


@dataclass(frozen=True, slots=True)
class EventReport:
    """Event `number` of `lane`, counted from 0 over all of its episodes, none left out.

    Only an EpisodeStarted carries its rendering; those of steps come as PictureReport.
    """

    lane: int
    number: int
    event: Event


@dataclass(frozen=True, slots=True)
class PictureReport:
    """The rendering that belongs to event `number` of `lane`. Not every step's: the newest replaces older ones."""

    lane: int
    number: int
    rendering: Rendering


@dataclass(frozen=True, slots=True)
class LanePhase:
    """What a lane is at, and for how many seconds."""

    lane: int
    name: PhaseName
    seconds: float


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Sent every half second by a thread of its own, however busy the lanes are."""

    phases: tuple[LanePhase, ...]


@dataclass(frozen=True, slots=True)
class LaneFailed:
    """A lane cannot play: one line for people, and a traceback where the fault is in somebody's code."""

    lane: int
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the engine's log."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Bye:
    """Last message of an engine that leaves in order: all that was played is committed."""


LaneAction = Act | Approval | Answer | TakeOver | Interrupt | Tell | ChangePlayer | ShowExchanges
"""What a person does in one lane."""
Command = Hello | Start | LaneAction | Pace | Pause | Resume | StepOnce | Speed | Stop | Restart | View | Shutdown
Report = (
    Hello
    | Progress
    | LaneReady
    | Oversight
    | PlayerChecked
    | Exchanges
    | EventReport
    | PictureReport
    | Heartbeat
    | LaneFailed
    | Log
    | Bye
)
MESSAGE_TYPES: tuple[type[Command | Report], ...] = (
    Hello, Start, Act, Approval, Answer, TakeOver, Interrupt, Tell, ChangePlayer, ShowExchanges,
    Pace, Pause, Resume, StepOnce, Speed, Stop, Restart, View, Shutdown,
    Progress, LaneReady, Oversight, PlayerChecked, Exchanges,
    EventReport, PictureReport, Heartbeat, LaneFailed, Log, Bye,
)  # fmt: skip
