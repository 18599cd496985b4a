"""Small environments and agents that misbehave in one way each, and short forms to play and to look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from ldp_tui.core.agent import Agent, PlainAction, reflect
from ldp_tui.core.environment import Environment, Picture
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, Event, StepTaken
from ldp_tui.engine.rollout import rollout
from ldp_tui.store.reader import Reader


class Counter(Environment[int]):
    """Counts to `n`; `on` gives code that runs in the method of that name, `rewards` what each step earns."""

    def __init__(self, n: int = 3, *, rewards: float = 1.0, **on: Callable[[Counter], Any]) -> None:
        self.n, self.rewards, self.on = n, rewards, on
        self.state, self.closed, self.seed = 0, 0, None
        self.options: dict[str, Any] | None = None

    def hook(self, name: str) -> Any:
        return self.on[name](self) if name in self.on else None

    def go(self, by: int = 1) -> str:
        """Count on.

        Args:
            by: How far.
        """
        self.hook("tool")
        self.state += by
        return f"counted to {self.state}"

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        self.state, self.seed, self.options = 0, seed, options
        self.tools = [Tool.from_function(self.go)]
        self.hook("reset")
        return [Message(content=f"Count to {self.n}.", info={"seed": [seed]})], self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        if isinstance(result := self.hook("step"), tuple):
            return result
        if not isinstance(action, ToolRequestMessage):
            return self.default_no_tool_calls_response
        answers = await self.exec_tool_calls(action)
        return [*answers], self.rewards, self.state >= self.n, False

    async def close(self) -> None:
        self.closed += 1
        result = self.hook("close")
        if asyncio.iscoroutine(result):
            await result

    def info(self) -> dict[str, Any]:
        return self.hook("info") or {}

    def legal_actions(self) -> list[dict[str, Any]] | None:
        return self.hook("legal_actions")

    def render(self) -> Picture | str | None:
        return self.hook("render")

    def success(self) -> bool | None:
        return self.hook("success")

    async def get_id(self) -> str:
        return self.hook("get_id") or await super().get_id()


class Going(Agent[int]):
    """Calls `go` for ever; `on` gives code that runs in the method of that name, with the observation."""

    kind: ClassVar[Any] = "scripted"

    def __init__(self, **on: Callable[..., Any]) -> None:
        self.on = on
        self.seen: list[list[Message]] = []

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        if "prepare" in self.on:
            self.on["prepare"](seed)

    async def init_state(self, tools: list[Tool]) -> int:
        if "init_state" in self.on:
            self.on["init_state"](tools)
        return 0

    async def get_asv(self, agent_state: int, obs: list[Message]) -> tuple[Any, int, float]:
        self.seen.append(obs)
        result = self.on["choose"](obs) if "choose" in self.on else None
        if asyncio.iscoroutine(result):
            result = await result
        action = ToolRequestMessage(tool_calls=[ToolCall.from_name("go")]) if result is None else result
        return PlainAction(action), agent_state + 1, 0.5


class Thinking(Going):
    """Says what it thinks while it thinks."""

    streams: ClassVar[bool] = True

    async def get_asv(self, agent_state: int, obs: list[Message]) -> tuple[Any, int, float]:
        for word in ("I ", "count ", "on."):
            reflect(word)
            await asyncio.sleep(0)
        return await super().get_asv(agent_state, obs)


async def events_of(env: Environment[Any], agent: Agent[Any] | None = None, **options: Any) -> list[Event]:
    """All events of one rollout."""
    async with aclosing(rollout(env, agent or Going(), **options)) as events:
        return [event async for event in events]


async def ending(env: Environment[Any], agent: Agent[Any] | None = None, **options: Any) -> EpisodeEnded:
    """How a rollout ends."""
    *_, last = await events_of(env, agent, **options)
    assert isinstance(last, EpisodeEnded)
    return last


def only(kind: type[Any], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def chain(database: Path, key: str | int) -> bytes:
    """The hash chain of a stored episode."""
    with Reader(database) as reader:
        return reader.episode(key).chain


def without_clocks(event: Event) -> Event:
    """The event without its timings, reflections told apart, and timestamps of tools: what a recording keeps."""
    from dataclasses import replace

    if isinstance(event, StepTaken):
        observation = tuple(map(_unstamped, event.observation))
        return replace(event, agent_us=0, env_us=0, observation=observation, action=_unstamped(event.action))
    if isinstance(event, EpisodeStarted):
        return replace(event, observation=tuple(map(_unstamped, event.observation)))
    return event


def _unstamped(message: Message) -> Message:
    info = {name: value for name, value in (message.info or {}).items() if name not in ("start_ts", "end_ts")}
    return message.model_copy(update={"info": info or None})


def kept(events: list[Event]) -> list[Event]:
    """What a recording keeps of events: no deltas and proposals, no clocks."""
    return [without_clocks(event) for event in events if isinstance(event, EpisodeStarted | StepTaken | EpisodeEnded)]
