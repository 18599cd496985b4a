"""One lane: an agent in an environment, episode after episode, in a thread with its own event loop."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from ldp_tui import registry
from ldp_tui.agents.human import HumanAgent, RealTime
from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import LdpTuiError, UsageError
from ldp_tui.engine.events import AgentRecord, EnvironmentRecord, EpisodeEnded, EpisodeStarted, Event, StepTaken
from ldp_tui.engine.record import record
from ldp_tui.engine.rollout import rollout
from ldp_tui.play.keyboard import Keyboard, keyboard_of, message_of
from ldp_tui.play.messages import (
    Act,
    Answer,
    Approval,
    ChangePlayer,
    EventReport,
    Exchanges,
    Interrupt,
    LaneAction,
    LaneFailed,
    LanePhase,
    LaneReady,
    Pace,
    PhaseName,
    PictureReport,
    PlayerChecked,
    Progress,
    Report,
    Restart,
    ShowExchanges,
    Stop,
    TakeOver,
    Tell,
    View,
)
from ldp_tui.play.pacing import TURN_RATE, LaneGate, SessionClock
from ldp_tui.play.pictures import PictureFeed, Sight
from ldp_tui.play.session_spec import LaneSpec, SessionSpec
from ldp_tui.play.supervision import Supervision, as_text
from ldp_tui.store.writer import Writer

_MAKING: Final = threading.Lock()
"""Held while an environment or agent is made: imports and registrations are nobody's idea of thread-safe."""
_LISTENING: Final = frozenset({"waiting for you", "env step"})
_QUIET: Final = frozenset({"paused", "waiting for you", "waiting for approval", "done", "failed"})
"""Phases in which no step comes soon, so that a picture that waits for its turn is shown."""

LaneCommand = LaneAction | Pace | View | Stop | Restart


@dataclass(frozen=True, slots=True)
class LaneContext:
    """What a lane shares with the others of its session. `writer` is None where nothing is recorded."""

    spec: SessionSpec
    clock: SessionClock
    writer: Writer | None
    run_uid: str
    send: Callable[[Report], None]


class Lane:
    """Plays episodes on request. Its methods return at once and may be called from any thread."""

    def __init__(self, number: int, spec: LaneSpec, context: LaneContext) -> None:
        self.number = number
        self._spec = spec
        self._context = context
        self._muted = False
        self._idle = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._wanted = asyncio.Event()
        self._seed = 0
        self._task: asyncio.Task[None] | None = None
        self._gate = LaneGate(context.clock, self._loop, holding=self._enter)
        self._supervision = Supervision(
            number,
            context.spec.person,
            approving=context.spec.approve,
            entered=self._enter,
            report=self._send,
        )
        self._checking: asyncio.Task[None] | None = None
        self._pictures = PictureFeed(self._send_picture, Sight(context.spec.fps_limit))
        self._player: tuple[Agent[Any], AgentRecord] | None = None
        self._keyboard = Keyboard()
        self._real_time = False
        self._sent = 0
        self._phase: tuple[PhaseName, float] = ("starting", time.monotonic())
        self._thread = threading.Thread(target=self._run, name=f"lane-{number}", daemon=True)

    def start(self, seed: int) -> None:
        """Begin the lane's thread, with a first episode."""
        self.play(seed)
        self._thread.start()

    def play(self, seed: int) -> None:
        """Play a new episode; one that is under way is ended as aborted."""
        self._idle.clear()
        self._soon(self._want, seed)

    def stop(self, *, mute: bool = False) -> None:
        """End the episode as aborted. `mute`: the lane is given up, and nothing more is heard of it."""
        self._muted = self._muted or mute
        self._soon(self._leave)

    def wait(self, seconds: float) -> bool:
        """Whether no episode is under way, or none is left within `seconds`."""
        return self._idle.wait(max(0.0, seconds))

    def obey(self, command: LaneCommand) -> None:
        """Carry out one command for this lane. A Restart names its seed."""
        match command:
            case Act():
                self._act(command)
            case Approval() | Answer() | TakeOver() | Interrupt() | Tell() | ChangePlayer() | ShowExchanges():
                self._soon(self._supervise, command)
            case Pace(real_time=on):
                self._real_time = on
                self.repace()
            case View():
                self._pictures.look(command.columns, command.rows, command.fps)
            case Stop():
                self.stop()
            case Restart(seed=int(seed)):
                self.play(seed)

    def repace(self) -> None:
        """Take over the session's speed."""
        self._soon(self._pace)

    def show_waiting_picture(self) -> None:
        """Show the newest picture even if it is not due."""
        self._pictures.flush()

    @property
    def phase(self) -> LanePhase:
        """What the lane is at."""
        name, since = self._phase
        return LanePhase(self.number, name, time.monotonic() - since)

    @property
    def _agent(self) -> Agent[Any] | None:
        return None if self._player is None else self._player[0]

    def _act(self, act: Act) -> None:
        agent = self._agent
        if isinstance(agent, HumanAgent) and self._phase[0] in _LISTENING:
            agent.submit(message_of(act), act.note)
        elif agent is not None:
            self._soon(self._supervision.act, message_of(act), act.note)

    def _supervise(self, command: LaneAction) -> None:
        """What a person does about the agent in this lane."""
        match command:
            case Approval(on=on):
                self._supervision.approve_each(on=on)
            case Answer():
                self._supervision.answer(command)
            case TakeOver(on=on):
                self._supervision.take_over(on=on)
            case Interrupt():
                self._supervision.interrupt()
            case Tell(text=text):
                self._supervision.tell(text)
            case ChangePlayer(player=player):
                self._checking = asyncio.create_task(self._change_player(player))
            case ShowExchanges():
                texts = tuple(map(as_text, self._supervision.exchanges))
                self._send(Exchanges(self.number, self._supervision.decided, texts))

    async def _change_player(self, player: str) -> None:
        """Make the player, which may take a while, and let it play on if it can."""
        try:
            agent, record = await asyncio.to_thread(_made_player, player)
            _check_kinship(agent, self._agent)
        except LdpTuiError as error:
            self._send(PlayerChecked(self.number, player, " ".join(str(error).split())))
        except Exception as error:  # noqa: BLE001 (whatever a plug-in raises is shown where the player was asked for)
            self._send(PlayerChecked(self.number, player, f"{type(error).__name__}: {' '.join(str(error).split())}"))
        else:
            self._player = agent, record
            self._supervision.change_player(agent, player)
            self._send(PlayerChecked(self.number, player))

    def _soon(self, function: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: a lane that was given up has nothing left to do
            self._loop.call_soon_threadsafe(function, *arguments)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._muted:
                return
            self._task = asyncio.create_task(self._play(self._seed))
            await asyncio.wait([self._task])
            if self._muted or not self._wanted.is_set():
                self._idle.set()

    def _want(self, seed: int) -> None:
        self._cancel()
        self._seed = seed
        self._wanted.set()

    def _leave(self) -> None:
        self._cancel()
        self._wanted.clear()
        if self._task is None or self._task.done():
            self._idle.set()
        if self._muted:
            self._wanted.set()

    def _cancel(self) -> None:
        """End the episode at the next moment its code waits for something, at the latest before its next step."""
        self._gate.close()
        if self._task is not None:
            self._task.cancel()

    async def _play(self, seed: int) -> None:
        """One episode. Failures inside it are events; what can fail around it is reported here."""
        self._gate.open()
        self._enter("starting")
        try:
            await self._play_reported(seed)
        except LdpTuiError as error:
            self._fail(" ".join(str(error).split()), "")
        except Exception as error:  # noqa: BLE001 (whatever a plug-in raises is reported; the lane can play again)
            self._fail(f"{type(error).__name__}: {' '.join(str(error).split())}", traceback.format_exc())
        except (SystemExit, KeyboardInterrupt) as error:  # would end this thread without a word
            self._fail(f"The environment or its player asked to exit: {error!r}.", traceback.format_exc())

    async def _play_reported(self, seed: int) -> None:
        under_way, steps, return_ = False, 0, 0.0
        try:
            env, environment = self._made()
            async with aclosing(self._events(env, environment, seed)) as events:
                async for event in events:
                    if isinstance(event, EpisodeStarted):
                        under_way = True
                        self._ready(event, env)
                    elif isinstance(event, StepTaken):
                        steps, return_ = event.index + 1, return_ + event.reward
                    elif isinstance(event, EpisodeEnded):
                        under_way = False
                    self._report(event)
        except asyncio.CancelledError:
            if under_way:  # the recorder has closed the episode as aborted; the screen is told the same
                self._report(EpisodeEnded("aborted", return_, steps, time.time_ns()))
            raise

    def _made(self) -> tuple[Environment[Any], EnvironmentRecord]:
        """A fresh environment for each episode, as a rollout closes it; the player stays."""
        with _MAKING:
            if self._player is None:
                self._send(Progress(f"making the player {self._spec.agent} …"))
                self._player = registry.make_agent(self._spec.agent)
            self._send(Progress(f"making the environment {self._spec.environment} …"))
            return registry.make_environment(self._spec.environment)

    def _events(self, env: Environment[Any], environment: EnvironmentRecord, seed: int) -> AsyncGenerator[Event, None]:
        assert self._player is not None
        agent, player = self._player
        context = self._context
        events = rollout(
            env,
            agent,
            environment=environment,
            player=player,
            seed=seed,
            max_steps=context.spec.max_steps,
            render=context.spec.pictures != "none",
            gate=self._gate,
            notice=self._notice,
            overseer=None if isinstance(agent, HumanAgent) else self._supervision,
        )
        if context.writer is None:
            return events
        return record(events, context.writer, run_uid=context.run_uid, pictures=context.spec.pictures == "store")

    def _ready(self, started: EpisodeStarted, env: Environment[Any]) -> None:
        """The environment is reset: its keys and its pace are known now."""
        human = isinstance(self._agent, HumanAgent)
        if not human:
            self._supervision.begin(started.agent.name)
        failed = not (started.observation or started.tools)
        keyboard = self._keyboard = Keyboard() if failed else keyboard_of(env)
        self._gate.rate = None if human else keyboard.fps or TURN_RATE
        self._pace()
        self._send(
            LaneReady(
                lane=self.number,
                environment=started.environment.name,
                agent=started.agent.name,
                human=human,
                tools=started.tools,
                keys=keyboard.keys,
                real_time_fps=keyboard.fps,
                noop=keyboard.noop,
            )
        )

    def _pace(self) -> None:
        agent, fps = self._agent, self._keyboard.fps
        if isinstance(agent, HumanAgent):
            speed = self._context.clock.speed or 1.0
            agent.pace(RealTime(fps * speed, self._keyboard.idle) if self._real_time and fps else None)

    def _report(self, event: Event) -> None:
        number, self._sent = self._sent, self._sent + 1
        if isinstance(event, EpisodeStarted):
            event = replace(event, rendering=self._pictures.first(number, event.rendering))
        elif isinstance(event, EpisodeEnded):
            self._enter("failed" if event.reason == "failed" else "done")
        if not isinstance(event, StepTaken) or event.rendering is None:
            self._send(EventReport(self.number, number, event))
            return
        self._send(EventReport(self.number, number, replace(event, rendering=None)))
        self._pictures.offer(number, event.rendering)

    def _send_picture(self, number: int, rendering: Any) -> None:
        self._send(PictureReport(self.number, number, rendering))

    def _notice(self, what: str) -> None:
        human = isinstance(self._agent, HumanAgent)
        thinking: PhaseName = "waiting for you" if human else "agent thinking"
        phases: dict[str, PhaseName] = {"resetting": "resetting", "agent": thinking, "env": "env step"}
        self._enter(phases[what])

    def _enter(self, phase: PhaseName) -> None:
        if phase != self._phase[0]:
            self._phase = (phase, time.monotonic())
            if phase in _QUIET:
                self._pictures.flush()

    def _fail(self, message: str, detail: str) -> None:
        self._enter("failed")
        self._send(LaneFailed(self.number, message, detail))

    def _send(self, report: Report) -> None:
        if not self._muted:
            self._context.send(report)


def _made_player(player: str) -> tuple[Agent[Any], AgentRecord]:
    with _MAKING:
        return registry.make_agent(player)


def _check_kinship(agent: Agent[Any], before: Agent[Any] | None) -> None:
    """Raise UsageError unless `agent` understands the state of the one `before`."""
    if before is None or not (isinstance(agent, type(before)) or isinstance(before, type(agent))):
        raise UsageError("Only a player of the same kind can go on here; others begin with a new episode.")
