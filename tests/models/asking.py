"""Models of these tests: whatever server is given, asked without pauses."""

from __future__ import annotations

from typing import Any

from ldp_tui.core.tools import Tool
from ldp_tui.models import LLMConfig, LLMModel
from ldp_tui.testing.model_server import ModelServer

KEY = "sk-canary-0123456789abcdefghij"


def config(server: ModelServer, **settings: Any) -> LLMConfig:
    """The configuration of a model at `server`, retried without pauses."""
    given = {"name": "openai/scripted", "base_url": server.base_url, "retry_seconds": 0, "timeout": 10, **settings}
    return LLMConfig.model_validate(given)


def model(server: ModelServer, **settings: Any) -> LLMModel:
    return LLMModel(llm_config=config(server, **settings))


def act(action: str, times: int = 1) -> str:
    """Do something.

    Args:
        action: What to do.
        times: How often.
    """
    return f"{action} {times}"


ACT = Tool.from_function(act)
