"""The conformance test for agents."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ldp_tui.core.agent import Agent
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import copy_message
from ldp_tui.testing.observed import EnvFactory, everything, no_tasks_left, require, run_checks


def check_agent(
    agent_factory: Callable[[], Agent[Any]],
    *,
    env_factory: EnvFactory = DummyEnv,
    seeds: Sequence[int] = (0, 1),
    steps: int = 5,
) -> None:
    """Check that the agents of `agent_factory` can play the environments of `env_factory`.

    Raises:
        AssertionError: Naming the broken rule.
    """
    run_checks(lambda: _check_agent(agent_factory, env_factory, seeds, steps))


async def _check_agent(
    agent_factory: Callable[[], Agent[Any]], env_factory: EnvFactory, seeds: Sequence[int], steps: int
) -> None:
    agent = agent_factory()
    require(isinstance(agent, Agent), "factory", f"it made {agent!r}, which is not an ldp_tui Agent.")
    for seed in seeds:
        env = env_factory()
        try:
            await _check_agent_episode(agent, env, seed, steps)
        finally:
            await env.close()
    await no_tasks_left()


async def _check_agent_episode(agent: Agent[Any], env: Environment[Any], seed: int, steps: int) -> None:
    observation, tools = await env.reset(seed=seed)
    agent.prepare(env=env, seed=seed)
    state = await agent.init_state(tools)
    for _ in range(steps):
        seen = [copy_message(message) for message in observation]
        before = everything(seen)
        result = await agent.get_asv(state, seen)
        require(
            isinstance(result, tuple) and len(result) == 3,
            "agent-result",
            f"get_asv returned {result!r}; return (action, state, value).",
        )
        action, state, value = result
        message: Any = getattr(action, "value", None)
        require(
            isinstance(message, Message) and message.role == "assistant",
            "agent-action",
            f"the action's value is {message!r}; return an assistant's message, wrapped by Agent.wrap_action.",
        )
        require(
            isinstance(value, int | float) and math.isfinite(value),
            "agent-value",
            f"the value estimate is {value!r}; return a finite number, 0 if there is none.",
        )
        require(
            everything(seen) == before, "agent-observation", "get_asv changed the messages it was given; copy them."
        )
        observation, _, done, truncated = await env.step(message)
        if done or truncated:
            return
