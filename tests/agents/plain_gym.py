"""The least environment that shows its player the Gymnasium environment behind it, and a way to play an episode."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np

from ldp_tui.core import Agent, Environment, Message, Tool, ToolCall, ToolRequestMessage
from ldp_tui.core.agent import Usage, listening
from ldp_tui.core.tools import FunctionInfo, Parameters


class PlainGym(Environment[None]):
    """One tool, `act`, whose argument is the action: a number, or a list of numbers."""

    def __init__(self, env_id: str, **kwargs: Any) -> None:
        self.gym_env = gymnasium.make(env_id, **kwargs)
        space = self.gym_env.action_space
        if isinstance(space, gymnasium.spaces.Discrete):
            action: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": int(space.n) - 1}
        else:
            action = {"type": "array", "items": {"type": "number"}}
        parameters = Parameters(properties={"action": action}, required=["action"])
        self.tools = [Tool(info=FunctionInfo(name="act", description="Act.", parameters=parameters))]

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[list[Message], list[Tool]]:
        self.native_observation, self._info = self.gym_env.reset(seed=seed)
        self.elapsed_steps = 0
        return [Message(content=str(self.native_observation))], self.tools

    def call_for(self, action: Any) -> ToolCall:
        return ToolCall.from_name("act", action=np.asarray(action).tolist())

    async def step(self, action: Message) -> tuple[list[Message], float, bool, bool]:
        assert isinstance(action, ToolRequestMessage)
        chosen = action.tool_calls[0].function.arguments["action"]
        native = np.array(chosen, dtype=np.float32) if isinstance(chosen, list) else chosen
        self.native_observation, reward, terminated, truncated, self._info = self.gym_env.step(native)
        self.elapsed_steps += 1
        return [Message(content=str(self.native_observation))], float(reward), terminated, truncated

    def legal_actions(self) -> list[dict[str, Any]] | None:
        if "action_mask" not in self._info:
            return None
        return [{"name": "act", "arguments": {"action": int(a)}} for a in np.flatnonzero(self._info["action_mask"])]

    async def close(self) -> None:
        self.gym_env.close()


@dataclass
class Heard:
    """What an agent said of its decisions."""

    reflections: list[str] = field(default_factory=list)
    proposals: list[dict[str, float]] = field(default_factory=list)

    def reflect(self, text: str) -> None:
        self.reflections.append(text)

    def propose(self, probabilities: Any) -> None:
        self.proposals.append(dict(probabilities))

    def spend(self, usage: Usage) -> None:
        raise AssertionError("these players are free")


@dataclass(frozen=True)
class Played:
    """One finished episode."""

    actions: list[str]
    ids: list[str]
    return_: float
    values: list[float]
    heard: Heard


@contextmanager
def heard() -> Iterator[Heard]:
    listener = Heard()
    with listening(listener):
        yield listener


async def play(agent: Agent[Any], env: Environment[Any], *, seed: int, most: int = 1000) -> Played:
    """An episode of at most `most` steps."""
    agent.prepare(env=env, seed=seed)
    obs, tools = await env.reset(seed=seed)
    state = await agent.init_state(tools)
    actions: list[str] = []
    ids: list[str] = []
    values: list[float] = []
    total = 0.0
    with heard() as listener:
        for _ in range(most):
            action, state, value = await agent.get_asv(state, obs)
            message = action.value
            assert isinstance(message, ToolRequestMessage)
            actions.append(json.dumps(message.tool_calls[0].function.arguments))
            ids.append(message.tool_calls[0].id)
            values.append(value)
            obs, reward, terminated, truncated = await env.step(message)
            total += reward
            if terminated or truncated:
                break
    return Played(actions, ids, total, values, listener)
