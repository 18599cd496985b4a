"""Players: people, scripts, policies that need no language model, and LDP's language-model agents.

Names are loaded when they are first used: listing players loads no model library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldp_tui.agents.config import AgentConfig
    from ldp_tui.agents.human import HumanAgent
    from ldp_tui.agents.interactive import InteractiveAgent
    from ldp_tui.agents.memory import MemoryAgent
    from ldp_tui.agents.react import ReActAgent
    from ldp_tui.agents.reflecting.agent import ReflectAgent
    from ldp_tui.agents.remote import HTTPAgentClient
    from ldp_tui.agents.scripted import ScriptedAgent
    from ldp_tui.agents.serving import make_simple_agent_server
    from ldp_tui.agents.simple import (
        DEFAULT_LLM_COMPLETION_TIMEOUT,
        HiddenEnvStateMessage,
        NoToolsSimpleAgent,
        SimpleAgent,
        SimpleAgentState,
    )
    from ldp_tui.agents.tree_of_thoughts import TreeofThoughtsAgent
    from ldp_tui.graph.agent import Agent

_NAMES = {
    "ldp_tui.agents.config": ("AgentConfig",),
    "ldp_tui.agents.human": ("HumanAgent",),
    "ldp_tui.agents.interactive": ("InteractiveAgent",),
    "ldp_tui.agents.memory": ("MemoryAgent",),
    "ldp_tui.agents.react": ("ReActAgent",),
    "ldp_tui.agents.reflecting.agent": ("ReflectAgent",),
    "ldp_tui.agents.remote": ("HTTPAgentClient",),
    "ldp_tui.agents.scripted": ("ScriptedAgent",),
    "ldp_tui.agents.serving": ("make_simple_agent_server",),
    "ldp_tui.agents.simple": (
        "DEFAULT_LLM_COMPLETION_TIMEOUT",
        "HiddenEnvStateMessage",
        "NoToolsSimpleAgent",
        "SimpleAgent",
        "SimpleAgentState",
    ),
    "ldp_tui.agents.tree_of_thoughts": ("TreeofThoughtsAgent",),
    "ldp_tui.graph.agent": ("Agent",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "DEFAULT_LLM_COMPLETION_TIMEOUT",
    "Agent",
    "AgentConfig",
    "HTTPAgentClient",
    "HiddenEnvStateMessage",
    "HumanAgent",
    "InteractiveAgent",
    "MemoryAgent",
    "NoToolsSimpleAgent",
    "ReActAgent",
    "ReflectAgent",
    "ScriptedAgent",
    "SimpleAgent",
    "SimpleAgentState",
    "TreeofThoughtsAgent",
    "make_simple_agent_server",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
