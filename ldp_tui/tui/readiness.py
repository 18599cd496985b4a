"""What this machine has, found out without importing any of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

API_KEYS = {
    "OPENAI_API_KEY": "OpenAI",
    "ANTHROPIC_API_KEY": "Anthropic",
    "GEMINI_API_KEY": "Gemini",
    "MISTRAL_API_KEY": "Mistral",
    "OPENROUTER_API_KEY": "OpenRouter",
    "GROQ_API_KEY": "Groq",
}
_NVIDIA = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the panel; `present` is None where it is neither good nor bad."""

    text: str
    present: bool | None


def package_fact(package: str, *, module: str, missing: str) -> Fact:
    """Whether a package is installed, with its version."""
    from importlib.metadata import PackageNotFoundError, version  # slow to load, and Home is painted without it

    if find_spec(module) is None:
        return Fact(missing, present=False)
    try:
        return Fact(f"{package} {version(package)}", present=True)
    except PackageNotFoundError:
        return Fact(package, present=True)


def machine_facts(environ: Mapping[str, str] = os.environ) -> list[Fact]:
    """Packages, keys and hardware; names of keys only, never their values."""
    providers = [name for variable, name in API_KEYS.items() if environ.get(variable)]
    return [
        package_fact("gymnasium", module="gymnasium", missing="gymnasium missing"),
        Fact(f"API key {', '.join(providers)}", present=True) if providers else Fact("no API key set", present=False),
        package_fact("torch", module="torch", missing="no torch: ldp-tui[local]"),
        Fact("NVIDIA GPU", present=True) if _NVIDIA.exists() else Fact("no GPU, none needed", present=None),
    ]


def terminal_facts(color_system: str | None, *, no_color: bool, environ: Mapping[str, str] = os.environ) -> list[Fact]:
    """Colours as the terminal offers them, and what a multiplexer takes away."""
    if no_color or color_system is None:
        colours = Fact("no colours", present=None)
    elif color_system == "truecolor":
        colours = Fact("24-bit colours", present=True)
    else:
        few = "256 colours" if color_system == "256" else "16 colours"
        colours = Fact(f"{few}: COLORTERM=truecolor?", present=None)
    return [colours, *([Fact("inside tmux", present=None)] if environ.get("TMUX") else [])]
