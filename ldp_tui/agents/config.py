"""Agents by the names of their classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from inspect import isabstract
from typing import Any

from pydantic import Field, JsonValue

from ldp_tui.core.agent import Agent
from ldp_tui.core.errors import UnknownName, UsageError
from ldp_tui.core.settings import Settings


class AgentConfig(Settings):
    """Which agent, made with which arguments; can be written to a file and used as a key."""

    agent_type: str = Field(description="Name of the class, or `module:Class`.")
    agent_kwargs: dict[str, JsonValue] = Field(default_factory=dict, description="Its arguments.")

    def construct_agent(self) -> Agent[Any]:
        """The agent.

        Raises:
            UnknownName: If there is no such class.
        """
        return Agent.from_name(self.agent_type, **self.agent_kwargs)

    def __hash__(self) -> int:
        return hash((self.agent_type, json.dumps(self.agent_kwargs, sort_keys=True)))


def agent_class(name: str) -> type[Agent[Any]]:
    """The class of that name: one of this package, one that has been defined in this process, or a `module:Class`.

    Of several classes of one name the one defined last is taken, as after a redefinition in a notebook.

    Raises:
        UnknownName: If there is none; names the nearest.
        UsageError: If the module of a `module:Class` cannot be imported, or what it names is no agent.
    """
    import ldp_tui.agents as own

    module, colon, attribute = name.partition(":")
    if colon:
        return _checked(_imported(module, attribute), name)
    defined = {cls.__name__: cls for cls in _subclasses(Agent)}
    if name in defined:
        return defined[name]
    if name in own.__all__:
        return _checked(getattr(own, name), name)
    offered = {*defined, *(each for each in own.__all__ if each.endswith("Agent"))}
    raise UnknownName(
        "agent", name, sorted(offered - {name for name, cls in defined.items() if isabstract(cls)} - {"Agent"})
    )


def _imported(module: str, attribute: str) -> Any:
    try:
        return getattr(import_module(module), attribute, None)
    except ImportError as error:
        raise UsageError(f"{module} cannot be imported: {error}") from error


def _checked(found: Any, name: str) -> type[Agent[Any]]:
    if not (isinstance(found, type) and issubclass(found, Agent)):
        raise UsageError(f"{name} names no Agent.")
    return found


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
