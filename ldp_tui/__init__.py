"""ldp-tui: people and language-model agents play, record and train in tool and Gymnasium environments."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ldp_tui.core.above import lend

logging.getLogger(__name__).addHandler(logging.NullHandler())  # else Python prints warnings over the screen

if TYPE_CHECKING:  # the same names that __getattr__ finds at run time
    from ldp_tui.adapters.gymnasium_record import RecordEpisodes
    from ldp_tui.adapters.serving.dataset_client import TaskDatasetClient
    from ldp_tui.adapters.serving.dataset_server import TaskDatasetServer as TaskDatasetServer
    from ldp_tui.adapters.serving.environment_client import (
        EnvironmentClient,
        TaskEnvClientState,
        TaskEnvironmentClient,
    )
    from ldp_tui.adapters.serving.tool_server import make_tool_server as make_tool_server
    from ldp_tui.agents.scripted import ScriptedAgent
    from ldp_tui.core import (
        DEFAULT_EVAL_MODEL_NAME,
        ENV_STATE_INFO_KEY,
        INVALID_TOOL_NAME,
        TASK_DATASET_REGISTRY,
        Action,
        Agent,
        ArgumentError,
        ArgumentSchema,
        Completion,
        DummyEnv,
        DummyEnvState,
        DummyTaskDataset,
        DynamicState,
        Environment,
        EnvironmentBuilder,
        EnvsTaskDataset,
        EnvStateMessage,
        EvalAnswerMode,
        Frame,
        FunctionalEnvironment,
        FunctionInfo,
        LdpTuiError,
        MalformedMessageError,
        Message,
        Messages,
        MessagesAdapter,
        MissingExtra,
        MissingPackage,
        MultipleChoiceEvaluation,
        MultipleChoiceQuestion,
        Parameters,
        Picture,
        PlainAction,
        Problem,
        RandomAnnotation,
        Renderer,
        Spec,
        TaskConfig,
        TaskDataset,
        Tool,
        ToolCall,
        ToolCallFunction,
        ToolRequestMessage,
        ToolResponseMessage,
        Tools,
        ToolsAdapter,
        Trajectory,
        Transition,
        UnknownName,
        UnknownTool,
        Usage,
        UsageError,
        argref_by_name,
        discounted_returns,
        encode_image_to_base64,
        eval_answer,
        extract_answer,
        fenv,
        is_coroutine_callable,
        join,
        partial_format,
        propose,
        reflect,
        shuffle,
        spend,
        tool_schema,
        wraps_doc_only,
    )
    from ldp_tui.engine.events import ActionProposed, EpisodeEnded, EpisodeStarted, ReflectionDelta, StepTaken
    from ldp_tui.engine.record import record
    from ldp_tui.engine.replay import replay
    from ldp_tui.engine.rollout import rollout
    from ldp_tui.models.tool_selector import ToolSelector, ToolSelectorLedger
    from ldp_tui.store import Reader, connect_writer

__version__ = "0.1.0"

__all__ = [
    "DEFAULT_EVAL_MODEL_NAME",
    "ENV_STATE_INFO_KEY",
    "INVALID_TOOL_NAME",
    "TASK_DATASET_REGISTRY",
    "Action",
    "ActionProposed",
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
    "EnvironmentClient",
    "EnvsTaskDataset",
    "EpisodeEnded",
    "EpisodeStarted",
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
    "Reader",
    "RecordEpisodes",
    "ReflectionDelta",
    "Renderer",
    "ScriptedAgent",
    "Spec",
    "StepTaken",
    "TaskConfig",
    "TaskDataset",
    "TaskDatasetClient",
    "TaskEnvClientState",
    "TaskEnvironmentClient",
    "Tool",
    "ToolCall",
    "ToolCallFunction",
    "ToolRequestMessage",
    "ToolResponseMessage",
    "ToolSelector",
    "ToolSelectorLedger",
    "Tools",
    "ToolsAdapter",
    "Trajectory",
    "Transition",
    "UnknownName",
    "UnknownTool",
    "Usage",
    "UsageError",
    "__version__",
    "argref_by_name",
    "connect_writer",
    "discounted_returns",
    "encode_image_to_base64",
    "eval_answer",
    "extract_answer",
    "fenv",
    "is_coroutine_callable",
    "join",
    "partial_format",
    "propose",
    "record",
    "reflect",
    "replay",
    "rollout",
    "shuffle",
    "spend",
    "tool_schema",
    "wraps_doc_only",
]

_HOMES = {
    "ActionProposed": "ldp_tui.engine.events",
    "EnvironmentClient": "ldp_tui.adapters.serving.environment_client",
    "EpisodeEnded": "ldp_tui.engine.events",
    "EpisodeStarted": "ldp_tui.engine.events",
    "Reader": "ldp_tui.store",
    "RecordEpisodes": "ldp_tui.adapters.gymnasium_record",
    "ReflectionDelta": "ldp_tui.engine.events",
    "ScriptedAgent": "ldp_tui.agents.scripted",
    "StepTaken": "ldp_tui.engine.events",
    "TaskDatasetClient": "ldp_tui.adapters.serving.dataset_client",
    "TaskDatasetServer": "ldp_tui.adapters.serving.dataset_server",
    "TaskEnvClientState": "ldp_tui.adapters.serving.environment_client",
    "TaskEnvironmentClient": "ldp_tui.adapters.serving.environment_client",
    "ToolSelector": "ldp_tui.models.tool_selector",
    "ToolSelectorLedger": "ldp_tui.models.tool_selector",
    "connect_writer": "ldp_tui.store",
    "make_tool_server": "ldp_tui.adapters.serving.tool_server",
    "record": "ldp_tui.engine.record",
    "replay": "ldp_tui.engine.replay",
    "rollout": "ldp_tui.engine.rollout",
}
"""Where the public names live that are not `ldp_tui.core`'s. TaskDatasetServer and make_tool_server need the extra
`serve`, so `import *` leaves them out."""

lend(
    {
        "make_named_environment": "ldp_tui.registry_lookup:make_named_environment",
        "environment_names": "ldp_tui.registry:environment_names",
        "named_task_dataset": "ldp_tui.registry_lookup:named_task_dataset",
        "task_dataset_files": "ldp_tui.registry_lookup:task_dataset_files",
        "acompletion": "ldp_tui.models.completion:acompletion",
        "agent_class": "ldp_tui.agents.config:agent_class",
        "EmbeddingOp": "ldp_tui.models.ops:EmbeddingOp",
        "LLMCallOp": "ldp_tui.models.ops:LLMCallOp",
        "Memory": "ldp_tui.models.memory:Memory",
        "MemoryModel": "ldp_tui.models.memory:MemoryModel",
        "MemoryOp": "ldp_tui.models.ops:MemoryOp",
    }
)


def __getattr__(name: str) -> Any:
    """Public names are loaded at first use: `import ldp_tui` itself imports nothing."""
    if name.startswith("_"):
        raise AttributeError(name)
    module = import_module(_HOMES.get(name, "ldp_tui.core"))
    try:
        return getattr(module, name)
    except AttributeError:
        raise AttributeError(f"module 'ldp_tui' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    """Every public name."""
    return sorted(__all__)
