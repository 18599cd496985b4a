"""What can be asked here and now: providers with a key, servers of this machine that answer, models in folders."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from ldp_tui.models.keys import SYSTEM
from ldp_tui.models.providers import PROVIDERS, found_key, key_variables, keyed_providers

PROBE_SECONDS: Final = 1.0
"""How long a server may take to list its models."""
_LARGEST_LIST: Final = 2**20
_FOLDERS: Final = ("checkpoints", "models")
_WEIGHTS: Final = (".safetensors", ".bin", ".gguf")


@dataclass(frozen=True, slots=True)
class Configured:
    """Something that can be asked. `models` are names to put behind a player's colon; empty where none are listed."""

    name: str
    kind: Literal["bundled", "provider", "server", "folder"]
    source: str
    """Where the key was found, or where the models are."""
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """Where a kind of server listens unless it is told otherwise."""

    name: str
    base_url: str
    ollama: bool = False


DEFAULT_SERVERS: Final = (
    Server("Ollama", "http://127.0.0.1:11434", ollama=True),
    Server("LM Studio", "http://127.0.0.1:1234/v1"),
    Server("vLLM, transformers serve", "http://127.0.0.1:8000/v1"),
    Server("llama.cpp", "http://127.0.0.1:8080/v1"),
    Server("SGLang", "http://127.0.0.1:30000/v1"),
)


def configured(base_urls: Sequence[str] = (), *, servers: Sequence[Server] = DEFAULT_SERVERS) -> list[Configured]:
    """Everything that is configured. Looks into the environment, the keyring, and at ports of this machine.

    Args:
        base_urls: Further servers to look at, up to `/v1`.
        servers: Those that are looked at in any case.
    """
    asked = [*servers, *(Server(url, url.rstrip("/")) for url in base_urls)]
    return [
        Configured("tiny", "bundled", "this package", ("tiny",)),
        *_providers(),
        *asyncio.run(_answering(asked)),
        *_in_folders(Path()),
    ]


def keyring_problem() -> str | None:
    """Why the system's keyring is of no use, after it was looked into; None if it is."""
    return SYSTEM.problem


def _providers() -> Iterator[Configured]:
    known = keyed_providers()
    for provider in sorted(PROVIDERS):
        # A keyring cannot list what it holds, and each question takes a moment: it is asked for well-known ones only.
        in_environment = any(os.environ.get(variable) for variable in key_variables(provider))
        if (in_environment or provider in known) and (found := found_key(provider)) is not None:
            yield Configured(provider, "provider", found.source)


async def _answering(servers: Iterable[Server]) -> list[Configured]:
    """The servers that list their models in time."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=PROBE_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        found = await asyncio.gather(*(_models_of(session, server) for server in servers))
    return [one for one in found if one is not None]


async def _models_of(session: Any, server: Server) -> Configured | None:
    import aiohttp
    import orjson

    url = f"{server.base_url}/{'api/tags' if server.ollama else 'models'}"
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status in (401, 403):
                return Configured(server.name, "server", f"{server.base_url} (wants a key: api_key_env=NAME)")
            listed = orjson.loads(await response.content.read(_LARGEST_LIST))
        names = _names(listed, "models", "name") if server.ollama else _names(listed, "data", "id")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError, KeyError):
        return None  # nobody there, or something else
    prefix, suffix = ("ollama/", "") if server.ollama else ("", f",base_url={server.base_url}")
    return Configured(server.name, "server", server.base_url, tuple(f"{prefix}{name}{suffix}" for name in names))


def _names(listed: Any, key: str, field: str) -> list[str]:
    return [str(model[field]) for model in listed[key]]


def _in_folders(start: Path) -> Iterator[Configured]:
    """Folders beneath `checkpoints` and `models` that hold a model's configuration and weights."""
    for folder in _FOLDERS:
        for config in sorted((start / folder).glob("**/*config.json")):
            if config.name in ("config.json", "adapter_config.json") and any(
                file.suffix in _WEIGHTS for file in config.parent.iterdir()
            ):
                yield Configured(config.parent.name, "folder", str(config.parent), (f"./{config.parent}",))
