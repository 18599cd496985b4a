"""The protocol that environments and agents are written in. pydantic and the standard library only."""

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
