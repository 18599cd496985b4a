"""A Gymnasium environment as JSON: completely enough to make it again, and in words for a language model."""

from __future__ import annotations

import importlib.metadata
import inspect
from functools import cache
from typing import Any, Final

import gymnasium

from ldp_tui.adapters.gymnasium_family import Family
from ldp_tui.adapters.gymnasium_names import LLM_METHODS, providing
from ldp_tui.adapters.plain import plain
from ldp_tui.adapters.spaces import Codec, DiscreteCodec, Role, codec_for

_ENGINES: Final = {"box2d": "Box2D", "mujoco": "mujoco", "phys2d": "jax", "tabular": "jax"}


def description_of(env: gymnasium.Env[Any, Any], **settings: Any) -> dict[str, Any]:
    """Name, kind, spec, packages, spaces and determinism; `settings` join the spec. How it renders is left out."""
    spec, inner = env.spec, type(env.unwrapped)
    class_name = f"{inner.__module__}:{inner.__qualname__}"
    kwargs = {name: value for name, value in spec.kwargs.items() if name != "render_mode"} if spec is not None else {}
    return {
        "name": spec.id if spec is not None else class_name,
        "kind": "gymnasium",
        "spec": {
            "class": class_name,
            "kwargs": plain(kwargs),
            "max_steps": spec.max_episode_steps if spec is not None else None,
            "reward_threshold": plain(spec.reward_threshold) if spec is not None else None,
            **settings,
        },
        "packages": dict(_packages(inner.__module__)),
        "observation_space": _space(env.observation_space, "observation"),
        "action_space": _space(env.action_space, "action"),
        "deterministic": None if spec is None else not spec.nondeterministic,
    }


def goal_words(env: gymnasium.Env[Any, Any], family: Family) -> str:
    """Rules and rewards: the environment's own words, else its family's."""
    own = providing(env, LLM_METHODS)
    return family.goal(env.unwrapped) if own is None else inspect.cleandoc(str(own.get_goal_description()))


def observation_words(env: gymnasium.Env[Any, Any], family: Family) -> dict[str, Any]:
    """What is observed, part by part: the environment's own schema, else one derived from its space."""
    own = providing(env, LLM_METHODS)
    if own is not None:
        return dict(plain(own.get_observation_schema()))
    space = env.observation_space
    if family.observe is not None:
        return {"observation": {"description": "The state in words.", "type": "text"}}
    if family.variables and isinstance(space, gymnasium.spaces.Box):
        bounds = zip(family.variables, space.low.tolist(), space.high.tolist(), strict=True)
        return {name: {"type": "float", "low": _bound(low), "high": _bound(high)} for name, low, high in bounds}
    return {"observation": {"description": str(space), **codec_for(space).schema}}


def action_words(codec: Codec) -> dict[Any, Any]:
    """What can be done: a name for each number of a Discrete space, else the JSON Schema of an action."""
    if not isinstance(codec, DiscreteCodec):
        return dict(codec.schema)
    return {number: str(codec.encode(number)) for number in range(codec.start, codec.start + codec.n)}


def _bound(bound: float) -> float | None:
    """Four digits of it; None where a space writes "no bound" as infinity or as the largest float."""
    return float(f"{bound:.4g}") if abs(bound) < 1e30 else None


def _space(space: gymnasium.spaces.Space[Any], role: Role) -> dict[str, Any]:
    return {"space": str(space), "schema": codec_for(space, role=role).schema}


@cache
def _packages(module: str) -> tuple[tuple[str, str], ...]:
    names = {"gymnasium", "numpy", module.partition(".")[0]}
    if module.startswith("gymnasium.envs.") and (engine := _ENGINES.get(module.split(".")[2])) is not None:
        names.add(engine)
    versions = []
    for name in sorted(names):
        try:
            versions.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:  # a module of the user's own
            continue
    return tuple(versions)
