from __future__ import annotations

import subprocess
import sys
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from ldp_tui.adapters.gymnasium_make import RemovedVersion, make_gymnasium
from ldp_tui.core.environment import Picture
from ldp_tui.core.errors import MissingExtra, UnknownName, UsageError


@pytest.mark.parametrize(
    ("id_", "replacement"),
    [
        ("Taxi-v3", "Taxi-v4"),
        ("LunarLander-v2", "LunarLander-v3"),
        ("Ant-v3", "Ant-v5"),
        ("CartPole-v7", "CartPole-v1"),
    ],
)
def test_version_that_is_gone(id_: str, replacement: str) -> None:
    """The sentence says which version to use."""
    with pytest.raises(RemovedVersion, match=f"^Gymnasium has no {id_}; use {replacement}.$"):
        make_gymnasium(id_)


@pytest.mark.parametrize(
    ("id_", "nearest"), [("Taxy-v4", "Taxi-v4"), ("frozenlake", "FrozenLake-v1"), ("cartpole-v1", "CartPole-v1")]
)
def test_unknown_id(id_: str, nearest: str) -> None:
    """The sentence names the nearest id."""
    with pytest.raises(UnknownName, match=rf"^Unknown environment '{id_}'\. Did you mean .*{nearest}"):
        make_gymnasium(id_)


@pytest.mark.parametrize("id_", ["", "no such thing", "a/b/c", "GymV21Environment-v0"])
def test_id_that_cannot_be_one(id_: str) -> None:
    """It is unknown, whatever it looks like."""
    with pytest.raises(UnknownName, match=r"^Unknown environment"):
        make_gymnasium(id_)


def test_id_without_version() -> None:
    """It means the newest version, without a warning."""
    env = make_gymnasium("CartPole", render=False)
    assert env.spec is not None
    assert env.spec.id == "CartPole-v1"


def test_old_version_that_still_exists() -> None:
    """It is made as asked for, without a warning."""
    env = make_gymnasium("CartPole-v0", render=False)
    assert env.spec is not None
    assert (env.spec.id, env.spec.max_episode_steps) == ("CartPole-v0", 200)


def test_argument_that_the_environment_does_not_know() -> None:
    """The sentence names it."""
    with pytest.raises(
        UsageError, match=r"^Unknown option 'gravity' of CartPole-v1\. Available: sutton_barto_reward\.$"
    ):
        make_gymnasium("CartPole-v1", kwargs={"gravity": 3})


def test_argument_with_an_impossible_value() -> None:
    """The sentence shows the value and the reason."""
    with pytest.raises(UsageError, match=r"^FrozenLake-v1 cannot be made with map_name='5x5': "):
        make_gymnasium("FrozenLake-v1", kwargs={"map_name": "5x5"})


def test_module_that_cannot_be_imported() -> None:
    """The sentence names the module."""
    with pytest.raises(UsageError, match=r"^Module 'no_such_module', named to register environments"):
        make_gymnasium("no_such_module:Thing-v0")


def test_package_that_is_missing() -> None:
    """A fresh process without the package gets the command to type, for each kind of extra."""
    script = """
import sys
for name in ("mujoco", "jax", "flax", "ale_py"):
    sys.modules[name] = None
from ldp_tui.adapters.gymnasium_make import make_gymnasium
from ldp_tui.core.errors import MissingExtra
for id_ in ("ALE/Pong-v5", "PongNoFrameskip-v4", "Hopper-v5", "phys2d/CartPole-v1", "tabular/Blackjack-v0"):
    try:
        make_gymnasium(id_)
    except MissingExtra as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [
        "ALE/Pong-v5 needs an optional package; install it with: pip install 'ldp-tui[atari]'",
        "PongNoFrameskip-v4 needs an optional package; install it with: pip install 'ldp-tui[atari]'",
        "Hopper-v5 needs an optional package; install it with: pip install 'gymnasium[mujoco]'",
        "phys2d/CartPole-v1 needs an optional package; install it with: pip install 'gymnasium[jax]'",
        "tabular/Blackjack-v0 needs an optional package; install it with: pip install 'gymnasium[jax]'",
    ]
    assert issubclass(MissingExtra, UsageError)


class Blinker(gymnasium.Env[Any, Any]):
    """Draws grey pictures with values from 0 to 1."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 30}
    observation_space = spaces.Discrete(2)
    action_space = spaces.Box(-1.0, 1.0, (2,))

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return 0, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return 1, 0.0, False, False, {}

    def render(self) -> Any:
        return np.array([[0.0, 0.5], [1.0, 2.0], [0.2, 0.4]])


@pytest.fixture
def blinker() -> Any:
    gymnasium.register("Blinker-v0", lambda render_mode=None: Blinker(render_mode))
    yield "Blinker-v0"
    del gymnasium.registry["Blinker-v0"]


async def test_environment_registered_as_a_function(blinker: str) -> None:
    """It draws too, though what it can draw is known only once it is made; grey becomes RGB."""
    env = GymnasiumEnvironment.make(blinker)
    await env.reset()
    assert env.render() == Picture(2, 3, bytes(v for grey in (0, 127, 255, 255, 51, 102) for v in (grey,) * 3))
    assert GymnasiumEnvironment.make(blinker, render=False).gym_env.render_mode is None


async def test_keys_guessed_from_a_short_vector(blinker: str) -> None:
    """Each entry gets a key for its most and one for its least, and doing nothing is zero."""
    env = GymnasiumEnvironment.make(blinker, render=False)
    await env.reset()
    assert {key: call.function.arguments["action"] for key, call in env.keys().items()} == {
        "space": [0.0, 0.0], "q": [1.0, 0.0], "a": [-1.0, 0.0], "w": [0.0, 1.0], "s": [0.0, -1.0],
    }  # fmt: skip
    assert env.noop is not None
    assert env.noop.function.arguments == {"action": [0.0, 0.0]}
    assert env.realtime_fps == 30.0
