"""What the baseline players need from an environment beyond its messages: the Gymnasium environment behind it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from ldp_tui.core.errors import UsageError
from ldp_tui.core.tool_calls import ToolCall

if TYPE_CHECKING:
    import gymnasium

_ENVIRONMENT_FILE: Final = re.compile(r"^ldp_tui_environment_(.+)_[0-9a-f]{16}$")
"""Modules of environment files are named after the file and a hash of its source."""


class NativeEnvironment(Protocol):
    """An environment that adapts a Gymnasium environment and lets a player see it."""

    @property
    def gym_env(self) -> gymnasium.Env[Any, Any]:
        """The adapted environment with its wrappers."""

    @property
    def native_observation(self) -> Any:
        """The newest observation as Gymnasium returned it."""

    @property
    def elapsed_steps(self) -> int:
        """Steps since the last reset."""

    def call_for(self, action: Any) -> ToolCall:
        """The tool call that plays the native `action`."""


class UnsupportedEnvironment(UsageError):
    """A player was asked for an environment that it does not know how to play."""

    def __init__(self, player: str, environment: str, supported: str) -> None:
        self.player, self.environment, self.supported = player, environment, supported
        super().__init__(f"The {player} player does not know {environment}. It plays {supported}.")


def native_environment(env: Any, *, player: str, supported: str) -> NativeEnvironment:
    """`env` as a NativeEnvironment; raises UnsupportedEnvironment if it adapts no Gymnasium environment."""
    if not (hasattr(env, "gym_env") and hasattr(env, "call_for")):
        raise UnsupportedEnvironment(player, type(env).__name__, supported)
    native: NativeEnvironment = env
    return native


def environment_id(gym_env: gymnasium.Env[Any, Any]) -> str:
    """The registered id, such as `Taxi-v4`; the class name of an environment that was built without one."""
    return gym_env.spec.id if gym_env.spec is not None else type(gym_env.unwrapped).__name__


def environment_options(gym_env: gymnasium.Env[Any, Any]) -> Mapping[str, Any]:
    """The options the environment was made with, besides how it renders."""
    kwargs = gym_env.spec.kwargs if gym_env.spec is not None else {}
    return {name: value for name, value in kwargs.items() if name != "render_mode"}


def rules_of(gym_env: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    """The class of an environment and everything that it was made with, defaults included, as JSON values.

    Equal rules are the same game, under whatever id it is registered.
    """
    inner = type(gym_env.unwrapped)
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(inner).parameters.items()
        if parameter.default is not parameter.empty and name != "render_mode"
    }
    options = {**defaults, **environment_options(gym_env)}
    rules: dict[str, Any] = json.loads(json.dumps(options, default=str))
    module = _ENVIRONMENT_FILE.sub(r"\1.py", inner.__module__)
    return {"class": f"{module}:{inner.__qualname__}", "options": rules}


def numbers_of(observation: Any) -> list[int]:
    """An observation's whole numbers in order: of one number, a tuple, or parts by name as gym-llm describes them."""
    if isinstance(observation, Mapping):
        observation = observation.values()
    return [int(part) for part in observation] if isinstance(observation, Iterable) else [int(observation)]


def step_limit(gym_env: gymnasium.Env[Any, Any]) -> int | None:
    """Steps after which the environment truncates an episode (None: never)."""
    return gym_env.spec.max_episode_steps if gym_env.spec is not None else None


def changes_the_game(gym_env: gymnasium.Env[Any, Any]) -> bool:
    """Whether a wrapper alters observations, actions or rewards, so that the inner environment's rules do not hold."""
    from gymnasium import ActionWrapper, ObservationWrapper, RewardWrapper, Wrapper

    layer: Any = gym_env
    while isinstance(layer, Wrapper):
        if isinstance(layer, ActionWrapper | ObservationWrapper | RewardWrapper):
            return True
        layer = layer.env
    return False


def call_label(call: ToolCall) -> str:
    """A short name of a call for people: its only argument (numbers to 3 digits), else the call as written."""
    arguments = list(call.function.arguments.values())
    return _short(arguments[0]) if len(arguments) == 1 else call.function.written()


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_short(item) for item in value)}]"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
