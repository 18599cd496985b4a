"""Providers, keys, fallbacks and ceilings: what a model's name and settings mean before and while it is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ldp_tui import EpisodeEnded, StepTaken, rollout
from ldp_tui.agents import SimpleAgent
from ldp_tui.core import DummyEnv
from ldp_tui.core.errors import UnknownName, UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.secrets import TextRedactor, learn_secret
from ldp_tui.engine.events import Event
from ldp_tui.models import LLMConfig, LLMModel, ModelError
from ldp_tui.models.providers import PROVIDERS, check_provider, key_variables
from ldp_tui.registry import make_agent
from ldp_tui.testing.model_server import Fails, ModelServer, Says

ANSWER = Says(calls=[("print_story", {"story": "Once there was a cat."})])
WAIT = Says(calls=[("intermediate", {})])


def test_all_of_litellms_providers_are_known() -> None:
    """The list is that of the installed litellm; one that a later version adds is left to litellm."""
    code = "import litellm; print(' '.join(getattr(p, 'value', p) for p in litellm.provider_list))"
    environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)

    assert set(told.stdout.split()) - PROVIDERS == set()


@pytest.mark.parametrize(("name", "nearest"), [("opnai/gpt-5", "openai"), ("antropic/claude", "anthropic")])
def test_misspelt_provider(name: str, nearest: str) -> None:
    """The nearest one is named, before anything is asked."""
    with pytest.raises(UnknownName, match=f"Did you mean {nearest}"):
        check_provider(name)


def test_providers_that_cannot_be_misspelt() -> None:
    """Names without a provider, and providers that nobody knows, are left to litellm."""
    for name in ("gpt-5-mini", "Qwen/Qwen3-8B", "local/./folder", "ollama/llama3.1:8b"):
        check_provider(name)


def test_key_variables() -> None:
    """Well-known providers have their own; the others the usual one; local ones need none."""
    assert key_variables("openai") == ("OPENAI_API_KEY",)
    assert key_variables("deepinfra") == ("DEEPINFRA_API_KEY",)
    assert key_variables("nano-gpt") == ("NANO_GPT_API_KEY",)
    assert key_variables("ollama") == ()


@pytest.mark.parametrize(
    "fallback", ["openai/gpt-5-mini+ollama/llama3", ["openai/gpt-5-mini", {"name": "ollama/llama3"}]], ids=["+", "list"]
)
def test_fallbacks(fallback: Any) -> None:
    """They are asked with the settings of the first model, but not where it is."""
    config = LLMConfig.model_validate(
        {"name": "qwen", "base_url": "http://127.0.0.1:1/v1", "temperature": 0, "fallback": fallback, "rpm": 60}
    )

    assert [spec.name for spec in config.models] == ["qwen", "openai/gpt-5-mini", "ollama/llama3"]
    assert [spec.api_base for spec in config.models] == ["http://127.0.0.1:1/v1", None, None]
    assert {spec.extra_params["temperature"] for spec in config.models} == {0}
    assert {spec.requests_per_minute for spec in config.models} == {60}


async def test_a_fallback_with_a_place_of_its_own() -> None:
    """A list may say where each fallback is."""
    with ModelServer([Fails(500)], repeat=True) as broken, ModelServer(["I am here."]) as second:
        given = {"name": "a", "base_url": broken.base_url, "max_retries": 0}
        config = LLMConfig.model_validate({**given, "fallbacks": [{"name": "b", "base_url": second.base_url}]})
        assert (await LLMModel(llm_config=config).call_single("Hi")).text == "I am here."


async def test_budget_of_an_episode() -> None:
    """Once it is used up the episode fails by name, what was played is kept, and the next one begins anew."""
    with ModelServer([WAIT], repeat=True) as server:
        model = {"name": "openai/any", "base_url": server.base_url, "input_cost_per_token": 0.01, "budget": 0.25}
        agent = SimpleAgent(llm_config=model)
        for _ in range(2):
            events: list[Event] = [event async for event in rollout(DummyEnv(end_immediately=False), agent)]
            ended = events[-1]
            assert isinstance(ended, EpisodeEnded)
            assert sum(isinstance(event, StepTaken) for event in events) == ended.steps == 3
            assert (ended.reason, ended.phase) == ("failed", "agent")
            assert (ended.detail or "").startswith("CostCeilingReached: The budget of the episode of $0.25 is used up")
    assert len(server.requests) == 6


def test_budget_must_be_money() -> None:
    with pytest.raises(UsageError, match="budget"):
        make_agent("simple:any,base_url=http://127.0.0.1:1/v1,budget=-1")


async def test_cache_breakpoints_reach_anthropic() -> None:
    """A message's mark becomes `cache_control` there; servers of OpenAI's protocol do not get it."""
    marked = [Message(role="system", content="Long rules.").model_copy(update={"cache_breakpoint": True})]
    asked = [*marked, Message(content="Hi")]
    with ModelServer(["Hello!"]) as plain_server, ModelServer() as server:
        plain = {"name": "openai/any", "base_url": plain_server.base_url}
        await LLMModel(llm_config=LLMConfig.model_validate(plain)).call_single(asked)
        base = server.base_url.removesuffix("/v1")
        given = {"name": "anthropic/claude-haiku-4-5", "base_url": base, "api_key": "any-key-0", "max_retries": 0}
        with pytest.raises(ModelError, match=r"404|no page"):
            await LLMModel(llm_config=LLMConfig.model_validate(given)).call_single(asked)

    assert "cache_control" not in str(plain_server.requests[0].body)
    assert server.requests[0].path.endswith("/v1/messages")
    assert "'cache_control': {'type': 'ephemeral'}" in str(server.requests[0].body["system"])


def test_learnt_secrets() -> None:
    """A key that was read from somewhere is kept out of everything, also by redactors that were made before."""
    redactor = TextRedactor()
    assert redactor.text("my key is quite-Harmless-1") == "my key is quite-Harmless-1"
    learn_secret("quite-Harmless-1")
    assert "Harmless" not in redactor.text("my key is quite-Harmless-1")


BACKEND = """
import json, pathlib
from keyring.backend import KeyringBackend
FILE = pathlib.Path(__file__).with_name("keys.json")
class FileKeyring(KeyringBackend):
    priority = 1
    def _all(self):
        return json.loads(FILE.read_text()) if FILE.exists() else {}
    def get_password(self, service, name):
        return self._all().get(f"{service}/{name}")
    def set_password(self, service, name, key):
        FILE.write_text(json.dumps({**self._all(), f"{service}/{name}": key}))
    def delete_password(self, service, name):
        FILE.write_text(json.dumps({k: v for k, v in self._all().items() if k != f"{service}/{name}"}))
"""


def command(folder: Path, *arguments: str, stdin: str = "", backend: str = "file_keyring.FileKeyring") -> Any:
    environ = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    environ |= {"PYTHON_KEYRING_BACKEND": backend, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    environ["NO_PROXY"] = "127.0.0.1"
    code = "import sys; from ldp_tui.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], input=stdin, capture_output=True, text=True, env=environ, cwd=folder,
        timeout=120, check=False,
    )  # fmt: skip


def test_a_key_in_the_keyring(tmp_path: Path) -> None:
    """It is set without being shown, listed by where it is, sent, and forgotten."""
    pytest.importorskip("keyring")
    (tmp_path / "file_keyring.py").write_text(BACKEND, encoding="utf-8")
    key = "a-key-of-no-shape-5521"

    stored = command(tmp_path, "models", "key", "set", "openai", stdin=f"{key}\n")
    assert (stored.returncode, stored.stdout) == (0, "")
    named = command(tmp_path, "models", "key", "set", "MY_SERVER", stdin=f"{key}\n")
    listed = command(tmp_path, "models")
    with ModelServer(["4"], api_key=key) as server:
        model = f"any,base_url={server.base_url},api_key_env=MY_SERVER"
        tested = command(tmp_path, "models", "test", model)
    forgotten = command(tmp_path, "models", "key", "forget", "openai")
    again = command(tmp_path, "models", "key", "forget", "openai")

    assert named.returncode == 0
    assert "openai  provider  keyring" in listed.stdout
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert (forgotten.returncode, again.returncode) == (0, 1)
    told = "".join(done.stdout + done.stderr for done in (stored, named, listed, tested, forgotten, again))
    assert key not in told


def test_no_keyring(tmp_path: Path) -> None:
    """Where the system has none, keys come from the environment, and `key set` says so in one line."""
    pytest.importorskip("keyring")
    refused = command(
        tmp_path, "models", "key", "set", "openai", stdin="some-key-1\n", backend="keyring.backends.fail.Keyring"
    )

    assert refused.returncode == 2
    assert "no keyring" in refused.stderr
    assert "some-key-1" not in refused.stderr
