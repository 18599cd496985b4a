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
    from ldp_tui.models.embeddings import (
        EmbeddingModel,
        HybridEmbeddingModel,
        LiteLLMEmbeddingModel,
        SparseEmbeddingModel,
    )
    from ldp_tui.models.errors import (
        AllModelsExhaustedError,
        JSONSchemaValidationError,
        ModelError,
        ModelRefusalError,
        ResponseValidationError,
    )
    from ldp_tui.models.memory import Memory, MemoryModel, StoredMemoryModel, UIndexMemoryModel, VectorMemoryModel
    from ldp_tui.models.ops import EmbeddingOp, LLMCallOp, MemoryOp
    from ldp_tui.models.prompts import (
        append_to_messages,
        append_to_sys,
        indent_xml,
        prepend_sys,
        prepend_sys_and_append_sys,
    )
    from ldp_tui.models.results import Choice, LLMResult, set_llm_session_ids

_NAMES = {
    "backend": ("Backend", "CallDelta", "Delta", "Request", "TokenCount", "TokenLogprob"),
    "budget": ("Budget", "charging"),
    "client": ("LLMModel", "LiteLLMModel"),
    "config": ("LLMConfig", "ModelSpec"),
    "embeddings": ("EmbeddingModel", "HybridEmbeddingModel", "LiteLLMEmbeddingModel", "SparseEmbeddingModel"),
    "errors": (
        "AllModelsExhaustedError",
        "JSONSchemaValidationError",
        "ModelError",
        "ModelRefusalError",
        "ResponseValidationError",
    ),
    "memory": ("Memory", "MemoryModel", "StoredMemoryModel", "UIndexMemoryModel", "VectorMemoryModel"),
    "ops": ("EmbeddingOp", "LLMCallOp", "MemoryOp"),
    "prompts": ("append_to_messages", "append_to_sys", "indent_xml", "prepend_sys", "prepend_sys_and_append_sys"),
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
    "EmbeddingModel",
    "EmbeddingOp",
    "HybridEmbeddingModel",
    "JSONSchemaValidationError",
    "LLMCallOp",
    "LLMConfig",
    "LLMModel",
    "LLMResult",
    "LiteLLMEmbeddingModel",
    "LiteLLMModel",
    "Memory",
    "MemoryModel",
    "MemoryOp",
    "ModelError",
    "ModelRefusalError",
    "ModelSpec",
    "Request",
    "ResponseValidationError",
    "SparseEmbeddingModel",
    "StoredMemoryModel",
    "TokenCount",
    "TokenLogprob",
    "UIndexMemoryModel",
    "VectorMemoryModel",
    "append_to_messages",
    "append_to_sys",
    "charging",
    "indent_xml",
    "prepend_sys",
    "prepend_sys_and_append_sys",
    "set_llm_session_ids",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
