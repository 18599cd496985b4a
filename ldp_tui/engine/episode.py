"""The moving parts of one episode while it is played: what `rollout` strings together."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from ldp_tui.core.agent import Agent, Generation, PlainAction, Standing, Usage, listening
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import AgentError, Phase, failure_of
from ldp_tui.core.messages import Message
from ldp_tui.core.signatures import Signature
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, copy_json, copy_message, numbered_calls
from ldp_tui.core.tools import FunctionInfo, Tool, tool_schema
from ldp_tui.engine.events import (
    EndReason,
    EpisodeEnded,
    EpisodeStarted,
    LegalActions,
    Rendering,
    StepTaken,
)
from ldp_tui.engine.fork import Fork
from ldp_tui.engine.reset import reset_environment
from ldp_tui.engine.watch import Watcher

logger = logging.getLogger(__name__)


class PhaseFailed(Exception):
    """Agent, environment or tool raised, or an overseer ended it: the episode has its ending."""


class Episode:
    """One episode of `agent` in `env`: start or branch, then decide and step in turn until there is an `ending`."""

    def __init__(
        self,
        env: Environment[Any],
        agent: Agent[Any],
        *,
        render: bool,
        notice: Callable[[str], None],
        watch: Watcher | None = None,
    ) -> None:
        self._env, self._agent, self._render, self._notice, self._watch = env, agent, render, notice, watch
        self.ending: EndReason | None = None
        self._failure: Exception | None = None
        self._observation: list[Message] = []
        self._agent_state: Any = None
        self._return = 0.0
        self.steps = 0
        self._phase: Phase = "env"
        self._listening = listening(self)
        self._numbered = numbered_calls(itertools.count())
        self.reflection: list[str] = []
        self._usage: Usage | None = None
        self._facts: dict[str, Any] = {}
        self._generations: list[Generation] = []
        self._cost_usd = 0.0
        self._reward: float | None = None
        self._graph: Mapping[str, Any] | None = None
        self._value = 0.0
        self._agent_us = 0
        self._streamed: asyncio.Queue[str | None] | None = None
        self.probabilities: Mapping[str, float] | None = None
        self.action: Message = Message(role="assistant")

    async def start(self, header: EpisodeStarted) -> EpisodeStarted:
        """Reset the environment and prepare the agent: the whole header. A failure is the ending."""
        self._notice("resetting")
        try:
            messages, tools = await reset_environment(self._env, seed=header.seed, options=dict(header.options) or None)
            self._observation = [copy_message(message) for message in messages]
            header = replace(
                header,
                task_id=await task_id_of(self._env) if header.task_id is None else header.task_id,
                observation=self._seen(),
                tools=_schemas(tools),
                rendering=self._rendering(),
                info=self._info(),
                legal_actions=self._legal_actions(),
            )
        except Exception as error:  # noqa: BLE001 (whatever user code raises becomes a failed episode)
            self._fail(error)
            return header
        if self._watch is not None:
            await self._watch.after_reset(self._observation, tools)
        self._phase = "agent"
        try:
            with self._listening, self._numbered:
                self._agent.prepare(env=self._env, seed=header.seed)
                self._agent_state = await self._agent.init_state(list(tools))
        except Exception as error:  # noqa: BLE001 (as above)
            self._fail(error)
            return header
        if self._watch is not None:
            await self._watch.after_init_state(self._agent_state)
        return header

    def _fail(self, error: Exception) -> PhaseFailed:
        self.ending, self._failure = "failed", error
        if self._watch is not None:
            self._watch.failed(error, self._phase)
        return PhaseFailed()

    def branch(self, header: EpisodeStarted, fork: Fork) -> EpisodeStarted:
        """Go on from `fork`, where environment and agent stand already: the header of the branch."""
        self._observation = list(fork.observation)
        self._agent_state = fork.agent_state
        self.steps, self._return = fork.t, fork.return_
        self._numbered = numbered_calls(itertools.count(fork.calls))
        return replace(
            fork.started,
            uid=header.uid,
            started_ns=header.started_ns,
            max_steps=header.max_steps,
            parent_uid=fork.started.uid,
            fork_t=fork.t,
        )

    async def decide(self) -> None:
        """Let the agent choose; its reasoning is in `reflection` afterwards. Raises PhaseFailed."""
        self._notice("agent")
        self._phase = "agent"
        self.reflection, self.probabilities, self._usage, self._graph, self._facts = [], None, None, None, {}
        if self._watch is not None:
            await self._watch.before_decision(self._agent_state, self._observation)
        started = time.perf_counter_ns()
        try:
            with self._listening, self._numbered:
                chosen, state, value = await self._agent.get_asv(
                    self._agent_state, [copy_message(message) for message in self._observation]
                )
            self.action = copy_message(_as_message(chosen))
            self._agent_state, self._value = state, float(value)
            if type(chosen) is not PlainAction:
                self._graph = _graph(chosen)
        except Exception as error:
            raise self._fail(error) from error
        self._agent_us = (time.perf_counter_ns() - started) // 1000
        if self._watch is not None:
            await self._watch.after_decision(chosen, state, self._value)

    async def decide_aloud(self) -> AsyncGenerator[str, None]:
        """Let the agent choose; its reasoning comes out while it is said."""
        streamed: asyncio.Queue[str | None] = asyncio.Queue()
        self._streamed = streamed
        task = asyncio.ensure_future(self.decide())
        task.add_done_callback(lambda _: streamed.put_nowait(None))
        try:
            while (text := await streamed.get()) is not None:
                yield text
            await task
        finally:
            self._streamed = None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def step(self, *, last: bool) -> StepTaken:
        """Carry out the action. `last`: the step limit ends the episode here. Raises PhaseFailed."""
        self._notice("env")
        self._phase = "env"
        try:
            taken = await self._step(last=last)
        except Exception as error:
            raise self._fail(error) from error
        self.steps += 1  # what fails before this is no step: it is neither told nor stored
        self._return += taken.reward
        self._reward = taken.reward
        if self._generations:
            self._generations = []
        if taken.terminated or taken.truncated:
            self.ending = "terminated" if taken.terminated else "truncated"
        return taken

    async def _step(self, *, last: bool) -> StepTaken:
        started = time.perf_counter_ns()
        messages, reward, done, truncated = await self._env.step(copy_message(self.action))
        env_us = (time.perf_counter_ns() - started) // 1000
        self._observation = [copy_message(message) for message in messages]
        return StepTaken(
            index=self.steps,
            action=self.action,
            observation=self._seen(),
            reward=float(reward) + 0.0,  # no negative zero, which no database keeps
            terminated=bool(done),
            truncated=bool(truncated) or (last and not done),
            reflection="".join(self.reflection),
            probabilities=self.probabilities,
            value=self._value,
            info={**self._info(), **({"agent": self._facts} if self._facts else {})},
            rendering=self._rendering(),
            legal_actions=self._legal_actions(),
            agent_us=self._agent_us,
            env_us=env_us,
            usage=self._usage,
            graph=self._graph,
            generations=tuple(self._generations),
        )

    def end(self) -> EpisodeEnded:
        """How it ended: `ending`, and for a failure the phase and what was raised."""
        reason, error = self.ending or "aborted", self._failure
        success: bool | None = None
        phase: Phase | None = None
        detail: str | None = None
        if error is not None:
            logger.info("Episode failed in phase %s.", self._phase, exc_info=error)
            phase, detail = failure_of(error, self._phase)
        elif reason in ("terminated", "truncated"):
            success = _success(self._env)
        return EpisodeEnded(
            reason=reason,
            return_=self._return,
            steps=self.steps,
            ended_ns=time.time_ns(),
            success=success,
            phase=phase,
            detail=detail,
            generations=tuple(self._generations),
        )

    @property
    def live(self) -> bool:
        """Whether the agent is decided aloud (see `core.agent.Listener`)."""
        return self._streamed is not None

    def reflect(self, text: str) -> None:
        """The agent reports reasoning (see `core.agent.Listener`)."""
        self.reflection.append(text)
        if self._streamed is not None:
            self._streamed.put_nowait(text)

    def propose(self, probabilities: Mapping[str, float]) -> None:
        """The agent reports its distribution."""
        self.probabilities = {str(name): float(p) for name, p in probabilities.items()}

    def spend(self, usage: Usage) -> None:
        """The agent reports what a call cost; several add up."""
        before = self._usage or Usage()
        self._usage = Usage(
            before.tokens_in + usage.tokens_in,
            before.tokens_out + usage.tokens_out,
            before.cost_usd + usage.cost_usd,
        )

    def standing(self) -> Standing:
        """Steps, last reward, return and cost so far (see `core.agent.Host`)."""
        return Standing(self.steps, self._reward, self._return, self._cost_usd)

    def annotate(self, facts: Mapping[str, Any]) -> None:
        """The agent tells how its decision came about."""
        for name, value in copy_json(dict(facts)).items():
            before = self._facts.get(name)
            self._facts[name] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value

    def generated(self, generation: Generation) -> None:
        """A request to a model has come to its end (see `core.agent.Host`)."""
        self._cost_usd += generation.cost_usd
        self._generations.append(replace(generation, params=copy_json(dict(generation.params))))

    def _seen(self) -> tuple[Message, ...]:
        """The observation as an event carries it; the agent gets copies, so this stays as it is."""
        return tuple(self._observation)

    def _rendering(self) -> Rendering:
        return self._env.render() if self._render else None

    def _legal_actions(self) -> LegalActions:
        legal = self._env.legal_actions()
        return None if legal is None else tuple(copy_json(list(legal)))

    def _info(self) -> Mapping[str, Any]:
        info: dict[str, Any] = copy_json(dict(self._env.info()))
        return info


def _graph(chosen: Any) -> Mapping[str, Any] | None:
    """The compute graph behind an action, if it has one of more than the action itself and all of it was kept."""
    from ldp_tui.graph.results import OpResult

    if not isinstance(chosen, OpResult) or chosen.recorded("input") is None or not chosen.consumed():
        return None
    from ldp_tui.graph.sketch import sketch

    try:
        return sketch(chosen).as_json()
    except Exception as error:  # noqa: BLE001 (a drawing that cannot be made, of whatever values, costs no episode)
        logger.info("The graph behind an action cannot be drawn: %r", error)
        return None


def _as_message(chosen: Any) -> Message:
    """Message of an agent's choice: a node with a `value`, a message, or a bare tool call."""
    value = getattr(chosen, "value", chosen)
    if isinstance(value, ToolCall):
        return ToolRequestMessage(tool_calls=[value])
    if isinstance(value, Message):
        return value
    raise AgentError(f"get_asv must return a message or a tool call as action, not {type(value).__name__}.")


def _success(env: Environment[Any]) -> bool | None:
    try:
        success = env.success()
        return None if success is None else bool(success)
    except Exception as error:  # noqa: BLE001 (the episode is over and kept, whatever this answers)
        logger.warning("Asking %s for success failed: %r", type(env).__name__, error)
        return None


async def task_id_of(env: Environment[Any]) -> str | None:
    """Name of the environment's task; None if its tasks have none."""
    try:
        return str(await env.get_id())
    except (NotImplementedError, ValueError, AttributeError):  # all three mean "has none" in the wild
        return None


def _schemas(tools: list[Tool]) -> tuple[Mapping[str, Any], ...]:
    return tuple(_schema_json(tool) for tool in tools)


def _schema_json(tool: Tool) -> Mapping[str, Any]:
    signature = tool.signature
    cached = _schema_cache.get(signature)
    if cached is not None and cached[0].__dict__ == tool.info.__dict__:
        return cached[1]
    schema: Mapping[str, Any] = json.loads(json.dumps(tool_schema(tool)))
    _schema_cache[signature] = (tool.info.model_copy(deep=True), schema)
    return schema


_schema_cache: WeakKeyDictionary[Signature, tuple[FunctionInfo, Mapping[str, Any]]] = WeakKeyDictionary()
"""The newest description of each tool function as JSON, with the description it was made of."""
