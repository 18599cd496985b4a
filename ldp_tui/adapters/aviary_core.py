"""aviary's own classes under one roof. Importing this module needs the extra `aviary`; it takes two seconds.

Raises MissingExtra where aviary is not installed.
"""

from __future__ import annotations

from ldp_tui.adapters.real_packages import importing

with importing("Playing aviary's environments"):
    from aviary.core import (
        TASK_DATASET_REGISTRY,
        Environment,
        EnvStateMessage,
        Frame,
        FunctionInfo,
        MalformedMessageError,
        Message,
        Messages,
        Parameters,
        TaskDataset,
        Tool,
        ToolCall,
        ToolCallFunction,
        ToolRequestMessage,
        ToolResponseMessage,
    )
    from aviary.env import ENV_REGISTRY

__all__ = [
    "ENV_REGISTRY",
    "TASK_DATASET_REGISTRY",
    "EnvStateMessage",
    "Environment",
    "Frame",
    "FunctionInfo",
    "MalformedMessageError",
    "Message",
    "Messages",
    "Parameters",
    "TaskDataset",
    "Tool",
    "ToolCall",
    "ToolCallFunction",
    "ToolRequestMessage",
    "ToolResponseMessage",
]
