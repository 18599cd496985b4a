"""SQLite storage of episodes: `connect_writer` to record, `Reader` to look. The only package that knows SQLite.

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldp_tui.store.connect import connect_writer
    from ldp_tui.store.connection import default_path
    from ldp_tui.store.errors import StoreError
    from ldp_tui.store.maintenance import backup, copy_episode, merge, stats
    from ldp_tui.store.pictures import PictureEncoder
    from ldp_tui.store.reader import Reader
    from ldp_tui.store.results import EpisodeFilter, Range, Sort
    from ldp_tui.store.rows import (
        AddAnnotation,
        AddMemory,
        AddStep,
        AgentRow,
        AnnotationRow,
        BeginEpisode,
        EncodedPicture,
        EndEpisode,
        EnvRow,
        MemoryRow,
        MessageRow,
        StepRow,
    )
    from ldp_tui.store.writer import Writer

__all__ = [
    "AddAnnotation",
    "AddMemory",
    "AddStep",
    "AgentRow",
    "AnnotationRow",
    "BeginEpisode",
    "EncodedPicture",
    "EndEpisode",
    "EnvRow",
    "EpisodeFilter",
    "MemoryRow",
    "MessageRow",
    "PictureEncoder",
    "Range",
    "Reader",
    "Sort",
    "StepRow",
    "StoreError",
    "Writer",
    "backup",
    "connect_writer",
    "copy_episode",
    "default_path",
    "merge",
    "stats",
]

_NAMES = {
    "connect": ("connect_writer",),
    "connection": ("default_path",),
    "errors": ("StoreError",),
    "maintenance": ("backup", "copy_episode", "merge", "stats"),
    "pictures": ("PictureEncoder",),
    "reader": ("Reader",),
    "results": ("EpisodeFilter", "Range", "Sort"),
    "rows": (
        "AddAnnotation",
        "AddMemory",
        "AddStep",
        "AgentRow",
        "AnnotationRow",
        "BeginEpisode",
        "EncodedPicture",
        "EndEpisode",
        "EnvRow",
        "MemoryRow",
        "MessageRow",
        "StepRow",
    ),
    "writer": ("Writer",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
