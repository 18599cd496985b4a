"""The protocol that environments and agents are written in. pydantic and the standard library only.

Names are loaded at first use, so that a command line that needs one error class does not load pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldp_tui.core.agent import Action, Agent, PlainAction, Usage, propose, reflect, spend
    from ldp_tui.core.arguments import ArgumentError, ArgumentSchema, Problem
    from ldp_tui.core.dummy import DummyEnv, DummyEnvState
    from ldp_tui.core.environment import Environment, Frame, Picture
    from ldp_tui.core.errors import LdpTuiError, MissingExtra, UnknownName, UsageError
    from ldp_tui.core.functional import DynamicState, EnvironmentBuilder, FunctionalEnvironment, fenv
    from ldp_tui.core.messages import ENV_STATE_INFO_KEY, EnvStateMessage, MalformedMessageError, Message, join
    from ldp_tui.core.specs import Spec
    from ldp_tui.core.tasks import TaskDataset
    from ldp_tui.core.tool_calls import (
        INVALID_TOOL_NAME,
        Messages,
        MessagesAdapter,
        ToolCall,
        ToolCallFunction,
        ToolRequestMessage,
        ToolResponseMessage,
    )
    from ldp_tui.core.tools import FunctionInfo, Parameters, Tool, Tools, ToolsAdapter, tool_schema, wraps_doc_only
    from ldp_tui.core.trajectory import Trajectory, Transition, discounted_returns

_HOMES = {
    "agent": (
        "Action",
        "Agent",
        "PlainAction",
        "Usage",
        "propose",
        "reflect",
        "spend",
    ),
    "arguments": (
        "ArgumentError",
        "ArgumentSchema",
        "Problem",
    ),
    "dummy": (
        "DummyEnv",
        "DummyEnvState",
    ),
    "environment": (
        "Environment",
        "Frame",
        "Picture",
    ),
    "errors": (
        "LdpTuiError",
        "MissingExtra",
        "UnknownName",
        "UsageError",
    ),
    "functional": (
        "DynamicState",
        "EnvironmentBuilder",
        "FunctionalEnvironment",
        "fenv",
    ),
    "messages": (
        "ENV_STATE_INFO_KEY",
        "EnvStateMessage",
        "MalformedMessageError",
        "Message",
        "join",
    ),
    "specs": ("Spec",),
    "tasks": ("TaskDataset",),
    "tool_calls": (
        "INVALID_TOOL_NAME",
        "Messages",
        "MessagesAdapter",
        "ToolCall",
        "ToolCallFunction",
        "ToolRequestMessage",
        "ToolResponseMessage",
    ),
    "tools": (
        "FunctionInfo",
        "Parameters",
        "Tool",
        "Tools",
        "ToolsAdapter",
        "tool_schema",
        "wraps_doc_only",
    ),
    "trajectory": (
        "Trajectory",
        "Transition",
        "discounted_returns",
    ),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ENV_STATE_INFO_KEY",
    "INVALID_TOOL_NAME",
    "Action",
    "Agent",
    "ArgumentError",
    "ArgumentSchema",
    "DummyEnv",
    "DummyEnvState",
    "DynamicState",
    "EnvStateMessage",
    "Environment",
    "EnvironmentBuilder",
    "Frame",
    "FunctionInfo",
    "FunctionalEnvironment",
    "LdpTuiError",
    "MalformedMessageError",
    "Message",
    "Messages",
    "MessagesAdapter",
    "MissingExtra",
    "Parameters",
    "Picture",
    "PlainAction",
    "Problem",
    "Spec",
    "TaskDataset",
    "Tool",
    "ToolCall",
    "ToolCallFunction",
    "ToolRequestMessage",
    "ToolResponseMessage",
    "Tools",
    "ToolsAdapter",
    "Trajectory",
    "Transition",
    "UnknownName",
    "Usage",
    "UsageError",
    "discounted_returns",
    "fenv",
    "join",
    "propose",
    "reflect",
    "spend",
    "tool_schema",
    "wraps_doc_only",
]


def __getattr__(name: str) -> Any:
    """Load the module that defines `name`."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
