"""One text names a player wherever one is named."""

from __future__ import annotations

import pytest

from ldp_tui.core.errors import UsageError
from ldp_tui.core.specs import Spec
from ldp_tui.experiments.config import AgentBlock
from ldp_tui.models.config import LLMConfig
from ldp_tui.play.session_spec import LaneSpec
from ldp_tui.registry import check_agent_name, make_agent


@pytest.mark.parametrize(
    ("text", "model", "options"),
    [
        ("reflect:openai/gpt-5-mini,temperature=0", "openai/gpt-5-mini", {"temperature": 0}),
        ("react:ollama/llama3.1", "ollama/llama3.1", {}),
        ("react:ollama/llama3.1:8b,num_ctx=8192", "ollama/llama3.1:8b", {"num_ctx": 8192}),
        (
            "simple:hosted_vllm/qwen,base_url=http://127.0.0.1:8000/v1",
            "hosted_vllm/qwen",
            {"base_url": "http://127.0.0.1:8000/v1"},
        ),
        (
            "simple:openai/gpt-5-mini,fallback=anthropic/claude-haiku-4-5+ollama/llama3,budget=0.5,rpm=60",
            "openai/gpt-5-mini",
            {"fallback": "anthropic/claude-haiku-4-5+ollama/llama3", "budget": 0.5, "rpm": 60},
        ),
    ],
)
def test_models(text: str, model: str, options: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kind, model and options come out the same on the command line, in YAML, in the app and from Python."""
    for provider in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{provider}_API_KEY", "not-a-real-one")
    spec = Spec.parse(text)
    agent, record = make_agent(text)

    assert (spec.model, spec.options) == (model, options)
    assert str(spec) == text == AgentBlock(player=text).text() == LaneSpec("maze", text).agent == record.name
    config = agent.llm_config  # type: ignore[attr-defined]
    assert isinstance(config, LLMConfig)
    assert config.models[0].name == model
    assert len(config.models) == (3 if "fallback" in options else 1)
    assert config.budget == options.get("budget")


@pytest.mark.parametrize("text", ["tiny", "tiny,choose=score", "human", "random", "optimal"])
def test_others(text: str) -> None:
    check_agent_name(text)
    assert make_agent(text)[1].name == text


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("reflct:openai/gpt-5-mini", "reflect"),
        ("tinny", "tiny"),
        ("simple:qwen,base_url=http://127.0.0.1:1/v1,fallbak=b", "fallback"),
        ("simple:qwen,base_url=http://127.0.0.1:1/v1,budgt=1", "budget"),
        ("reflect:qwen,base_urll=http://127.0.0.1:1/v1", "base_url"),
        ("simple:opnai/gpt-5-mini", "openai"),
        ("tiny,chose=score", "choose"),
    ],
)
def test_misspelt(text: str, nearest: str) -> None:
    """The nearest valid word is named."""
    with pytest.raises(UsageError, match=rf"Did you mean {nearest}|Did you mean .*\b{nearest}\b"):
        make_agent(text)
