"""Players that choose by chance: the floor that every other player is measured against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar

from ldp_tui.agents.moves import request, seeded
from ldp_tui.agents.native import UnsupportedEnvironment, call_label
from ldp_tui.agents.schema_sampling import enumerate_arguments, sample_arguments
from ldp_tui.core.agent import Action, Agent, AgentKind, PlainAction, propose, reflect
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import AgentError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction
from ldp_tui.core.tools import Tool

FEW = 256
"""Most calls that are listed one by one; beyond, arguments are drawn."""


@dataclass(frozen=True, slots=True)
class RandomState:
    """An episode of a random player; `rng` advances with every draw."""

    tools: tuple[Tool, ...]
    choices: tuple[ToolCall, ...] | None
    """Every possible call, where the tools allow only a few; None where they must be drawn."""
    env: Environment[Any] | None
    rng: Random
    turn: int = 0


class RandomAgent(Agent[RandomState]):
    """Draws one tool call.

    It does not look: where the tools allow only a few calls, all are equally likely, legal or not. Where they allow
    more (free text, long ranges) it draws from the calls that the environment lists as legal, and where there is no
    such list it draws a tool, then arguments that satisfy its schema.
    """

    kind: ClassVar[AgentKind] = "random"
    name: ClassVar[str] = "random"

    def __init__(self) -> None:
        self._env: Environment[Any] | None = None
        self._seed: int | None = None

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        """Take the environment, whose legal actions may be asked for, and the seed of the episode."""
        self._env, self._seed = env, seed

    async def init_state(self, tools: list[Tool]) -> RandomState:
        """Start the episode that was prepared."""
        return RandomState(tuple(tools), _all_calls(tools), self._env, Random(seeded(self.name, self._seed)))

    async def get_asv(self, agent_state: RandomState, obs: list[Message]) -> tuple[Action, RandomState, float]:
        """One random call; its value estimate is 0."""
        call = self._draw(agent_state)
        message = request(call, turn=agent_state.turn)
        return PlainAction(message), replace(agent_state, turn=agent_state.turn + 1), 0.0

    def _draw(self, state: RandomState) -> ToolCall:
        if state.choices is not None:
            return _choose(state.choices, state.rng, "actions")
        if legal := _legal_calls(state.env):
            return _choose(legal, state.rng, "legal actions")
        if not state.tools:
            raise AgentError("there is no tool to call")
        tool = state.rng.choice(state.tools)
        reflect(f"Random: {tool.info.name}, one of {len(state.tools)} tools, with random arguments.")
        return _call(tool.info.name, sample_arguments(_schema(tool), state.rng))


class MaskRandomAgent(RandomAgent):
    """Draws uniformly from the calls that the environment lists as legal now."""

    name: ClassVar[str] = "mask-random"

    def _draw(self, state: RandomState) -> ToolCall:
        legal = _legal_calls(state.env)
        if legal is None:
            raise UnsupportedEnvironment(
                self.name, type(state.env).__name__, "environments that list their legal actions"
            )
        if not legal:
            raise AgentError("the environment lists no legal action")
        return _choose(legal, state.rng, "legal actions")


def _choose(calls: tuple[ToolCall, ...], rng: Random, kind: str) -> ToolCall:
    probabilities: dict[str, float] = {}
    for call in calls:
        label = call_label(call)
        probabilities[label] = probabilities.get(label, 0.0) + 1.0 / len(calls)
    propose(probabilities)
    chosen = rng.choice(calls)
    reflect(f"Random: {call_label(chosen)}, one of {len(calls)} {kind}.")
    return chosen


def _legal_calls(env: Environment[Any] | None) -> tuple[ToolCall, ...] | None:
    listed = env.legal_actions() if env is not None else None
    return None if listed is None else tuple(_call(entry["name"], entry["arguments"]) for entry in listed)


def _all_calls(tools: list[Tool]) -> tuple[ToolCall, ...] | None:
    """Every call of every tool; None if there are more than FEW."""
    calls: list[ToolCall] = []
    for tool in tools:
        listed = enumerate_arguments(_schema(tool), limit=FEW - len(calls))
        if listed is None:
            return None
        calls += [_call(tool.info.name, arguments) for arguments in listed]
    return tuple(calls) or None


def _call(name: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall(id="0", function=ToolCallFunction(name=name, arguments=arguments))


def _schema(tool: Tool) -> dict[str, Any] | None:
    return tool.info.parameters.model_dump() if tool.info.parameters is not None else None
