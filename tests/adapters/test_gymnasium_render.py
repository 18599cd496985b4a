from __future__ import annotations

import subprocess
import sys

import gymnasium
import numpy as np
import pytest

from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from ldp_tui.adapters.gymnasium_render import _Drawing, drawing, picture_of
from ldp_tui.core.environment import Picture

TWO_LANES = """
import asyncio, sys, threading
from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from ldp_tui.core.tool_calls import ToolRequestMessage

failures, together = [], threading.Barrier(2)

async def play(id_):
    env = GymnasiumEnvironment.make(id_)
    await env.reset(seed=0)
    together.wait(20)
    for _ in range(3):
        assert env.render() is not None
        call = env.call_for(env.gym_env.action_space.sample())
        await env.step(ToolRequestMessage(tool_calls=[call]))
    await env.close()

def lane(id_):
    try:
        asyncio.run(play(id_))
    except BaseException as error:
        failures.append(repr(error))
        together.abort()

lanes = [threading.Thread(target=lane, args=(id_,)) for id_ in sys.argv[1:]]
for thread in lanes:
    thread.start()
for thread in lanes:
    thread.join(30)
print(failures or "both drew")
"""


def two_lanes(*ids: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TWO_LANES, *ids], capture_output=True, text=True, timeout=60, check=False
    )
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize("attempt", range(10))
def test_two_lanes_that_draw_their_first_picture_at_once(attempt: int) -> None:
    """In a fresh process, neither meets half-imported parts of pygame."""
    assert two_lanes("CartPole-v1", "CartPole-v1") == "both drew"


@pytest.mark.parametrize("other", ["CartPole-v1", "Taxi-v4", "LunarLander-v3"])
def test_lane_that_closes_while_another_draws(other: str) -> None:
    """Closing one shuts pygame down, and the other, which needs fonts, goes on drawing."""
    assert two_lanes("CarRacing-v3", other) == "both drew"


def test_environment_derived_from_one_that_draws_with_pygame() -> None:
    """It takes part in the lock, and draws without looking for a display."""
    taxi = type("OwnTaxi", (type(gymnasium.make("Taxi-v4").unwrapped),), {"__module__": "own"})

    assert isinstance(drawing(taxi(render_mode="rgb_array")), _Drawing)


async def test_fonts_after_another_environment_closed() -> None:
    """CarRacing draws its counter with fonts, also after the end of a neighbour."""
    racing, neighbour = GymnasiumEnvironment.make("CarRacing-v3"), GymnasiumEnvironment.make("CartPole-v1")
    await racing.reset(seed=0)
    await neighbour.reset(seed=0)
    assert isinstance(racing.render(), Picture)
    assert isinstance(neighbour.render(), Picture)
    await neighbour.close()
    assert isinstance(racing.render(), Picture)
    await racing.close()


@pytest.mark.parametrize("id_", ["FrozenLake-v1", "Taxi-v4", "CliffWalking-v1"])
async def test_text_or_picture(id_: str) -> None:
    """Toy-text environments give either at each call: a picture unless text is preferred."""
    env = GymnasiumEnvironment.make(id_)
    await env.reset(seed=0)
    assert isinstance(env.render(), Picture)
    assert isinstance(env.render("text"), str)
    assert isinstance(env.render("rgb"), Picture)
    assert env.gym_env.unwrapped.render_mode == "rgb_array"
    await env.close()


async def test_environment_made_to_draw_text() -> None:
    """Its mode is respected."""
    env = GymnasiumEnvironment.make("Taxi-v4", render_mode="ansi")
    await env.reset(seed=0)
    assert isinstance(env.render(), str)


async def test_environment_made_not_to_draw() -> None:
    """There is nothing to see."""
    env = GymnasiumEnvironment.make("CartPole-v1", render=False)
    await env.reset(seed=0)
    assert env.render() is None


@pytest.mark.parametrize(
    "array",
    [
        np.full((2, 3), 7, np.uint8),
        np.full((2, 3, 1), 7, np.uint8),
        np.full((2, 3, 3), 7, np.uint8),
        np.full((2, 3, 4), 7, np.uint8),
        np.full((2, 3), 7 / 255),
        np.full((3, 2, 3), 7, np.uint8).transpose(1, 0, 2),
    ],
)
def test_picture_of_an_array(array: np.ndarray) -> None:
    """Grey, one-channel, RGB, RGBA, float and transposed arrays become row-major RGB."""
    assert picture_of(array) == Picture(3, 2, bytes([7] * 18))
