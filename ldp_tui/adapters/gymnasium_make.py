"""Gymnasium environments by id, with one sentence for each way in which that can fail."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import gymnasium
from gymnasium.envs.registration import EnvSpec, find_highest_version, get_env_id, load_env_creator, parse_env_id

from ldp_tui.adapters.gymnasium_render import use_no_display
from ldp_tui.core.errors import MissingExtra, UnknownName, UsageError
from ldp_tui.core.options import loosely_fitted

_ATARI: Final = re.compile(r"^ALE/|NoFrameskip-|-ram-v\d+$")
_EXTRA_OF_MODULE: Final = {
    "mujoco": "mujoco",
    "jax": "jax",
    "flax": "jax",
    "Box2D": "box2d",
    "pygame": "classic-control",
}


class MissingGymnasiumExtra(MissingExtra):
    """A package that Gymnasium itself offers as an extra."""

    def __init__(self, what: str, extra: str) -> None:
        self.what, self.extra = what, extra
        UsageError.__init__(
            self, f"{what} needs an optional package; install it with: pip install 'gymnasium[{extra}]'"
        )


class RemovedVersion(UsageError):
    """A version that Gymnasium no longer has."""


def make_gymnasium(
    id: str,  # noqa: A002 (Gymnasium's own word)
    *,
    render: bool = True,
    max_episode_steps: int | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> gymnasium.Env[Any, Any]:
    """A registered environment, drawing RGB where it can, else text; `render=False` draws nothing.

    `id` may lead with a module that registers it (`module:Name-v0`). `max_episode_steps` overrides the registered
    limit; -1 means no limit.

    Raises:
        UnknownName: If nothing of that name is registered.
        RemovedVersion: If the name exists in other versions only.
        MissingExtra: If the environment needs a package that is not installed.
        UsageError: If the environment refuses the arguments.
    """
    use_no_display()
    spec = spec_of(id)
    arguments = dict(kwargs or {})
    try:
        return (
            _drawing_best(spec, max_episode_steps, arguments) if render else _made(spec, max_episode_steps, arguments)
        )
    except gymnasium.error.DependencyNotInstalled as error:
        raise MissingGymnasiumExtra(spec.id, _extra_named_in(str(error), spec)) from error
    except ImportError as error:
        raise _import_failure(spec, error) from error
    except (TypeError, ValueError, KeyError, AssertionError, gymnasium.error.Error) as error:
        if unknown := re.search(r"unexpected keyword argument '(\w+)'", str(error)):
            raise UnknownName("option", unknown[1], _options_of(spec), of=spec.id) from error
        raise UsageError(f"{spec.id} cannot be made with {_shown(arguments)}: {_one_line(error)}") from error


def options_as_taken(id: str, options: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 (Gymnasium's own word)
    """What a person typed for the constructor of `id`, checked against its annotations; raises UsageError."""
    if not options:
        return {}
    spec = spec_of(id)
    try:
        creator = _creator(spec)
    except Exception:  # noqa: BLE001 (whatever its import raises, making it will tell in words)
        return dict(options)
    return loosely_fitted(creator, options, of=spec.id)


def spec_of(id: str) -> EnvSpec:  # noqa: A002 (Gymnasium's own word)
    """The registration of an id; an id without version means the newest one. Raises as `make_gymnasium` does."""
    module, _, name = id.rpartition(":")
    if module:
        _import_registrations(module)
    if _ATARI.search(name) and name not in gymnasium.registry:
        _import_atari(name)
    try:
        namespace, stem, version = parse_env_id(name)
    except gymnasium.error.Error:
        raise UnknownName("environment", id, gymnasium.registry) from None
    newest = find_highest_version(namespace, stem)
    if version is None and newest is not None:
        name = get_env_id(namespace, stem, newest)
    spec = gymnasium.registry.get(name)
    if spec is not None and not _is_tombstone(spec):
        return spec
    if newest is not None and version != newest:
        raise RemovedVersion(f"Gymnasium has no {name}; use {get_env_id(namespace, stem, newest)}.")
    raise UnknownName(
        "environment", id, (known.id for known in gymnasium.registry.values() if not _is_tombstone(known))
    )


def _drawing_best(spec: EnvSpec, max_episode_steps: int | None, arguments: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    if "render_mode" in arguments:
        return _made(spec, max_episode_steps, arguments)
    if (mode := _best_mode(_metadata(spec))) is not None:
        return _made(spec, max_episode_steps, {**arguments, "render_mode": mode})
    env = _made(spec, max_episode_steps, arguments)
    if (mode := _best_mode(env.metadata)) is None:
        return env
    env.close()  # the entry point is a function: what it can draw is known only now
    return _made(spec, max_episode_steps, {**arguments, "render_mode": mode})


def _made(spec: EnvSpec, max_episode_steps: int | None, arguments: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    # The adapter checks actions itself, so Gymnasium's passive checker would only cost time.
    return gymnasium.make(spec, max_episode_steps=max_episode_steps, disable_env_checker=True, **arguments)


def _creator(spec: EnvSpec) -> Callable[..., Any]:
    """What makes the environment; a function without parameters where nothing does."""
    creator = load_env_creator(spec.entry_point) if isinstance(spec.entry_point, str) else spec.entry_point
    return creator or (lambda: None)


def _options_of(spec: EnvSpec) -> list[str]:
    return [name for name in inspect.signature(_creator(spec)).parameters if name not in ("render_mode", "kwargs")]


def _metadata(spec: EnvSpec) -> object:
    return getattr(_creator(spec), "metadata", None)


def _best_mode(metadata: object) -> str | None:
    modes = metadata.get("render_modes") or () if isinstance(metadata, dict) else ()
    return next((mode for mode in ("rgb_array", "ansi") if mode in modes), None)


def _is_tombstone(spec: EnvSpec) -> bool:
    """Whether the entry only exists to raise: old MuJoCo versions and bridges to other packages."""
    name = getattr(spec.entry_point, "__name__", "")
    return name.startswith("_raise_")


def _import_registrations(module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(f"Module {module!r}, named to register environments, cannot be imported: {error}.") from error


def _import_atari(name: str) -> None:
    try:
        gymnasium.register_envs(importlib.import_module("ale_py"))
    except ModuleNotFoundError as error:
        raise MissingExtra(name, "atari") from error


def _import_failure(spec: EnvSpec, error: ImportError) -> UsageError:
    missing = (error.name or "").partition(".")[0]
    if missing in _EXTRA_OF_MODULE:
        return MissingGymnasiumExtra(spec.id, _EXTRA_OF_MODULE[missing])
    return UsageError(f"{spec.id} cannot be imported: {_one_line(error)}")


def _extra_named_in(text: str, spec: EnvSpec) -> str:
    named = re.search(r"gymnasium\[([\w-]+)\]", text)
    return named.group(1) if named else str(spec.entry_point).split(".")[2]


def _shown(arguments: Mapping[str, Any]) -> str:
    given = [f"{key}={value!r}" for key, value in arguments.items() if key != "render_mode"]
    return ", ".join(given) or "its default arguments"


def _one_line(error: BaseException) -> str:
    if isinstance(error, KeyError):  # its text is the key alone
        return f"there is no {error}"
    return str(error).strip().partition("\n")[0] or type(error).__name__
