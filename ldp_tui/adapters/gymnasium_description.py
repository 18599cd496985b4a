"""A Gymnasium environment as JSON, completely enough to make it again."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from typing import Any, Final

import gymnasium

from ldp_tui.adapters.plain import plain
from ldp_tui.adapters.spaces import Role, codec_for

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
