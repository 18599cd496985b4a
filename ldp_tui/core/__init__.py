"""The protocol that environments and agents are written in. pydantic and the standard library only.

Names are loaded at first use, so that a command line that needs one error class does not load pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldp_tui.core.agent import Action, Agent, PlainAction, Usage, propose, reflect, spend
    from ldp_tui.core.answers import DEFAULT_EVAL_MODEL_NAME, Completion, EvalAnswerMode, eval_answer, extract_answer
    from ldp_tui.core.argrefs import argref_by_name
    from ldp_tui.core.arguments import ArgumentError, ArgumentSchema, Problem
    from ldp_tui.core.dummy import DummyEnv, DummyEnvState
    from ldp_tui.core.environment import Environment, Frame, Picture
    from ldp_tui.core.errors import LdpTuiError, MissingExtra, MissingPackage, UnknownName, UnknownTool, UsageError
    from ldp_tui.core.formatting import partial_format
    from ldp_tui.core.functional import DynamicState, EnvironmentBuilder, FunctionalEnvironment, fenv
    from ldp_tui.core.images import encode_image_to_base64
    from ldp_tui.core.messages import ENV_STATE_INFO_KEY, EnvStateMessage, MalformedMessageError, Message, join
    from ldp_tui.core.questions import MultipleChoiceEvaluation, MultipleChoiceQuestion
    from ldp_tui.core.rendering import Renderer
    from ldp_tui.core.shuffling import RandomAnnotation, shuffle
    from ldp_tui.core.signatures import is_coroutine_callable
    from ldp_tui.core.specs import Spec
    from ldp_tui.core.tasks import TASK_DATASET_REGISTRY, DummyTaskDataset, EnvsTaskDataset, TaskConfig, TaskDataset
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
    "answers": (
        "DEFAULT_EVAL_MODEL_NAME",
        "Completion",
        "EvalAnswerMode",
        "eval_answer",
        "extract_answer",
    ),
    "argrefs": ("argref_by_name",),
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
        "MissingPackage",
        "UnknownName",
        "UnknownTool",
        "UsageError",
    ),
    "formatting": ("partial_format",),
    "functional": (
        "DynamicState",
        "EnvironmentBuilder",
        "FunctionalEnvironment",
        "fenv",
    ),
    "images": ("encode_image_to_base64",),
    "messages": (
        "ENV_STATE_INFO_KEY",
        "EnvStateMessage",
        "MalformedMessageError",
        "Message",
        "join",
    ),
    "questions": (
        "MultipleChoiceEvaluation",
        "MultipleChoiceQuestion",
    ),
    "rendering": ("Renderer",),
    "shuffling": (
        "RandomAnnotation",
        "shuffle",
    ),
    "signatures": ("is_coroutine_callable",),
    "specs": ("Spec",),
    "tasks": (
        "TASK_DATASET_REGISTRY",
        "DummyTaskDataset",
        "EnvsTaskDataset",
        "TaskConfig",
        "TaskDataset",
    ),
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
    "DEFAULT_EVAL_MODEL_NAME",
    "ENV_STATE_INFO_KEY",
    "INVALID_TOOL_NAME",
    "TASK_DATASET_REGISTRY",
    "Action",
    "Agent",
    "ArgumentError",
    "ArgumentSchema",
    "Completion",
    "DummyEnv",
    "DummyEnvState",
    "DummyTaskDataset",
    "DynamicState",
    "EnvStateMessage",
    "Environment",
    "EnvironmentBuilder",
    "EnvsTaskDataset",
    "EvalAnswerMode",
    "Frame",
    "FunctionInfo",
    "FunctionalEnvironment",
    "LdpTuiError",
    "MalformedMessageError",
    "Message",
    "Messages",
    "MessagesAdapter",
    "MissingExtra",
    "MissingPackage",
    "MultipleChoiceEvaluation",
    "MultipleChoiceQuestion",
    "Parameters",
    "Picture",
    "PlainAction",
    "Problem",
    "RandomAnnotation",
    "Renderer",
    "Spec",
    "TaskConfig",
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
    "UnknownTool",
    "Usage",
    "UsageError",
    "argref_by_name",
    "discounted_returns",
    "encode_image_to_base64",
    "eval_answer",
    "extract_answer",
    "fenv",
    "is_coroutine_callable",
    "join",
    "partial_format",
    "propose",
    "reflect",
    "shuffle",
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
