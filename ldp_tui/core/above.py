"""What the core and the graph borrow from the layers above them, which they do not know.

`Environment.from_name` needs the registry of names, `Agent.from_name` the agents, `eval_answer` a language model; and
`ldp_tui.graph` has the ops that ask models, as `ldp.graph` has. The package's root, which stands above every layer,
says where these are (`ldp_tui/__init__.py`); they are imported when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Literal

Borrowed = Literal[
    "make_named_environment",
    "environment_names",
    "named_task_dataset",
    "task_dataset_files",
    "acompletion",
    "agent_class",
    "EmbeddingOp",
    "LLMCallOp",
    "Memory",
    "MemoryModel",
    "MemoryOp",
]

_homes: Mapping[Borrowed, str] = MappingProxyType({})


def lend(homes: Mapping[Borrowed, str]) -> None:
    """Say where each thing is, as `module:attribute`. The package does so once, when it is imported."""
    global _homes  # noqa: PLW0603 (set once, before anything of the package can be used)
    _homes = MappingProxyType(dict(homes))


def borrow(name: Borrowed) -> Any:
    """The thing itself."""
    module, _, attribute = _homes[name].partition(":")
    return getattr(import_module(module), attribute)
