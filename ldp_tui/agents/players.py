"""Language-model players as people name them: `simple:openai/gpt-5-mini,temperature=0`, `react:qwen,base_url=…`.

Options are those of the model and those of the agent, checked here so that a typo names the nearest of both. A key is
none of them, for options are recorded: keys stay in the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from ldp_tui.agents.memory import MemoryAgent
from ldp_tui.agents.react import ReActAgent
from ldp_tui.agents.reflecting.agent import ReflectAgent
from ldp_tui.agents.simple import DEFAULT_LLM_COMPLETION_TIMEOUT, LanguageAgent, SimpleAgent
from ldp_tui.agents.text_calls import TextCallAgent
from ldp_tui.agents.tiny import TinyAgent
from ldp_tui.agents.tree_of_thoughts import TreeofThoughtsAgent
from ldp_tui.core.errors import UsageError
from ldp_tui.core.settings import refuse_unknown, values_of
from ldp_tui.models.client import TINY
from ldp_tui.models.config import LOCAL, REQUEST_SETTINGS, LLMConfig, ModelSpec
from ldp_tui.models.local.naming import check_local
from ldp_tui.models.memory import StoredMemoryModel
from ldp_tui.models.modules import ToolDescriptionMethods
from ldp_tui.models.providers import provider_of

MODEL_OPTIONS: Final = (ModelSpec.setting_names() - {"name", "api_key", "extra_params"}) | REQUEST_SETTINGS
"""What may be said of the model."""
CHAIN_OPTIONS: Final = frozenset({"fallback", "fallbacks", "stream", "budget", "keep_tokens"})
"""What may be said of the chain of a model and its fallbacks."""
_SECRETS: Final = frozenset({"api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"})
_NO_MODEL: Final = (
    "Player {name!r} needs a model: {name}:openai/gpt-5-mini, or {name}:NAME,base_url=http://….",
    "Player {name!r} needs a model: {name}:./FOLDER, or {name}:OWNER/NAME at the Hugging Face hub.",
)

Player = TypeVar("Player", bound=LanguageAgent | ReflectAgent)


def simple_player(model: str = "", **options: Any) -> SimpleAgent:
    """Sends the conversation and the tools to a model."""
    return _player(SimpleAgent, "simple", model, options)


def react_player(model: str = "", *, act: bool = False, **options: Any) -> ReActAgent:
    """Thinks aloud, then acts; with `act`, without thinking."""
    if isinstance(described := options.get("tool_description_method"), str):
        options["tool_description_method"] = _description(described)
    with values_of("player 'react'"):
        given = _settings(ReActAgent, "react", model, options, more={"act"})
        return ReActAgent.make_act_agent(**given) if act else ReActAgent(**given)


def no_tools_player(model: str = "", **options: Any) -> TextCallAgent:
    """Calls tools in plain text, for servers that take no tools."""
    return _player(TextCallAgent, "no-tools", model, options)


def reflect_player(model: str = "", **options: Any) -> ReflectAgent:
    """Reflects and acts, as gym-llm's agent does."""
    return _player(ReflectAgent, "reflect", model, options)


def local_player(model: str = "", **options: Any) -> ReflectAgent:
    """A model of transformers that runs here, in a folder or of a name at the hub, as a reflecting player."""
    return _player(ReflectAgent, LOCAL, f"{LOCAL}/{model}" if model else "", options)


def tiny_player(model: str = "", **options: Any) -> TinyAgent:
    """The bundled model, or one of the same kind in the folder `model`; shown the newest observation alone."""
    given: dict[str, Any] = {"history": 0, "show": ("start",), **options}
    return _player(TinyAgent, "tiny", f"{TINY}/{model}" if model else TINY, given)


def memory_player(model: str = "", *, memories: str = "default", db: str | None = None, **options: Any) -> MemoryAgent:
    """Is shown the `memories` of that name in the project's store, or in the database `db`."""
    place = {} if db is None else {"path": Path(db)}
    with values_of("player 'memory'"):
        settings = _settings(MemoryAgent, "memory", model, options, more={"memories", "db"})
        return MemoryAgent(StoredMemoryModel(collection=memories, **place), **settings)


def tree_of_thoughts_player(model: str = "", **options: Any) -> TreeofThoughtsAgent:
    """Searches the steps that a model proposes before it acts."""
    return _player(TreeofThoughtsAgent, "tree-of-thoughts", model, options)


def _player(kind: type[Player], name: str, model: str, options: Mapping[str, Any]) -> Player:
    with values_of(f"player {name!r}"):
        return kind(**_settings(kind, name, model, options))


def _settings(
    kind: type[Player],
    name: str,
    model: str,
    options: Mapping[str, Any],
    *,
    more: frozenset[str] | set[str] = frozenset(),
) -> dict[str, Any]:
    """The arguments of an agent class.

    Raises:
        UsageError: If the model, a key or a setting is missing, wrong or unknown; one line says what to do.
    """
    own = {field for field, info in kind.model_fields.items() if not info.exclude} - {"llm_config"}
    if secret := next((option for option in options if option in _SECRETS), None):
        raise UsageError(f"Options are recorded: put the key into the environment, not into {secret}=….")
    known = own | (MODEL_OPTIONS - _SECRETS) | CHAIN_OPTIONS | more
    refuse_unknown(options, frozenset(known), of=f"player {name!r}")
    if not model:
        raise UsageError(_NO_MODEL[name == LOCAL].format(name=name))
    config = model_config(model, {option: value for option, value in options.items() if option not in own})
    return {"llm_config": config, **{option: value for option, value in options.items() if option in own}}


def model_config(model: str, options: Mapping[str, Any]) -> LLMConfig:
    """The chain of the model and its fallbacks, which are asked where litellm knows them to be.

    Raises:
        UsageError: If a provider is misspelt, or no model of the chain has the key that it needs.
    """
    config = LLMConfig.model_validate({"name": model, "timeout": DEFAULT_LLM_COMPLETION_TIMEOUT, **options})
    config.check_providers()
    if missing := config.missing_keys():
        first = config.models[0]
        stored = provider_of(first.name) if first.api_key_env is None else first.api_key_env
        raise UsageError(
            f"{first.name} needs a key: set {missing[0]}, store one by `ldp-tui models key set {stored}`, name another"
            " variable by api_key_env=…, or a server of your own by base_url=…."
        )
    for spec in config.models:
        if spec.is_local:
            check_local(spec)
    return config


def _description(word: str) -> ToolDescriptionMethods:
    """`str`, `xml` or `json`, as people say it."""
    by_word = {method.name.lower(): method for method in ToolDescriptionMethods}
    refuse_unknown({word: None}, frozenset(by_word), of="tool_description_method")
    return by_word[word]
