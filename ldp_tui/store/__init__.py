"""SQLite storage of episodes: `connect_writer` to record, `Reader` to look. The only package that knows SQLite."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldp_tui.store.connect import connect_writer
    from ldp_tui.store.connection import default_path
    from ldp_tui.store.pictures import PictureEncoder
    from ldp_tui.store.rows import (
        AddStep,
        AgentRow,
        BeginEpisode,
        EncodedPicture,
        EndEpisode,
        EnvRow,
        MessageRow,
        StepRow,
    )
    from ldp_tui.store.writer import Writer

__all__ = [
    "AddStep",
    "AgentRow",
    "BeginEpisode",
    "EncodedPicture",
    "EndEpisode",
    "EnvRow",
    "MessageRow",
    "PictureEncoder",
    "StepRow",
    "Writer",
    "connect_writer",
    "default_path",
]

_HOMES = {
    "PictureEncoder": "pictures",
    "Writer": "writer",
    "connect_writer": "connect",
    "default_path": "connection",
} | dict.fromkeys(
    ("AddStep", "AgentRow", "BeginEpisode", "EncodedPicture", "EndEpisode", "EnvRow", "MessageRow", "StepRow"), "rows"
)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
