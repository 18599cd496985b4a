"""What a language model is told of a game before it plays: goal, observations, actions.

An environment tells it by gym-llm's three methods, `get_goal_description()`, `get_observation_schema()` and
`get_action_schema()`; every Gymnasium environment has them through its adapter. Where they are missing, the first
observation holds the task and the tools describe themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, runtime_checkable

from ldp_tui.core.environment import Environment
from ldp_tui.core.tools import Tool, tool_schema

_LISTED: Final = 64
"""Most values of an action that are written out; beyond, its schema has to do."""


@runtime_checkable
class Described(Protocol):
    """An environment that describes itself as gym-llm's do."""

    def get_goal_description(self) -> str:
        """Rules, rewards, and when an episode ends."""

    def get_observation_schema(self) -> Mapping[str, Any]:
        """What is observed: a description of each part by its name."""

    def get_action_schema(self) -> Mapping[Any, Any]:
        """What can be done: a description of each action by its key."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """What stays the same for all episodes of an environment. `preamble` is what a first observation repeats of it."""

    goal: str = ""
    observations: Mapping[str, Any] = field(default_factory=dict)
    actions: str = ""
    aliases: Mapping[str, Any] = field(default_factory=dict)
    """Further names of the values of an action, such as its number."""
    preamble: str = ""

    def without_preamble(self, text: str) -> str:
        """A first observation without the rules that lead it."""
        return text.removeprefix(self.preamble).lstrip("\n") if self.preamble else text


def briefing_of(env: Environment[Any] | None, tools: Sequence[Tool]) -> Briefing:
    """The briefing for an environment (None: the tools are all that is known)."""
    actions, known = describe_actions(tools), _described(env)
    if known is None:
        return Briefing(actions=actions)
    return Briefing(
        goal=str(known.get_goal_description()).strip(),
        observations=dict(known.get_observation_schema()),
        actions=actions,
        aliases=_aliases(known.get_action_schema(), tools),
        preamble=str(getattr(env, "goal", "")),
    )


def _described(env: object) -> Described | None:
    return env if isinstance(env, Described) else None


def sole_parameter(tools: Sequence[Tool]) -> tuple[str, dict[str, Any]] | None:
    """Name and schema of the only parameter of the only tool: its value alone then says what is done. Else None."""
    if len(tools) != 1 or tools[0].info.parameters is None:
        return None
    properties = tool_schema(tools[0])["parameters"]["properties"]
    return next(iter(properties.items())) if len(properties) == 1 else None


def describe_actions(tools: Sequence[Tool]) -> str:
    """How an action is written in a JSON reply, and which there are."""
    sole = sole_parameter(tools)
    if sole is None:
        listed = "\n".join(f"- {json.dumps(tool_schema(tool), ensure_ascii=False)}" for tool in tools)
        return f'"action" is a tool call, {{"name": …, "arguments": {{…}}}}. The tools:\n{listed}'
    _, schema = sole
    values = schema.get("enum")
    if values is not None and len(values) <= _LISTED:
        return f'"action" is one of {", ".join(json.dumps(value, ensure_ascii=False) for value in values)}.'
    described = {key: value for key, value in schema.items() if key not in ("description", "title")}
    words = f" {schema['description']}" if schema.get("description") else ""
    return f'"action" is a JSON value that fits {json.dumps(described, ensure_ascii=False)}.{words}'


def _aliases(schema: Mapping[Any, Any], tools: Sequence[Tool]) -> dict[str, Any]:
    """The keys of an action schema for the values of the only parameter that they describe."""
    sole = sole_parameter(tools)
    values = (sole[1].get("enum") if sole else None) or ()
    return {str(key): value for key, value in schema.items() if isinstance(value, str) and value in values}
