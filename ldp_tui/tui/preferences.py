"""What the app remembers between runs: a small TOML file in the user's configuration folder."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


class PreferencesError(Exception):
    """The preferences cannot be read or written; the app goes on with what it has."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """Choices made in the app; every field has a default that works."""

    theme: str = ""
    """Name of a Textual theme; empty: the app's own."""
    environment: str = "Blackjack-v1"
    players: tuple[str, ...] = ("human", "tiny")
    max_steps: int = 0
    """Steps after which an episode is cut; 0: the environment decides."""


def preferences_path() -> Path:
    """`$LDP_TUI_CONFIG`, else `preferences.toml` in the user's configuration folder."""
    if chosen := os.environ.get("LDP_TUI_CONFIG"):
        return Path(chosen)
    from platformdirs import user_config_path

    return user_config_path("ldp-tui") / "preferences.toml"


def log_path() -> Path:
    """`$LDP_TUI_LOG`, else `app.log` in the user's log folder: what libraries print while the app is open."""
    if chosen := os.environ.get("LDP_TUI_LOG"):
        return Path(chosen)
    from platformdirs import user_log_path

    return user_log_path("ldp-tui") / "app.log"


def load_preferences(path: Path) -> Preferences:
    """What the file says; the defaults where there is none. Keys of other versions are ignored.

    Raises:
        PreferencesError: If the file cannot be read, is no TOML, or a value has the wrong type.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Preferences()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PreferencesError(f"{path}: {error}") from error
    defaults = asdict(Preferences())
    known = {name: _checked(path, name, values[name], default) for name, default in defaults.items() if name in values}
    return Preferences(**known)


def save_preferences(preferences: Preferences, path: Path) -> None:
    """Write the file as a whole or not at all.

    Raises:
        PreferencesError: If the folder or the file cannot be written.
    """
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in asdict(preferences).items()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=path.name, delete=False, encoding="utf-8"
        ) as file:
            file.writelines(lines)
        Path(file.name).replace(path)
    except OSError as error:
        raise PreferencesError(f"{path}: {error.strerror or error}") from error


def _checked(path: Path, name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise PreferencesError(f"{path}: {name} is {value!r}, which is no list of texts")
    if type(value) is not type(default):
        raise PreferencesError(f"{path}: {name} is {value!r}, which is no {type(default).__name__}")
    return value
