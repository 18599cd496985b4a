from __future__ import annotations

import copy
import pickle

import pytest
from pydantic import ValidationError

from ldp_tui.core.errors import UnknownSetting, UsageError
from ldp_tui.models import LLMConfig, LLMModel, ModelSpec

KEY = "sk-canary-0123456789abcdefghij"


@pytest.mark.parametrize(
    "given",
    [
        "openai/gpt-4o",
        {"name": "openai/gpt-4o"},
        {"models": [{"name": "openai/gpt-4o"}]},
        {"model_list": [{"model_name": "mine", "litellm_params": {"model": "openai/gpt-4o"}}]},
    ],
    ids=["name", "flat", "chain", "legacy"],
)
def test_forms_of_a_configuration(given: object) -> None:
    """A name, a flat dictionary, a chain and litellm's older form mean the same."""
    assert [spec.name for spec in LLMConfig.model_validate(given).models] == ["openai/gpt-4o"]


def test_flat_settings_go_to_the_request() -> None:
    """What is no field of the model is sent with each request."""
    spec = LLMConfig.model_validate({"name": "m", "temperature": 0.1, "timeout": 5, "max_retries": 0}).models[0]

    assert spec.extra_params == {"temperature": 0.1}
    assert (spec.timeout, spec.max_retries) == (5, 0)


def test_legacy_order() -> None:
    """The first entry is asked first, then its fallbacks, then the rest; router defaults reach every model."""
    entries = [{"model_name": name, "litellm_params": {"model": f"openai/{name}", "temperature": 1}} for name in "abc"]
    legacy = {"model_list": entries, "fallbacks": [{"a": ["c"]}], "router_kwargs": {"timeout": 7, "num_retries": 1}}

    models = LLMConfig.model_validate(legacy).models

    assert [spec.name for spec in models] == ["openai/a", "openai/c", "openai/b"]
    assert {(spec.timeout, spec.max_retries) for spec in models} == {(7, 1)}


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ({"name": "m", "temprature": 0.1}, "temperature"),
        ({"name": "m", "base-url": "http://x/v1"}, "base_url"),
        ({"models": [{"name": "m", "api_bas": "http://x"}]}, "api_base"),
        ({"models": [{"name": "m"}], "streams": True}, "stream"),
        ({"model": "gpt-4o"}, "models"),
        ({"model_list": [{"model_name": "m", "litellm_parms": {"model": "m"}}]}, "litellm_params"),
        ({"model_list": [{"litellm_params": {"model": "m", "max_token": 1}}]}, "max_tokens"),
        ({"model_list": [{"litellm_params": {"model": "m"}}], "router_kwargs": {"num_retry": 1}}, "num_retries"),
        ({"model_list": [{"litellm_params": {"model": "abc"}}], "fallbacks": [{"m": ["abd"]}]}, "abc"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_unknown_settings(given: dict[str, object], nearest: str) -> None:
    """They are refused, and the nearest one that exists is named."""
    with pytest.raises(UnknownSetting, match=rf"Did you mean .*\b{nearest}\b"):
        LLMConfig.model_validate(given)


@pytest.mark.parametrize("given", [{}, {"model_list": []}, {"temperature": 1}, {"models": []}])
def test_configuration_without_a_model(given: dict[str, object]) -> None:
    """It is refused."""
    with pytest.raises((UsageError, ValidationError)):
        LLMConfig.model_validate(given)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x/v1", f"http://user:{KEY}@x/v1", f"http://x/v1?key={KEY}"])
def test_base_url_that_is_none_or_holds_a_key(url: str) -> None:
    """It is refused in a sentence that does not repeat it."""
    with pytest.raises(UsageError) as refused:
        LLMConfig.model_validate({"name": "m", "base_url": url})
    assert KEY not in str(refused.value)


def test_secrets_stay_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, wherever they are given, are in no repr and no dump; they reach the request alone."""
    monkeypatch.setenv("MY_SERVER_KEY", KEY)
    spec = ModelSpec.from_name(
        "m",
        api_key=KEY,
        extra_headers={"X-Api-Key": KEY, "X-Team": "blue"},
        aws_secret_access_key=KEY,
    )
    named = ModelSpec.from_name("m", api_key_env="MY_SERVER_KEY")
    config = LLMConfig(models=[spec, named]).with_extra_params(api_key=KEY, stop=["."])
    model = LLMModel(llm_config=config)

    shown = [repr(model), str(model), str(model.model_dump()), model.model_dump_json(), repr(spec.extra_params)]

    assert not [text for text in shown if KEY in text]
    assert config.model_dump()["models"][0]["extra_params"] == {"extra_headers": {"X-Team": "blue"}, "stop": ["."]}
    assert (spec.key(), named.key()) == (KEY, KEY)
    assert spec.request_settings()["extra_headers"]["X-Api-Key"] == KEY
    assert LLMConfig.model_validate(config.model_dump()).models[0].key() is None


def test_validation_errors_do_not_repeat_what_was_given() -> None:
    """What was given may hold a key."""
    with pytest.raises(ValidationError) as refused:
        LLMConfig.model_validate({"models": [{"name": 7, "api_key": KEY, "timeout": -1}]})
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("openai/gpt-4o", "OPENAI_API_KEY"),
        ("gpt-4o", "OPENAI_API_KEY"),
        ("claude-haiku-4-5", "ANTHROPIC_API_KEY"),
        ("groq/llama", "GROQ_API_KEY"),
        ("ollama/llama3.1", None),
        ("somebody/unknown", None),
    ],
)
def test_missing_key(monkeypatch: pytest.MonkeyPatch, name: str, variable: str | None) -> None:
    """It is known before anything is sent, for the providers that need one, unless the model has a place of its own."""
    for known in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GROQ_API_KEY"):
        monkeypatch.delenv(known, raising=False)

    assert ModelSpec(name=name).missing_key() == variable
    assert ModelSpec(name=name, base_url="http://127.0.0.1/v1").missing_key() is None
    assert ModelSpec(name=name, api_key="given").missing_key() is None
    assert ModelSpec(name=name, api_key_env="NOT_SET_ANYWHERE").missing_key() == "NOT_SET_ANYWHERE"
    if variable:
        monkeypatch.setenv(variable, "set")
        assert ModelSpec(name=name).missing_key() is None


def test_missing_keys_of_a_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """One model that can answer is enough."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    alone = LLMConfig.model_validate("openai/gpt-4o")
    helped = LLMConfig.model_validate({"models": [{"name": "openai/gpt-4o"}, {"name": "ollama/llama3.1"}]})

    assert alone.missing_keys() == ["OPENAI_API_KEY"]
    assert helped.missing_keys() == []


def test_copies_are_paced_together() -> None:
    """However a specification is copied, its copies keep one limit; two limits of one model are two."""
    spec = ModelSpec(name="m", max_concurrent=2)

    assert spec.throttle is copy.deepcopy(spec).throttle
    assert spec.throttle is spec.model_copy().throttle
    assert spec.throttle is ModelSpec(name="m", max_concurrent=2).throttle
    assert spec.throttle is not ModelSpec(name="m", max_concurrent=3).throttle
    assert ModelSpec(name="m").throttle is None


def test_configurations_can_be_compared_and_sent() -> None:
    """Equal settings are equal configurations, and a process can hand one to another."""
    config = LLMConfig.model_validate({"name": "m", "temperature": 0})

    assert config == LLMConfig.model_validate({"models": [{"name": "m", "extra_params": {"temperature": 0}}]})
    assert pickle.loads(pickle.dumps(config)) == config
