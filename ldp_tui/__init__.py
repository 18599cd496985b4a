"""ldp-tui: people and language-model agents play, record and train in tool and Gymnasium environments."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldp_tui.core import *  # noqa: F403 (the same names that __getattr__ finds at run time)

__version__ = "0.1.0"

_ENGINE = {"record": "ldp_tui.engine.record", "replay": "ldp_tui.engine.replay", "rollout": "ldp_tui.engine.rollout"}


def __getattr__(name: str) -> Any:
    """Public names are loaded at first use: `import ldp_tui` itself imports nothing."""
    if name.startswith("_"):
        raise AttributeError(name)
    module = import_module(_ENGINE.get(name, "ldp_tui.core"))
    try:
        return getattr(module, name)
    except AttributeError:
        raise AttributeError(f"module 'ldp_tui' has no attribute {name!r}") from None
