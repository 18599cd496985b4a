"""One trajectory while it is played: the events of the pipe as transitions and calls of callbacks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import JsonValue

from ldp_tui.alg.callbacks.base import Callback, Hooks
from ldp_tui.alg.failures import format_error_details
from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import Phase
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage, copy_message
from ldp_tui.core.tools import Tool
from ldp_tui.core.trajectory import Transition
from ldp_tui.engine.campaign import TURN_SECONDS
from ldp_tui.engine.events import (
    ActionProposed,
    AgentRecord,
    EnvironmentRecord,
    EpisodeEnded,
    EpisodeStarted,
    Event,
    Intervened,
    ReflectionDelta,
    StepTaken,
)
from ldp_tui.engine.fork import Fork
from ldp_tui.engine.identity import new_uid
from ldp_tui.engine.record import record
from ldp_tui.engine.rollout import STOP_SECONDS, bounded, close_bounded, rollout
from ldp_tui.store.writer import Writer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stage:
    """What the rollouts of one call have in common. `writer=None`: nothing is recorded."""

    agent: Agent[Any]
    callbacks: Sequence[Callback] = ()
    catch_agent_failures: bool = True
    catch_env_failures: bool = True
    turns: AbstractAsyncContextManager[Any] = field(default_factory=nullcontext)
    """Held during each step."""
    writer: Writer | None = None
    run_uid: str = ""
    pictures: bool = False
    player: AgentRecord | None = None
    environment: Callable[[Environment[Any]], EnvironmentRecord] | None = None
    log_failures: bool = True

    def catches(self, phase: Phase) -> bool:
        """Whether what is raised in this phase is kept as a transition."""
        return self.catch_agent_failures if phase == "agent" else self.catch_env_failures


class Play:
    """One trajectory on its way: `start`, then `advance` until there is no further step, then `stop`.

    As an async context manager it stops by itself. `name` is the trajectory id that callbacks hear. A branch is given
    its `fork` and all steps up to there (`history`); callbacks do not hear of its beginning and end.
    """

    def __init__(
        self,
        stage: Stage,
        env: Environment[Any],
        *,
        name: str | None = None,
        max_steps: int | None = None,
        seed: int | None = None,
        keep_open: bool = False,
        fork: Fork | None = None,
        history: Sequence[StepTaken] = (),
    ) -> None:
        self.uid = new_uid()
        self.name = self._heard = self.uid if name is None else name
        self.env = env
        self.started: EpisodeStarted | None = None if fork is None else fork.started
        self.ended: EpisodeEnded | None = None
        self.error: Exception | None = None
        self.history = list(history)
        self.agent_state: Any = None if fork is None else fork.agent_state
        self._stage = stage
        self._hooks = Hooks(stage.callbacks)
        self._keep_open = keep_open
        self._fork = fork
        self._index = 0 if fork is None else fork.t
        self._observation: tuple[Message, ...] = () if fork is None else fork.observation
        self._state_before: Any = self.agent_state
        self._action: Any = None
        self._named: dict[str, JsonValue] = {} if stage.writer is None else {"episode": self.uid}
        self._metadata: dict[str, JsonValue] = dict(self._named)
        self._since = 0.0
        self._turn = time.monotonic()
        self._begun = self._stopped = False
        self._failed_in: Phase = "env"
        self._events = self._pipe(max_steps, seed)

    def _pipe(self, max_steps: int | None, seed: int | None) -> AsyncGenerator[Event, None]:
        stage = self._stage
        events = rollout(
            self.env,
            stage.agent,
            environment=None if stage.environment is None else stage.environment(self.env),
            player=stage.player,
            seed=seed,
            max_steps=max_steps,
            render=stage.pictures,
            uid=self.uid,
            keep_open=self._keep_open,
            watch=self,
            fork=self._fork,
            aloud=False,
        )
        if stage.writer is None:
            return events
        return record(
            events,
            stage.writer,
            run_uid=stage.run_uid,
            ack="episode",
            pictures=stage.pictures,
            shared=None if self._fork is None else self._fork.step,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.stop(hurry=kind is not None and issubclass(kind, asyncio.CancelledError))

    @property
    def return_(self) -> float:
        """Sum of the rewards up to here, those before a fork included."""
        return sum(step.reward for step in self.history)

    async def start(self) -> Transition | None:
        """Reset environment and agent, or begin the branch. A failure comes as the transition it ends with."""
        if self._fork is None:
            await self._hooks.call("before_rollout", self.name, self.env)
        event = await self._next()
        assert isinstance(event, EpisodeStarted)
        self.started = event
        if self._fork is None:
            self._observation = event.observation
        if self.error is None:
            return None
        return await self._over(await self._next())

    async def advance(self, name: str | None = None) -> Transition | None:
        """Play one step, of which callbacks hear under `name`: its transition. None if the episode ended without one.

        Raises:
            Exception: What agent or environment raised, unless the stage catches it; and what callbacks raise.
        """
        self._heard = self.name if name is None else name
        if self.ended is not None:
            return None
        await self._give_others_a_turn()
        async with self._stage.turns:
            event = await self._next()
            if isinstance(event, StepTaken):
                self._mark("env_step")
                for listener in self._hooks["after_env_step"]:
                    seen = _copies(event.observation)
                    await listener(self._heard, seen, event.reward, event.terminated, event.truncated)
                self._mark("after_env_step")
        if not isinstance(event, StepTaken):
            return await self._over(event)
        return await self._taken(event)

    async def stop(self, *, hurry: bool = False) -> None:
        """Leave the episode: an unfinished one is recorded as aborted. The environment is closed.

        `hurry` gives callbacks little time: someone cancelled.
        """
        if self._stopped:
            return
        self._stopped = True
        try:
            await self._events.aclose()
            if not self._begun and not self._keep_open:
                await close_bounded(self.env)
        finally:
            if self._fork is None:
                told = self._hooks.call("after_rollout", self.name, self._stage.agent, self.env)
                await (bounded(told, STOP_SECONDS, "after_rollout") if hurry else told)

    def fork(self) -> Fork:
        """The moment at which the episode stands, between two steps."""
        assert self.started is not None
        actions = [step.action for step in self.history]
        calls = sum(len(action.tool_calls) for action in actions if isinstance(action, ToolRequestMessage))
        return Fork(self.started, self.history[-1] if self.history else None, self.agent_state, self.return_, calls)

    # What `rollout` calls between the phases (see `engine.watch.Watcher`).

    async def after_reset(self, observation: Sequence[Message], tools: Sequence[Tool]) -> None:
        """Pass it on."""
        for listener in self._hooks["after_env_reset"]:
            await listener(self.name, _copies(observation), list(tools))

    async def after_init_state(self, agent_state: Any) -> None:
        """Keep the state and pass it on."""
        self.agent_state = self._state_before = agent_state
        await self._hooks.call("after_agent_init_state", self.name, agent_state)

    async def before_decision(self, agent_state: Any, observation: Sequence[Message]) -> None:
        """Start the step's clock and pass it on."""
        self._state_before, self._action, self._metadata = agent_state, None, dict(self._named)
        self._since = time.perf_counter()
        for listener in self._hooks["before_transition"]:
            await listener(self._heard, self._stage.agent, self.env, agent_state, _copies(observation))
        self._mark("before_transition")

    async def after_decision(self, action: Any, agent_state: Any, value: float) -> None:
        """Keep the node and pass it on."""
        self._mark("agent_get_asv")
        self._action, self.agent_state = action, agent_state
        await self._hooks.call("after_agent_get_asv", self._heard, action, agent_state, value)
        self._mark("after_agent_get_asv")

    def failed(self, error: Exception, phase: Phase) -> None:
        """Keep the error; the clock of what was going on stops."""
        self.error, self._failed_in = error, phase
        if self._since:
            self._mark("agent_get_asv" if phase == "agent" else "env_step")

    def _mark(self, phase: str) -> None:
        now = time.perf_counter()
        self._metadata[f"time_elapsed_{phase}"] = round(now - self._since, 7)
        self._since = now

    async def _next(self) -> EpisodeStarted | StepTaken | EpisodeEnded:
        self._begun = True
        while True:
            event = await anext(self._events)
            if not isinstance(event, ReflectionDelta | ActionProposed | Intervened):
                return event

    async def _taken(self, step: StepTaken) -> Transition:
        transition = Transition(
            timestep=step.index,
            agent_state=self._state_before,
            next_agent_state=self.agent_state,
            observation=list(self._observation),
            next_observation=list(step.observation),
            action=self._action,
            reward=step.reward,
            done=step.terminated,
            truncated=step.truncated,
            value=step.value,
            metadata=self._metadata,
        )
        self.history.append(step)
        self._index, self._observation = step.index + 1, step.observation
        await self._hooks.call("after_transition", self._heard, self._stage.agent, self.env, transition)
        if step.terminated or step.truncated:
            ended = await self._next()
            assert isinstance(ended, EpisodeEnded)
            self.ended = ended
        return transition

    async def _over(self, event: Event) -> Transition | None:
        assert isinstance(event, EpisodeEnded)
        self.ended = event
        if self.error is None:
            return None
        if not self._stage.catches(self._failed_in):
            raise self.error
        if self._stage.log_failures:
            details = format_error_details(self.error)
            trace = self.error if logger.isEnabledFor(logging.DEBUG) else None
            logger.warning("Rollout %s failed (%s): %s", self._heard, event.phase, details, exc_info=trace)
        transition = Transition(
            timestep=self._index,
            agent_state=self._state_before,
            observation=list(self._observation),
            action=self._action,
            metadata={"exception": repr(self.error), "failed_phase": event.phase, **self._metadata},
        )
        await self._hooks.call("after_transition", self._heard, self._stage.agent, self.env, transition)
        return transition

    async def _give_others_a_turn(self) -> None:
        """Let other rollouts and a cancellation through: nothing else does where agents and environments never wait."""
        if time.monotonic() - self._turn > TURN_SECONDS:
            await asyncio.sleep(0)
            self._turn = time.monotonic()


def _copies(messages: Sequence[Message]) -> list[Message]:
    return [copy_message(message) for message in messages]
