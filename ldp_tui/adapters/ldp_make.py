"""LDP's agents by name or by class. Only `make_named` and `adopted` import LDP."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from ldp_tui.adapters.real_packages import is_installed, loaded, unseen_output, versions
from ldp_tui.core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from ldp_tui.adapters.ldp_agent import LdpAgent

PREFIX: Final = "ldp"
"""`ldp:CLASS` asks for one of LDP's own agents."""
TOKEN_VARIABLE: Final = "AUTH_TOKEN"  # noqa: S105 (a variable's name)
"""Holds the bearer token of LDP's agent servers; they read the same variable."""

_SECRETS: Final = frozenset({"api_key", "request_headers", "Authorization"})

Call = Callable[[Callable[..., Any], Mapping[str, Any]], Any]
"""Calls a factory with a person's options; what it cannot take becomes a UsageError."""

_MODEL: Final = "model"
_MODEL_OPTIONS: Final = frozenset({_MODEL, "api_base", "timeout", "max_retries", "temperature", "max_tokens"})
"""Options that make up `llm_config` where that is not given itself. Keys come from the process's environment alone."""


def listed() -> dict[str, str]:
    """What LDP's own agents do that can be made from text alone; none where LDP is not installed. Imports nothing."""
    if not is_installed("ldp"):
        return {}
    return {
        "SimpleAgent": "LDP's own: one model call a turn (model=openai/…)",
        "ReActAgent": "LDP's own: thinks, then calls a tool (model=openai/…)",
    }


def is_ldp_class(factory: object) -> TypeGuard[type[Any]]:
    """Whether `factory` is a class of LDP agents; imports nothing."""
    agent = loaded("ldp.agent.agent", "Agent")
    return agent is not None and inspect.isclass(factory) and issubclass(factory, agent)


def is_ldp_agent(made: object) -> bool:
    """Whether `made` is an agent of LDP's; imports nothing."""
    agent = loaded("ldp.agent.agent", "Agent")
    return agent is not None and isinstance(made, agent)


def make_named(name: str, options: Mapping[str, Any], call: Call) -> LdpAgent:
    """The agent of LDP's own class `name`.

    Raises:
        MissingExtra: If LDP is not installed.
        UsageError: For an unknown class or option.
    """
    from ldp_tui.adapters.ldp_core import agents

    classes = {
        key: value for key, value in vars(agents).items() if is_ldp_class(value) and not inspect.isabstract(value)
    }
    if name not in classes:
        raise UnknownName("LDP agent", name, classes)
    return adopted(make_class(classes[name], options, call))


def make_class(factory: type[Any], options: Mapping[str, Any], call: Call) -> Any:
    """An agent of the LDP class `factory`. Its pydantic classes ignore options they do not know; this refuses them."""
    fields: Mapping[str, Any] = getattr(factory, "model_fields", {})
    own = dict(options)
    if (secret := _secret_in(own)) is not None:
        raise UsageError(f"{secret!r} would be recorded with every episode; put keys into the environment instead.")
    if "llm_config" in fields and "llm_config" not in own and _MODEL in own and _MODEL not in fields:
        config = {name: own.pop(name) for name in list(own) if name in _MODEL_OPTIONS and name not in fields}
        own["llm_config"] = {"name": config.pop(_MODEL), **config}
    known = _known_options(factory)
    unknown = [] if known is None else [name for name in own if name not in known]
    if known is not None and unknown:
        more = _MODEL_OPTIONS if "llm_config" in fields else frozenset()
        raise UnknownName("option", unknown[0], known | more, of=f"player {factory.__name__!r}")
    if factory.__name__ == "HTTPAgentClient":
        own = {**_client_options(), **own}

    def made(**given: Any) -> Any:
        return factory(**given)

    with unseen_output():
        return call(made, own)


def adopted(ldp_agent: Any) -> LdpAgent:
    """A player that plays `ldp_agent`. Raises UsageError for one that a rollout cannot play."""
    from ldp_tui.adapters.ldp_agent import LdpAgent, LdpModelAgent

    asks_model = model_of(ldp_agent) is not None or type(ldp_agent).__name__ == "HTTPAgentClient"
    return (LdpModelAgent if asks_model else LdpAgent)(ldp_agent)


def model_of(ldp_agent: object) -> str | None:
    """Name of the first model that the agent is configured with."""
    models = getattr(getattr(ldp_agent, "llm_config", None), "models", ())
    return str(models[0].name) if models else None


def prompt_of(ldp_agent: object) -> str | None:
    """The agent's system prompt, where it has one."""
    prompt = getattr(ldp_agent, "sys_prompt", None)
    return prompt if isinstance(prompt, str) else None


def packages_of(ldp_agent: object) -> dict[str, str]:
    """Versions of what decides how the agent behaves."""
    return versions("ldp", type(ldp_agent).__module__)


def _secret_in(value: Any) -> str | None:
    """Name of an option, at any depth, that holds a key; None if there is none."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    named = [name for name in value if name in _SECRETS] if isinstance(value, Mapping) else []
    return named[0] if named else next((found for item in inner if (found := _secret_in(item)) is not None), None)


def _client_options() -> dict[str, Any]:
    from ldp_tui.adapters.ldp_core import SimpleAgentState

    token = os.environ.get(TOKEN_VARIABLE)
    headers = {"request_headers": {"Authorization": f"Bearer {token}"}} if token else {}
    return {"agent_state_type": SimpleAgentState, **headers}


def _known_options(factory: type[Any]) -> frozenset[str] | None:
    """What the class's constructors name, and its pydantic fields; None if it takes anything."""
    fields: Mapping[str, Any] = getattr(factory, "model_fields", {})
    known, takes_any = set(fields), getattr(factory, "model_config", {}).get("extra") == "allow"
    for kind in factory.__mro__:
        constructor = kind.__dict__.get("__init__")
        if not inspect.isfunction(constructor) or kind.__module__.startswith("pydantic."):
            continue
        # LDP wraps each constructor in one that takes anything.
        constructor = inspect.getclosurevars(constructor).nonlocals.get("original_init", constructor)
        parameters = inspect.signature(constructor).parameters.values()
        known |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)} - {"self"}
        if not fields:  # what a pydantic class is given beyond its fields it drops without a word
            takes_any = takes_any or any(p.kind is p.VAR_KEYWORD for p in parameters)
            break
    return None if takes_any else frozenset(known)
