"""Words for an environment: its family's, its own (gym-llm's three methods, `get_action_meanings`), or derived ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import gymnasium
from gymnasium import spaces

from ldp_tui.adapters import known_control, known_toy_text
from ldp_tui.adapters.catalogue import BY_ID
from ldp_tui.adapters.gymnasium_family import Ending, Family

LLM_METHODS: Final = ("get_observation_schema", "get_action_schema", "get_goal_description")
"""With these an environment describes itself, as gym-llm's do."""

_REAL_TIME_FPS: Final = 10
"""An environment of nobody's family runs in real time when its pictures do and doing nothing is an action."""

_FAMILIES: Final[dict[str, Callable[[Any], Family]]] = {
    "gymnasium.envs.toy_text.taxi.TaxiEnv": lambda _: known_toy_text.TAXI,
    "gymnasium.envs.toy_text.frozen_lake.FrozenLakeEnv": lambda _: known_toy_text.FROZEN_LAKE,
    "gymnasium.envs.toy_text.cliffwalking.CliffWalkingEnv": lambda _: known_toy_text.CLIFF_WALKING,
    "gymnasium.envs.toy_text.blackjack.BlackjackEnv": lambda _: known_toy_text.BLACKJACK,
    "gymnasium.envs.classic_control.cartpole.CartPoleEnv": lambda _: known_control.CART_POLE,
    "gymnasium.envs.classic_control.mountain_car.MountainCarEnv": lambda _: known_control.MOUNTAIN_CAR,
    "gymnasium.envs.classic_control.continuous_mountain_car.Continuous_MountainCarEnv": (
        lambda _: known_control.MOUNTAIN_CAR_CONTINUOUS
    ),
    "gymnasium.envs.classic_control.pendulum.PendulumEnv": lambda _: known_control.PENDULUM,
    "gymnasium.envs.classic_control.acrobot.AcrobotEnv": lambda _: known_control.ACROBOT,
    "gymnasium.envs.box2d.lunar_lander.LunarLander": (
        lambda env: known_control.LUNAR_LANDER_CONTINUOUS if env.continuous else known_control.LUNAR_LANDER
    ),
    "gymnasium.envs.box2d.bipedal_walker.BipedalWalker": lambda _: known_control.BIPEDAL_WALKER,
    "gymnasium.envs.box2d.car_racing.CarRacing": (
        lambda env: known_control.CAR_RACING if env.continuous else known_control.CAR_RACING_DISCRETE
    ),
}


def family_of(env: gymnasium.Env[Any, Any]) -> Family:
    """All that is known about an environment's words. A wrapper or subclass that changes a space loses its names."""
    inner = env.unwrapped
    family = next((_FAMILIES[name](inner) for name in _class_names(inner) if name in _FAMILIES), None)
    if family is None:
        family = _derived(env)
    if env.observation_space != inner.observation_space or not isinstance(inner.observation_space, family.observes):
        family = replace(family, observe=None, variables=())
    if env.action_space != inner.action_space:
        family = replace(family, actions=(), components=(), keys={}, idle=())
    own = providing(env, LLM_METHODS)
    return family if own is None else _described_by_itself(family, own, env.action_space)


def _class_names(inner: object) -> list[str]:
    return [f"{cls.__module__}.{cls.__qualname__}" for cls in type(inner).__mro__]


def _derived(env: gymnasium.Env[Any, Any]) -> Family:
    meanings = _action_meanings(env)
    space, idle = env.action_space, tuple[Any, ...]()
    if (env.metadata or {}).get("render_fps", 0) >= _REAL_TIME_FPS:
        if (
            isinstance(space, spaces.Box)
            and len(space.shape) == 1
            and (space.low <= 0).all()
            and (space.high >= 0).all()
        ):
            idle = (0.0 if space.low.size == 1 else [0.0] * space.low.size,)
        elif "NOOP" in meanings:
            idle = ("NOOP",)
    return Family(goal=_goal_of_class, actions=meanings, components=_actuators(env.unwrapped), idle=idle)


def _action_meanings(env: gymnasium.Env[Any, Any]) -> tuple[str, ...]:
    provider = providing(env, ("get_action_meanings",))
    return tuple(str(meaning) for meaning in provider.get_action_meanings()) if provider is not None else ()


def _actuators(inner: Any) -> tuple[str, ...]:
    model = getattr(inner, "model", None)
    if not type(inner).__module__.startswith("gymnasium.envs.mujoco.") or model is None:
        return ()
    return tuple(model.actuator(i).name or model.joint(model.actuator_trnid[i, 0]).name for i in range(model.nu))


def _goal_of_class(inner: Any) -> str:
    spec = getattr(inner, "spec", None)
    if spec is not None and spec.id in BY_ID:
        return BY_ID[spec.id].description
    if type(inner).__module__.startswith("ale_py."):
        return f"Atari game {spec.id if spec is not None else ''}. Reward: the points of the game."
    own_text = inspect.cleandoc(vars(type(inner)).get("__doc__") or "").split("\n\n")[0]
    name = spec.id if spec is not None else type(inner).__name__
    return f"Environment {name}. {own_text or 'Choose actions that make the sum of rewards large.'}"


def succeeded(env: gymnasium.Env[Any, Any], family: Family, ending: Ending) -> bool | None:
    """Whether a finished episode reached its goal: by the family's rule, else by the reward threshold, else None."""
    if family.success is not None:
        return family.success(ending)
    threshold = env.spec.reward_threshold if env.spec is not None else None
    return None if threshold is None else ending.return_ >= threshold


def providing(env: gymnasium.Env[Any, Any], methods: tuple[str, ...]) -> Any | None:
    """The outermost layer of a wrapped environment that has all the methods."""
    layer: Any = env
    while True:
        if all(callable(getattr(type(layer), method, None)) for method in methods):
            return layer
        if not isinstance(layer, gymnasium.Wrapper):
            return None
        layer = layer.env


def _described_by_itself(family: Family, own: Any, action_space: spaces.Space[Any]) -> Family:
    observations: Mapping[str, Any] = own.get_observation_schema()
    actions: Mapping[Any, Any] = own.get_action_schema()
    goal = inspect.cleandoc(str(own.get_goal_description()))
    listed = "\n".join(f"- {name}: {_schema_text(schema)}" for name, schema in observations.items())
    text = f"{goal}\n\nObservations:\n{listed}"
    described = replace(family, goal=lambda _: text, observe=None, variables=())
    names = dict(sorted((int(key), str(name)) for key, name in actions.items()))
    if not isinstance(action_space, spaces.Discrete) or len(names) != int(action_space.n):
        return described
    return _renamed(described, tuple(names.values()))


def _renamed(family: Family, names: tuple[str, ...]) -> Family:
    """The family with other names for the same actions, its keys included."""
    if len(family.actions) != len(names):
        return replace(family, actions=names, keys={}, idle=())
    new = dict(zip(family.actions, names, strict=True))
    keys = {key: new[name] for key, name in family.keys.items()}
    return replace(family, actions=names, keys=keys, idle=tuple(new[name] for name in family.idle))


def _schema_text(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return str(schema)
    size = f" × {schema['size']}" if schema.get("size", 1) != 1 else ""
    kind = f" ({schema['type']}{size})" if "type" in schema else ""
    return f"{schema.get('description', '')}{kind}"
