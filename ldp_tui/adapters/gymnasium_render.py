"""Pictures and text from Gymnasium environments, safe for several environments in several threads."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, Final, Literal

import gymnasium
import numpy as np

from ldp_tui.core.environment import Picture

Prefer = Literal["rgb", "text"]

_DISPLAY: Final = {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy", "PYGAME_HIDE_SUPPORT_PROMPT": "1"}
_PYGAME_MODULES: Final = ("surfarray", "image", "font", "draw", "gfxdraw", "transform", "time", "display", "math")
_PYGAME_LOCK: Final = threading.RLock()


def use_no_display() -> None:
    """Keep SDL off screen and speakers; what the user has set stays. Must run before pygame is imported."""
    for variable, value in _DISPLAY.items():
        os.environ.setdefault(variable, value)


def drawing(env: gymnasium.Env[Any, Any]) -> AbstractContextManager[object]:
    """Hold this while an environment renders or closes.

    Environments import parts of pygame at their first picture and shut all of pygame down when they close; in two
    threads at once the first fails with half-imported modules and the second takes the fonts away from the other.
    """
    return _Drawing() if _uses_pygame(env) else nullcontext()


def draws_observations(env: gymnasium.Env[Any, Any]) -> bool:
    """Whether what the environment observes is a picture that pygame draws, so that it draws in every step."""
    return len(env.unwrapped.observation_space.shape or ()) >= 2 and _uses_pygame(env)


def render_modes(env: gymnasium.Env[Any, Any]) -> tuple[str, ...]:
    """The modes that the environment declares."""
    return tuple((env.metadata or {}).get("render_modes") or ())


def rendered(env: gymnasium.Env[Any, Any], prefer: Prefer | None = None) -> Picture | str | None:
    """What the environment draws: a picture where it can, else its text, else None.

    Toy-text environments choose their mode at each call, so either can be had of one instance; all others draw in
    the mode that they were made with.
    """
    mode = env.render_mode
    wanted = {"rgb": "rgb_array", "text": "ansi", None: mode}[prefer]
    with drawing(env):
        if wanted != mode and wanted in render_modes(env) and _is_toy_text(env):
            return _as_shown(_in_mode(env.unwrapped, wanted))
        return _as_shown(env.render()) if mode not in {None, "human"} else None


def picture_of(array: Any) -> Picture:
    """Picture of an array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); floats are taken as 0 to 1."""
    pixels = np.asarray(array)
    if pixels.dtype != np.uint8:
        scaled = pixels * 255.0 if pixels.dtype.kind == "f" else pixels
        pixels = np.clip(scaled, 0, 255).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    pixels = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[:, :, :3]
    return Picture(width=pixels.shape[1], height=pixels.shape[0], rgb=pixels.tobytes())


class _Drawing(AbstractContextManager[object]):
    """The one lock on pygame, with every module and the fonts ready inside."""

    def __enter__(self) -> None:
        _PYGAME_LOCK.acquire()
        font = _pygame_font()
        if not font.get_init():
            font.init()

    def __exit__(self, *_: object) -> None:
        _PYGAME_LOCK.release()


@cache
def _pygame_font() -> Any:
    use_no_display()
    for name in _PYGAME_MODULES:
        importlib.import_module(f"pygame.{name}")
    return importlib.import_module("pygame.font")


def _uses_pygame(env: gymnasium.Env[Any, Any]) -> bool:
    return any(_draws_with_pygame(kind.__module__) for kind in type(env.unwrapped).__mro__)


def _draws_with_pygame(module: str) -> bool:
    if module.startswith("gymnasium.envs."):
        return not module.startswith("gymnasium.envs.mujoco.")
    return "pygame" in vars(sys.modules.get(module, sys))


def _is_toy_text(env: gymnasium.Env[Any, Any]) -> bool:
    return any(cls.__module__.startswith("gymnasium.envs.toy_text.") for cls in type(env.unwrapped).__mro__)


def _in_mode(env: Any, mode: str) -> Any:
    before, env.render_mode = env.render_mode, mode
    try:
        return env.render()
    finally:
        env.render_mode = before


def _as_shown(drawn: Any) -> Picture | str | None:
    if isinstance(drawn, list):
        drawn = drawn[-1] if drawn else None
    return picture_of(drawn) if isinstance(drawn, np.ndarray) else drawn
