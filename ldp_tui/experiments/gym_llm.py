"""gym-llm's Python interface: describe an environment to a language model, read a configuration, run it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldp_tui.core.errors import UsageError
from ldp_tui.experiments.config import ALIASES, Experiment, load_experiment

if TYPE_CHECKING:
    import gymnasium

_METHODS = ("get_observation_schema", "get_goal_description", "get_action_schema")


class LLMEnv(ABC):
    """What a Gymnasium environment adds to describe itself to a language model.

    Inherit from `gymnasium.Env` and this; a class that lacks a method cannot be made. Environments that merely have the
    methods work as well, and those without any are described from their spaces.
    """

    @abstractmethod
    def get_observation_schema(self) -> dict[str, Any]:
        """For each key of the observation: `{"description": …, "type": "int" | "float" | "bool", "size": n}`."""

    @abstractmethod
    def get_goal_description(self) -> str:
        """Rules, rewards and endings, in words."""

    @abstractmethod
    def get_action_schema(self) -> dict[Any, Any]:
        """Meaning of each action, by action."""


def parse_config(path: Path | str) -> dict[str, Any]:
    """The configuration in a YAML file, checked, as gym-llm's dictionary.

    Raises:
        ConfigError: With file and line, if it cannot be read or has a key that does not exist.
    """
    from ldp_tui.experiments.yaml_lines import read_yaml

    load_experiment(Path(path))
    value: dict[str, Any] = read_yaml(Path(path)).value
    return value


def get_env(env_config: Mapping[str, Any], render_mode: str | None = "rgb_array") -> gymnasium.Env[Any, Any]:
    """The Gymnasium environment that a configuration's `environment` block names; the block stays as it is.

    Raises:
        UsageError: If there is none of that name, or it is not made by Gymnasium.
    """
    from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
    from ldp_tui.core.specs import Spec
    from ldp_tui.registry import make_environment

    name = str(env_config.get("name") or "")
    kwargs = {**(env_config.get("kwargs") or {}), **({"render_mode": render_mode} if render_mode else {})}
    env, _ = make_environment(str(Spec(ALIASES.get(name, name), "", kwargs)))
    if not isinstance(env, GymnasiumEnvironment):
        raise UsageError(f"{name!r} is a tool environment; `ldp_tui.registry.make_environment` makes it.")
    made: gymnasium.Env[Any, Any] = env.gym_env
    return made


def get_env_definition(env: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    """`observation_schema`, `goal_description` and `action_schema` of an environment.

    Raises:
        ValueError: If it does not describe itself.
    """
    inner = env.unwrapped
    missing = [name for name in _METHODS if not callable(getattr(inner, name, None))]
    if missing:
        raise ValueError(f"{type(inner).__name__} does not describe itself: it has no {', '.join(missing)}.")
    return {name.removeprefix("get_"): getattr(inner, name)() for name in _METHODS}


def run_experiment(config: Mapping[str, Any] | Path | str, *, db: Path | str | None = None) -> Path:
    """Run an experiment, or what is left of it, and record it; returns the folder of its results.

    Args:
        config: A YAML file, or what `parse_config` read from one.
        db: Where to record; None: the project's database.

    Raises:
        UsageError: If the configuration, an environment or a player cannot be used.
        StoreError, FileError: If something cannot be stored or written.
    """
    from ldp_tui.experiments.plan import plan
    from ldp_tui.experiments.runner import begin, play_experiment
    from ldp_tui.store import connect_writer, default_path
    from ldp_tui.store.reader import Reader

    experiment = (
        Experiment.model_validate(dict(config)) if isinstance(config, Mapping) else load_experiment(Path(config))
    )
    path = default_path(Path(db) if db is not None else None)
    with connect_writer(path) as writer:
        with Reader(path) as reader:
            chosen = plan(experiment, reader)
            states = begin(chosen, reader)
        for _ in play_experiment(chosen, states, writer, path):
            pass
    return chosen.folder
