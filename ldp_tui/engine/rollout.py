"""Plays one episode and tells what happens, as an async generator of events. It stores and shows nothing itself."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from functools import lru_cache
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from ldp_tui.core.agent import Agent, Usage, listening
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import AgentError, EpisodeError
from ldp_tui.core.messages import Message
from ldp_tui.core.signatures import Signature
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, copy_json, copy_message, numbered_calls
from ldp_tui.core.tools import FunctionInfo, Tool, tool_schema
from ldp_tui.engine.events import (
    ActionProposed,
    AgentRecord,
    EndReason,
    EnvironmentRecord,
    EpisodeEnded,
    EpisodeStarted,
    Event,
    LegalActions,
    Phase,
    ReflectionDelta,
    Rendering,
    StepTaken,
)
from ldp_tui.engine.identity import new_uid

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
"""How long `env.close()` may take before it is given up."""


class Gate(Protocol):
    """Asked before each step: waits while the episode is paused; False ends the episode (reason `aborted`)."""

    async def __call__(self, index: int) -> bool:
        """Whether step `index` may be played."""


async def rollout(
    env: Environment[Any],
    agent: Agent[Any],
    *,
    environment: EnvironmentRecord | None = None,
    player: AgentRecord | None = None,
    seed: int | None = None,
    options: Mapping[str, Any] | None = None,
    task_id: str | None = None,
    max_steps: int | None = None,
    render: bool = False,
    gate: Gate | None = None,
    uid: str | None = None,
    keep_open: bool = False,
    notice: Callable[[str], None] | None = None,
) -> AsyncGenerator[Event, None]:
    """Play `env` with `agent` until the task ends, a limit is reached, or something fails.

    Failures of agent, environment or tools do not raise: they end the episode with reason `failed`. The environment is
    closed in every case (unless `keep_open`), and an error in closing costs nothing that was played.

    Args:
        env: Played from a fresh reset.
        agent: Its state belongs to this episode alone.
        environment: Which environment this is, for the record.
        player: Who plays, for the record.
        seed: Given to the environment's reset (where it takes one) and to the agent.
        options: Given to the environment's reset where it takes them.
        task_id: Name of the task; asked of the environment when None.
        max_steps: Steps after which the episode is truncated.
        render: Ask the environment for a picture after each step.
        gate: Asked before each step.
        uid: Identifier of the episode; a new UUIDv7 when None.
        keep_open: The environment belongs to the caller, who plays on with it or closes it.
        notice: Told which phase begins: `resetting`, `agent`, `env`.
    """
    episode = _Episode(env, agent, render=render, notice=notice or (lambda _phase: None))
    try:
        try:
            started = await episode.start(
                uid=uid or new_uid(),
                environment=environment or EnvironmentRecord(type(env).__name__),
                player=player or AgentRecord(type(agent).__name__, agent.kind),
                seed=seed,
                options=options or {},
                task_id=task_id,
                max_steps=max_steps,
            )
        except Exception as error:  # noqa: BLE001 (whatever user code raises becomes a failed episode)
            started = episode.failed_start(
                error, environment, player, seed=seed, options=options, uid=uid, task_id=task_id, max_steps=max_steps
            )
            yield started
            yield episode.end("failed", error=error)
            return
        yield started
        async with aclosing(_steps(episode, agent, gate, max_steps)) as events:
            async for event in events:
                yield event
    finally:
        if not keep_open:
            await close_bounded(env)


async def _steps(
    episode: _Episode, agent: Agent[Any], gate: Gate | None, max_steps: int | None
) -> AsyncGenerator[Event, None]:
    for index in itertools.count():
        if max_steps is not None and index >= max_steps:  # only for a limit of zero
            yield episode.end("truncated")
            return
        if gate is not None and not await gate(index):
            yield episode.end("aborted")
            return
        try:
            if agent.streams:
                async with aclosing(episode.decide_aloud()) as pieces:
                    async for text in pieces:
                        yield ReflectionDelta(index, text)
            else:
                await episode.decide()
                for text in episode.reflection:
                    yield ReflectionDelta(index, text)
            yield ActionProposed(index, episode.action, episode.probabilities)
            step = await episode.step(index, last=max_steps is not None and index + 1 >= max_steps)
        except Exception as error:  # noqa: BLE001 (see rollout)
            yield episode.end("failed", error=error)
            return
        yield step
        if step.terminated or step.truncated:
            yield episode.end("terminated" if step.terminated else "truncated")
            return


class _Episode:
    """The moving parts of one rollout."""

    def __init__(
        self, env: Environment[Any], agent: Agent[Any], *, render: bool, notice: Callable[[str], None]
    ) -> None:
        self._env, self._agent, self._render, self._notice = env, agent, render, notice
        self._observation: list[Message] = []
        self._agent_state: Any = None
        self._return = 0.0
        self._steps = 0
        self._phase: Phase = "env"
        self._listening = listening(self)
        self._numbered = numbered_calls(itertools.count())
        self.reflection: list[str] = []
        self._usage: Usage | None = None
        self._value = 0.0
        self._agent_us = 0
        self._streamed: asyncio.Queue[str | None] | None = None
        self.probabilities: Mapping[str, float] | None = None
        self.action: Message = Message(role="assistant")

    async def start(
        self,
        *,
        uid: str,
        environment: EnvironmentRecord,
        player: AgentRecord,
        seed: int | None,
        options: Mapping[str, Any],
        task_id: str | None,
        max_steps: int | None,
    ) -> EpisodeStarted:
        self._notice("resetting")
        started_ns = time.time_ns()
        keywords = _reset_keywords(type(self._env))
        given: dict[str, Any] = {"seed": seed, "options": dict(options) or None}
        messages, tools = await self._env.reset(**{k: v for k, v in given.items() if k in keywords})
        self._observation = [copy_message(message) for message in messages]
        if task_id is None:
            task_id = await _task_id(self._env)
        self._phase = "agent"
        with self._listening, self._numbered:
            self._agent.prepare(env=self._env, seed=seed)
            self._agent_state = await self._agent.init_state(list(tools))
        self._phase = "env"
        return EpisodeStarted(
            uid=uid,
            environment=environment,
            agent=player,
            seed=seed,
            task_id=task_id,
            options=dict(options),
            started_ns=started_ns,
            observation=self._seen(),
            tools=_schemas(tools),
            rendering=self._rendering(),
            info=self._info(),
            legal_actions=self._legal_actions(),
            max_steps=max_steps,
        )

    def failed_start(
        self,
        error: Exception,
        environment: EnvironmentRecord | None,
        player: AgentRecord | None,
        *,
        seed: int | None,
        options: Mapping[str, Any] | None,
        uid: str | None,
        task_id: str | None,
        max_steps: int | None,
    ) -> EpisodeStarted:
        """Header of an episode whose reset failed, so that the failure can be recorded."""
        logger.info("Reset failed.", exc_info=error)
        return EpisodeStarted(
            uid=uid or new_uid(),
            environment=environment or EnvironmentRecord(type(self._env).__name__),
            agent=player or AgentRecord(type(self._agent).__name__, self._agent.kind),
            seed=seed,
            task_id=task_id,
            options=dict(options or {}),
            started_ns=time.time_ns(),
            observation=(),
            tools=(),
            max_steps=max_steps,
        )

    async def decide(self) -> None:
        """Let the agent choose; its reasoning is in `reflection` afterwards."""
        self._notice("agent")
        self._phase = "agent"
        self.reflection, self.probabilities, self._usage = [], None, None
        started = time.perf_counter_ns()
        with self._listening, self._numbered:
            chosen, self._agent_state, value = await self._agent.get_asv(
                self._agent_state, [copy_message(message) for message in self._observation]
            )
        self.action = copy_message(_as_message(chosen))
        self._value = float(value)
        self._agent_us = (time.perf_counter_ns() - started) // 1000

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

    async def step(self, index: int, *, last: bool) -> StepTaken:
        """Carry out the action. `last`: the step limit ends the episode here."""
        self._notice("env")
        self._phase = "env"
        started = time.perf_counter_ns()
        messages, reward, done, truncated = await self._env.step(copy_message(self.action))
        env_us = (time.perf_counter_ns() - started) // 1000
        self._observation = [copy_message(message) for message in messages]
        self._steps = index + 1
        reward = float(reward)
        self._return += reward
        return StepTaken(
            index=index,
            action=self.action,
            observation=self._seen(),
            reward=reward,
            terminated=bool(done),
            truncated=bool(truncated) or (last and not done),
            reflection="".join(self.reflection),
            probabilities=self.probabilities,
            value=self._value,
            info=self._info(),
            rendering=self._rendering(),
            legal_actions=self._legal_actions(),
            agent_us=self._agent_us,
            env_us=env_us,
            usage=self._usage,
        )

    def end(self, reason: EndReason, *, error: Exception | None = None) -> EpisodeEnded:
        success: bool | None = None
        phase: Phase | None = None
        detail: str | None = None
        if error is not None:
            logger.info("Episode failed in phase %s.", self._phase, exc_info=error)
            phase, detail = _failure(error, self._phase)
        elif reason in ("terminated", "truncated"):
            success = _success(self._env)
        return EpisodeEnded(
            reason=reason,
            return_=self._return,
            steps=self._steps,
            ended_ns=time.time_ns(),
            success=success,
            phase=phase,
            detail=detail,
        )

    def reflect(self, text: str) -> None:
        self.reflection.append(text)
        if self._streamed is not None:
            self._streamed.put_nowait(text)

    def propose(self, probabilities: Mapping[str, float]) -> None:
        self.probabilities = {str(name): float(p) for name, p in probabilities.items()}

    def spend(self, usage: Usage) -> None:
        before = self._usage or Usage()
        self._usage = Usage(
            before.tokens_in + usage.tokens_in,
            before.tokens_out + usage.tokens_out,
            before.cost_usd + usage.cost_usd,
        )

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


async def close_bounded(env: Environment[Any], seconds: float = CLOSE_SECONDS) -> None:
    """Close the environment; what goes wrong, or takes longer than `seconds`, is logged and given up."""
    if type(env).close is Environment.close:
        return
    try:
        await asyncio.wait_for(env.close(), seconds)
    except Exception as error:  # noqa: BLE001 (the episode is over and kept, whatever close does)
        logger.warning("Closing %s failed: %r", type(env).__name__, error)


def _as_message(chosen: Any) -> Message:
    """Message of an agent's choice: a node with a `value`, a message, or a bare tool call."""
    value = getattr(chosen, "value", chosen)
    if isinstance(value, ToolCall):
        return ToolRequestMessage(tool_calls=[value])
    if isinstance(value, Message):
        return value
    raise AgentError(f"get_asv must return a message or a tool call as action, not {type(value).__name__}.")


def _failure(error: Exception, phase: Phase) -> tuple[Phase, str]:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, EpisodeError):
        return error.phase, text
    if tool := getattr(error, "failed_tool", None):
        return "tool", f"{tool}: {type(error).__name__}: {text}"
    return phase, f"{type(error).__name__}: {text}"


def _success(env: Environment[Any]) -> bool | None:
    try:
        success = env.success()
        return None if success is None else bool(success)
    except Exception as error:  # noqa: BLE001 (the episode is over and kept, whatever this answers)
        logger.warning("Asking %s for success failed: %r", type(env).__name__, error)
        return None


async def _task_id(env: Environment[Any]) -> str | None:
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


@lru_cache(maxsize=256)
def _reset_keywords(kind: type[Environment[Any]]) -> frozenset[str]:
    """Which of `seed` and `options` the environment's reset takes; aviary's take neither."""
    parameters = inspect.signature(kind.reset).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return frozenset({"seed", "options"})
    return frozenset({"seed", "options"} & set(parameters))
