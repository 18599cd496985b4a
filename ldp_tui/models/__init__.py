"""Language models behind one client: configuration, requests, results, embeddings, memory, and the ops made of them.

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldp_tui.models.backend import Backend, CallDelta, Delta, Request, TokenCount, TokenLogprob
    from ldp_tui.models.budget import Budget, charging
    from ldp_tui.models.client import LiteLLMModel, LLMModel
    from ldp_tui.models.config import LLMConfig, ModelSpec
    from ldp_tui.models.errors import (
        AllModelsExhaustedError,
        JSONSchemaValidationError,
        ModelError,
        ModelRefusalError,
        ResponseValidationError,
    )
    from ldp_tui.models.results import Choice, LLMResult, set_llm_session_ids

_NAMES = {
    "backend": ("Backend", "CallDelta", "Delta", "Request", "TokenCount", "TokenLogprob"),
    "budget": ("Budget", "charging"),
    "client": ("LLMModel", "LiteLLMModel"),
    "config": ("LLMConfig", "ModelSpec"),
    "errors": (
        "AllModelsExhaustedError",
        "JSONSchemaValidationError",
        "ModelError",
        "ModelRefusalError",
        "ResponseValidationError",
    ),
    "results": ("Choice", "LLMResult", "set_llm_session_ids"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "AllModelsExhaustedError",
    "Backend",
    "Budget",
    "CallDelta",
    "Choice",
    "Delta",
    "JSONSchemaValidationError",
    "LLMConfig",
    "LLMModel",
    "LLMResult",
    "LiteLLMModel",
    "ModelError",
    "ModelRefusalError",
    "ModelSpec",
    "Request",
    "ResponseValidationError",
    "TokenCount",
    "TokenLogprob",
    "charging",
    "set_llm_session_ids",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
