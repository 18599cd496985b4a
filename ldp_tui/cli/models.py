"""`ldp-tui models`: which language models are configured, whether one answers, and keys in the system's keyring."""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.options import Json
from ldp_tui.cli.output import emit, emit_json, number, say, table
from ldp_tui.core.errors import UnknownName, UsageError
from ldp_tui.core.specs import Spec

if TYPE_CHECKING:
    from ldp_tui.models.config import LLMConfig
    from ldp_tui.models.trial import Trial

_SHOWN = 8
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_TRIAL_SECONDS = 30.0


def models(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[test] [MODEL] | key set|forget PROVIDER", help="Nothing: list what is configured."),
    ] = None,
    *,
    base_url: Annotated[
        list[str] | None, typer.Option("--base-url", help="A server to look at too, up to /v1; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> int:
    """List the configured language models, or test one.

    Listed are providers with a key (and where it was found, never the key), servers of this machine that answer at
    their usual ports, models in ./checkpoints and ./models, and the bundled one.

    MODEL is what follows a player's colon (openai/gpt-5-mini, or NAME,base_url=http://…), or a player's whole text. It
    is asked one question, streamed, with a tool.

    `key set PROVIDER` puts a key into the system's keyring; it is read from the terminal without being shown, or from
    stdin. A variable's name in place of PROVIDER serves api_key_env=NAME. `key forget` deletes it.
    """
    match words or []:
        case []:
            return _list(base_url or [], as_json=as_json)
        case ["key", ("set" | "forget") as what, name]:
            return _set_key(name) if what == "set" else _forget_key(name)
        case ["key", *_]:
            raise UsageError("models key needs: set PROVIDER, or forget PROVIDER.")
        case ["test", text] | [text] if text != "test":
            return _test(text, as_json=as_json)
    raise UsageError("models takes nothing, one MODEL, test MODEL, key set PROVIDER, or key forget PROVIDER.")


def _list(base_urls: list[str], *, as_json: bool) -> int:
    from ldp_tui.models.configured import configured, keyring_problem

    found = configured(base_urls)
    problem = keyring_problem()
    if as_json:
        emit_json({"models": [asdict(one) for one in found], "keyring": problem or "ok"})
        return OK
    rows = []
    for one in found:
        more = f" and {len(one.models) - _SHOWN} more" if len(one.models) > _SHOWN else ""
        rows.append((one.name, one.kind, one.source, "  ".join(one.models[:_SHOWN]) + more))
    table(("name", "kind", "from", "models"), rows)
    if problem is not None:
        say(f"Keys are looked for in environment variables alone: {problem}.")
    if not any(one.kind == "provider" for one in found):
        say("No provider has a key; set its variable, such as OPENAI_API_KEY, or: ldp-tui models key set openai")
    return OK


def _test(text: str, *, as_json: bool) -> int:
    from ldp_tui.models.trial import try_model

    trial = asyncio.run(try_model(_config(text)))
    if as_json:
        emit_json(asdict(trial))
    else:
        _print(trial)
    return OK if trial.error is None else PROBLEMS


def _config(text: str) -> LLMConfig:
    """The model that a player's text names, or that would stand behind its colon."""
    from ldp_tui.agents.players import model_config
    from ldp_tui.models.config import LLMConfig
    from ldp_tui.registry import agent_names, make_agent

    spec = Spec.parse(text)
    if spec.name in {name.name for name in agent_names()}:
        config = getattr(make_agent(text)[0], "llm_config", None)
        if not isinstance(config, LLMConfig):
            raise UsageError(f"Player {spec.name!r} asks no language model.")
        return config
    model = f"{spec.name}:{spec.model}" if spec.model else spec.name
    return model_config(model, {"timeout": _TRIAL_SECONDS, **spec.options})


def _print(trial: Trial) -> None:
    emit(trial.model)
    if trial.error is not None:
        emit(f"  {trial.error}: {trial.detail}")
        if trial.advice:
            emit(f"  What to do: {trial.advice}.")
        return
    emit(f"  answered   in {number(trial.seconds)} s, first token after {number(trial.seconds_to_first_token)} s")
    emit(f"  tokens     {_told(trial.tokens_in)} read, {_told(trial.tokens_out)} written")
    emit(f"  cost       {f'${trial.cost_usd:.6f}' if trial.cost_usd else 'no price known, or free'}")
    emit(f"  streaming  {'works' if trial.streams else 'no: the reply came whole'}")
    emit(f"  tools      {'work' if trial.tools else f'no: {trial.tools_detail}'}")


def _told(count: int | None) -> str:
    return "not told" if count is None else f"{count:,}"


def _set_key(name: str) -> int:
    from ldp_tui.models.keys import SYSTEM

    name = _key_name(name)
    key = _read_key(name).strip()
    if not key:
        raise UsageError("No key was given; nothing was stored.")
    SYSTEM.put(name, key)
    say(f"The key of {name} is in the system's keyring.")
    return OK


def _forget_key(name: str) -> int:
    from ldp_tui.models.keys import SYSTEM

    name = _key_name(name)
    if not SYSTEM.forget(name):
        say(f"The system's keyring holds no key of {name}.")
        return PROBLEMS
    say(f"The key of {name} is forgotten.")
    return OK


def _key_name(name: str) -> str:
    """A provider, or a variable's name. Raises UnknownName."""
    from ldp_tui.models.providers import PROVIDERS, key_variables

    if not key_variables(name) and not _VARIABLE.fullmatch(name):
        raise UnknownName("provider", name, [provider for provider in PROVIDERS if key_variables(provider)])
    return name


def _read_key(name: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    from getpass import getpass

    return getpass(f"Key of {name} (not shown): ")
