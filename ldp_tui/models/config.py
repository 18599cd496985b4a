"""Which models to ask, in which order, and how. Nothing here imports a model library or opens a connection."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_serializer, field_validator, model_validator

from ldp_tui.core.errors import UnknownSetting, UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.secrets import learn_secret
from ldp_tui.core.settings import Settings, refuse_unknown
from ldp_tui.models.keys import KEYRING, stored_key
from ldp_tui.models.providers import check_provider, found_key, missing_key, provider_of
from ldp_tui.models.results import LLMResult
from ldp_tui.models.throttle import Throttle, throttle_for

if TYPE_CHECKING:
    from ldp_tui.models.backend import Backend

ResponseValidator = Callable[[LLMResult], Awaitable[None] | None]
ToolParser = Callable[[Any, list[dict[str, Any]] | None], Message]
"""Makes the action of a reply: of its text (first parameter annotated `str`) or the whole `Choice`, and the tools."""

# fmt: off
REQUEST_SETTINGS: Final = frozenset({
    "temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens", "n", "stop", "seed",
    "presence_penalty", "frequency_penalty", "repetition_penalty", "logit_bias", "logprobs", "top_logprobs",
    "response_format", "parallel_tool_calls", "reasoning_effort", "include_reasoning", "thinking", "verbosity",
    "service_tier", "user", "metadata", "safety_settings", "modalities", "prediction", "store", "web_search_options",
    "extra_body", "extra_headers", "drop_params", "allowed_openai_params", "additional_drop_params",
    "custom_llm_provider", "api_version", "organization", "vertex_project", "vertex_location", "vertex_credentials",
    "aws_region_name", "aws_profile_name", "aws_access_key_id", "aws_secret_access_key", "aws_session_token",
    "num_ctx", "keep_alive", "chat_template_kwargs",
})
# fmt: on
"""What may be set beside a model's name. Anything else a provider takes goes into `extra_body` or `extra_params`."""

_SHORT: Final = {"rpm": "requests_per_minute", "tpm": "tokens_per_minute"}
"""litellm's names."""
LOCAL: Final = "local"
"""`local/PATH` and `local/OWNER/NAME` are models of transformers that run in this process."""
LOCAL_SETTINGS: Final = frozenset({"dtype", "device", "adapter", "quantization"})
"""What may be set of them alone."""

_SECRET_SETTING = re.compile(
    r"api[-_]?key|secret|password|authorization|credential|access[-_]key|session[-_]token|bearer|auth[-_]?token",
    re.IGNORECASE,
)
_GEMINI_SAFETY: Final = [
    {"category": f"HARM_CATEGORY_{name}", "threshold": "BLOCK_ONLY_HIGH"}
    for name in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
]


class ModelSpec(Settings):
    """One model: its name, where it is, and how it is asked. Secrets are in no dump and no repr."""

    name: str = Field(description="`provider/model` as litellm writes it, or any name where `api_base` is given.")
    api_base: str | None = Field(
        default=None, alias="base_url", description="URL of a server that speaks OpenAI's protocol, up to `/v1`."
    )
    api_key: SecretStr | None = Field(default=None, exclude=True, repr=False)
    api_key_env: str | None = Field(
        default=None, description="Environment variable that holds the key; or the keyring does, under that name."
    )
    timeout: float | None = Field(default=60.0, gt=0, description="Seconds for one whole reply; None: no limit.")
    max_retries: int = Field(default=3, ge=0, description="Further attempts at this model before the next is asked.")
    retry_seconds: float = Field(
        default=1.0, ge=0, description="Longest first pause before another attempt; it doubles each time."
    )
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0, description="Estimated at four characters a token.")
    max_concurrent: int | None = Field(default=None, ge=1, description="Requests under way at once, in this process.")
    input_cost_per_token: float | None = Field(default=None, ge=0, description="US dollars; else litellm's price list.")
    output_cost_per_token: float | None = Field(default=None, ge=0, description="US dollars.")
    dtype: str | None = Field(default=None, description="Of a local model's weights: bfloat16, float16, float32.")
    device: str | None = Field(default=None, description="Of a local model: cuda:0, cpu, or auto for several GPUs.")
    adapter: str | None = Field(default=None, description="Folder or name of a LoRA adapter for a local model.")
    quantization: Literal["4bit", "8bit"] | None = Field(default=None, description="Of a local model's weights.")
    extra_params: dict[str, Any] = Field(
        default_factory=dict, description="Passed on with each request as they are: temperature, max_tokens, …"
    )

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)
    _throttle: Throttle | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        refuse_unknown(given, cls.setting_names(), of=cls.__name__)
        return {_SHORT.get(key, key): value for key, value in given.items()}

    @field_validator("api_base")
    @classmethod
    def _check_base(cls, base: str | None) -> str | None:
        if base is None:
            return None
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("base_url must be a URL such as http://127.0.0.1:8000/v1.")
        if parts.username or parts.password or parts.query:
            raise UsageError("base_url must not hold a key; name the key's environment variable with api_key_env.")
        return base.rstrip("/")

    @field_validator("extra_params")
    @classmethod
    def _hide_secrets(cls, params: dict[str, Any]) -> dict[str, Any]:
        return {name: _hidden(name, value) for name, value in params.items()}

    @field_serializer("extra_params")
    def _drop_secrets(self, params: dict[str, Any]) -> dict[str, Any]:
        return {name: _without_secrets(value) for name, value in params.items() if not isinstance(value, SecretStr)}

    @model_validator(mode="after")
    def _check_local(self) -> Self:
        given = [name for name in sorted(LOCAL_SETTINGS) if getattr(self, name) is not None]
        if given and not self.is_local:
            raise UsageError(f"{given[0]} is for models that run here, {LOCAL}/PATH; {self.name} is none.")
        return self

    @property
    def is_local(self) -> bool:
        """Whether it runs in this process, by transformers."""
        return self.api_base is None and self.name.startswith(f"{LOCAL}/")

    @classmethod
    def setting_names(cls) -> frozenset[str]:
        """The names of its fields, aliases included."""
        return frozenset(cls.model_fields) | {"base_url"} | set(_SHORT)

    @classmethod
    def from_name(cls, name: str, **settings: Any) -> Self:
        """A model with settings of its own and of its requests side by side: `from_name("m", temperature=0)`.

        Raises:
            UnknownSetting: For a setting that is neither.
        """
        fields = cls.setting_names()
        refuse_unknown(settings, fields | REQUEST_SETTINGS, of=name)
        own = {key: value for key, value in settings.items() if key in fields}
        request = {key: value for key, value in settings.items() if key not in fields}
        defaults = {"safety_settings": _GEMINI_SAFETY} if "gemini" in name else {}
        extra = {**defaults, **request, **own.pop("extra_params", {})}
        return cls.model_validate({"name": name, **own, "extra_params": extra})

    @classmethod
    def from_legacy_params(cls, params: Mapping[str, Any], router: Mapping[str, Any]) -> Self:
        """A model from one `litellm_params` entry, with the defaults of `router_kwargs`."""
        settings = {**_legacy(router, of="router_kwargs"), **_legacy(params, of="litellm_params")}
        name = settings.pop("model", None)
        if not isinstance(name, str):
            raise UsageError("Each entry of model_list needs litellm_params with a model.")
        return cls.from_name(name, **settings)

    @property
    def throttle(self) -> Throttle | None:
        """What paces requests to this model, shared with every equal specification of this process; None: nothing."""
        if self._throttle is None and (self.requests_per_minute or self.tokens_per_minute or self.max_concurrent):
            self._throttle = throttle_for(
                self.name, self.api_base, self.requests_per_minute, self.tokens_per_minute, self.max_concurrent
            )
        return self._throttle

    def key(self) -> str | None:
        """The key to send: `api_key`, that of `api_key_env`, else the provider's in the keyring; None: no key."""
        if (key := self._found_key()) is not None:
            learn_secret(key)
        return key

    def _found_key(self) -> str | None:
        if self.api_key is not None:
            return self.api_key.get_secret_value()
        if self.api_key_env is not None:
            return os.environ.get(self.api_key_env) or stored_key(self.api_key_env)
        if self.api_base is not None:  # no provider's key goes to a server that only claims its name
            return None
        found = found_key(provider_of(self.name))
        return found.value if found is not None and found.source == KEYRING else None  # litellm reads variables itself

    def request_settings(self) -> dict[str, Any]:
        """What is sent with each request, secrets in the clear."""
        return {name: _revealed(value) for name, value in self.extra_params.items() if value is not None}

    def shown_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Those of one request, with the model's own, as a record may have them: without secrets."""
        hidden = {name: _hidden(name, value) for name, value in settings.items() if value is not None}
        return self._drop_secrets({**self.extra_params, **hidden})

    def secrets(self) -> list[str]:
        """Every secret of this specification, to be kept out of messages."""
        values = [*_secrets_in(self.extra_params)]
        return [*values, key] if (key := self.key()) else values

    def missing_key(self) -> str | None:
        """The environment variable that this model's provider needs and that is not set; None if none is known."""
        if self.api_key is not None:
            return None
        if self.api_key_env is not None:
            return None if self._found_key() else self.api_key_env
        return None if self.api_base is not None else missing_key(self.name)


class LLMConfig(Settings):
    """A chain of models: the first is asked, the others when it cannot answer.

    Besides `models=[…]`, it is made from a name, from `{"name": …, "temperature": …, "fallbacks": […]}`, and from
    litellm's older `{"model_list": […], "fallbacks": […], "router_kwargs": {…}}`.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    models: list[ModelSpec] = Field(min_length=1, description="Asked in this order.")
    budget: float | None = Field(
        default=None, gt=0, description="US dollars that one episode may cost; then it ends as failed, and is kept."
    )
    stream: bool = Field(default=True, description="Stream replies to whoever listens; recordings are the same.")
    response_validator: ResponseValidator | None = Field(
        default=None, exclude=True, repr=False, description="Raises for a reply that is to be asked for again."
    )
    tool_parser: ToolParser | None = Field(default=None, exclude=True, repr=False, description="See `ToolParser`.")
    keep_tokens: bool = Field(
        default=False, description="Keep with each step the tokens that were read and sampled, with log-probabilities."
    )
    backend: Any = Field(default=None, exclude=True, repr=False, description="A `Backend` that answers in their place.")

    @model_validator(mode="before")
    @classmethod
    def _read_any_form(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"models": [ModelSpec.from_name(given)]}
        if isinstance(given, cls) or not isinstance(given, Mapping) or "models" in given:
            return given
        own = {key: given[key] for key in cls.model_fields if key in given}
        rest = {key: value for key, value in given.items() if key not in own}
        if "model_list" in rest:
            return {"models": _legacy_chain(rest), **own}
        if "name" in rest:
            return {"models": _chain(**rest), **own}
        names = frozenset({*cls.model_fields, "name", "model_list", *_FALLBACKS})
        refuse_unknown(rest, names | REQUEST_SETTINGS, of="a model configuration")
        raise UsageError("A model configuration needs name=…, or models=[…].")

    @classmethod
    def from_legacy_dict(cls, legacy: Mapping[str, Any]) -> Self:
        """A chain from `{"model_list", "fallbacks", "router_kwargs"}`: the first entry, then its fallbacks."""
        return cls(models=_legacy_chain(legacy))

    def with_extra_params(self, **params: Any) -> Self:
        """A copy whose every model is asked with `params` too."""
        hidden = {name: _hidden(name, value) for name, value in params.items()}
        models = [spec.model_copy(update={"extra_params": {**spec.extra_params, **hidden}}) for spec in self.models]
        return self.model_copy(update={"models": models})

    def answered_by(self) -> Backend | None:
        """The back end that was given in place of the models' own; None in the usual case."""
        backend: Backend | None = self.backend
        return backend

    def check_providers(self) -> None:
        """Raise UnknownName for a model whose provider is misspelt."""
        for spec in self.models if self.backend is None else ():
            if spec.api_base is None and not spec.is_local:
                check_provider(spec.name)

    def missing_keys(self) -> list[str]:
        """Environment variables that must be set before anything can answer; empty as soon as one model may."""
        if self.backend is not None:
            return []
        missing = [spec.missing_key() for spec in self.models]
        return [] if None in missing else [name for name in missing if name is not None]


_FALLBACKS: Final = ("fallback", "fallbacks")
_OF_ONE_PLACE: Final = LOCAL_SETTINGS | {"base_url", "api_base", "api_key", "api_key_env"}
"""Settings of where a model is; its fallbacks are elsewhere."""


def _chain(name: str, **settings: Any) -> list[ModelSpec]:
    """A model and its fallbacks: names joined by `+`, or a list of names and of `{"name": …, **settings}`.

    Fallbacks are asked with the settings of the first, but not where it is.
    """
    if len(given := [key for key in _FALLBACKS if settings.get(key)]) > 1:
        raise UsageError("Give either fallback or fallbacks.")
    fallbacks = settings.get(given[0]) if given else ()
    own = {key: value for key, value in settings.items() if key not in _FALLBACKS}
    there = {key: value for key, value in own.items() if key not in _OF_ONE_PLACE}
    models = [ModelSpec.from_name(name, **own)]
    for fallback in fallbacks.split("+") if isinstance(fallbacks, str) else fallbacks or ():
        if not isinstance(fallback, str | Mapping):
            raise UsageError("A fallback is a model's name, or name=… with settings.")
        said = {"name": fallback.strip()} if isinstance(fallback, str) else fallback
        models.append(ModelSpec.from_name(**{**there, **said}))
    return models


_LEGACY_LIST: Final = frozenset({"model_list", "fallbacks", "router_kwargs"})
_LEGACY_ENTRY: Final = frozenset({"model_name", "litellm_params", "model_info"})


def _legacy_chain(legacy: Mapping[str, Any]) -> list[ModelSpec]:
    refuse_unknown(legacy, _LEGACY_LIST, of="a model_list configuration")
    entries = legacy.get("model_list") or []
    if not entries:
        raise UsageError("model_list is empty; name at least one model.")
    params: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        refuse_unknown(entry, _LEGACY_ENTRY, of="a model_list entry")
        given = entry.get("litellm_params") or {}
        params[str(entry.get("model_name") or given.get("model"))] = given
    fallbacks: dict[str, list[str]] = {}
    for entry in legacy.get("fallbacks") or []:
        fallbacks.update(entry)
    for name in chain.from_iterable(fallbacks.values()):
        if name not in params:
            raise UnknownSetting(name, params, of="model_list", kind="fallback model")
    first = next(iter(params))
    order = dict.fromkeys([first, *fallbacks.get(first, []), *params])
    router = legacy.get("router_kwargs") or {}
    return [ModelSpec.from_legacy_params(params[name], router) for name in order]


def _legacy(params: Mapping[str, Any], *, of: str) -> dict[str, Any]:
    """litellm's names as ours: `num_retries` is `max_retries`."""
    refuse_unknown(params, ModelSpec.setting_names() | REQUEST_SETTINGS | {"model", "num_retries"}, of=of)
    return {("max_retries" if key == "num_retries" else key): value for key, value in params.items()}


def _hidden(name: str, value: Any) -> Any:
    """The value with every text that a name calls a secret as SecretStr."""
    if isinstance(value, str) and _SECRET_SETTING.search(name):
        return SecretStr(value)
    if isinstance(value, Mapping):
        return {key: _hidden(str(key), item) for key, item in value.items()}
    return value


def _revealed(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {key: _revealed(item) for key, item in value.items()}
    return value


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_secrets(item) for key, item in value.items() if not isinstance(item, SecretStr)}
    return value


def _secrets_in(value: Any) -> Iterable[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets_in(item)
