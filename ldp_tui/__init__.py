"""ldp-tui: people and language-model agents play, record and train in tool and Gymnasium environments."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names that __getattr__ finds at run time
    from ldp_tui.adapters.gymnasium_record import RecordEpisodes
    from ldp_tui.adapters.serving.dataset_client import TaskDatasetClient
    from ldp_tui.adapters.serving.dataset_server import TaskDatasetServer as TaskDatasetServer
    from ldp_tui.adapters.serving.environment_client import EnvironmentClient, TaskEnvironmentClient
    from ldp_tui.adapters.serving.tool_server import make_tool_server as make_tool_server
    from ldp_tui.agents.scripted import ScriptedAgent
    from ldp_tui.core import (
        ENV_STATE_INFO_KEY,
        INVALID_TOOL_NAME,
        Action,
        Agent,
        ArgumentError,
        ArgumentSchema,
        DummyEnv,
        DummyEnvState,
        DynamicState,
        Environment,
        EnvironmentBuilder,
        EnvStateMessage,
        Frame,
        FunctionalEnvironment,
        FunctionInfo,
        LdpTuiError,
        MalformedMessageError,
        Message,
        Messages,
        MessagesAdapter,
        MissingExtra,
        Parameters,
        Picture,
        PlainAction,
        Problem,
        Spec,
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
        Usage,
        UsageError,
        discounted_returns,
        fenv,
        join,
        propose,
        reflect,
        spend,
        tool_schema,
        wraps_doc_only,
    )
    from ldp_tui.engine.events import ActionProposed, EpisodeEnded, EpisodeStarted, ReflectionDelta, StepTaken
    from ldp_tui.engine.record import record
    from ldp_tui.engine.replay import replay
    from ldp_tui.engine.rollout import rollout
    from ldp_tui.store import Reader, connect_writer

__version__ = "0.1.0"

__all__ = [
    "ENV_STATE_INFO_KEY",
    "INVALID_TOOL_NAME",
    "Action",
    "ActionProposed",
    "Agent",
    "ArgumentError",
    "ArgumentSchema",
    "DummyEnv",
    "DummyEnvState",
    "DynamicState",
    "EnvStateMessage",
    "Environment",
    "EnvironmentBuilder",
    "EnvironmentClient",
    "EpisodeEnded",
    "EpisodeStarted",
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
    "Reader",
    "RecordEpisodes",
    "ReflectionDelta",
    "ScriptedAgent",
    "Spec",
    "StepTaken",
    "TaskDataset",
    "TaskDatasetClient",
    "TaskEnvironmentClient",
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
    "__version__",
    "connect_writer",
    "discounted_returns",
    "fenv",
    "join",
    "propose",
    "record",
    "reflect",
    "replay",
    "rollout",
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
    "TaskEnvironmentClient": "ldp_tui.adapters.serving.environment_client",
    "connect_writer": "ldp_tui.store",
    "make_tool_server": "ldp_tui.adapters.serving.tool_server",
    "record": "ldp_tui.engine.record",
    "replay": "ldp_tui.engine.replay",
    "rollout": "ldp_tui.engine.rollout",
}
"""Where the public names live that are not `ldp_tui.core`'s. TaskDatasetServer and make_tool_server need the extra
`serve`, so `import *` leaves them out."""


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
