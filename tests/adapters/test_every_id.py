from __future__ import annotations

import json
import subprocess
import sys
from random import Random
from typing import Any

import gymnasium
import pytest

from ldp_tui.adapters.catalogue import BY_ID, CATALOGUE
from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from ldp_tui.agents.schema_sampling import sample_arguments
from ldp_tui.core.environment import Picture
from ldp_tui.core.errors import MissingExtra
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import tool_schema

INSTALLED = [entry.id for entry in CATALOGUE if not entry.extra]
OPTIONAL = [entry.id for entry in CATALOGUE if entry.extra]
TURN_BASED = {entry.id for entry in CATALOGUE if entry.group == "toy text"}


def assert_plain(value: Any) -> None:
    """JSON values of Python's own types, and nothing else."""
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        for item in value.values():
            assert_plain(item)
    elif isinstance(value, list):
        for item in value:
            assert_plain(item)
    else:
        assert type(value) in {str, int, float, bool, type(None)}, type(value)


async def episode(id_: str, seed: int, steps: int = 20) -> list[Any]:
    """What a random player sees and gets, step by step, with everything checked to be plain."""
    env = GymnasiumEnvironment.make(id_, render=False)
    rng = Random(seed)
    observation, tools = await env.reset(seed=seed)
    seen: list[Any] = [(observation[0].content, observation[0].info, env.info())]
    parameters = tool_schema(tools[0])["parameters"]
    for _ in range(steps):
        call = ToolCall.from_name("act", **sample_arguments(parameters, rng))
        env.native_action(call)
        observation, reward, done, truncated = await env.step(ToolRequestMessage(tool_calls=[call]))
        assert "invalid_action" not in env.info(), observation[0].content
        assert [type(reward), type(done), type(truncated)] == [float, bool, bool]
        assert_plain([call.function.arguments, observation[0].info, env.info(), env.legal_actions()])
        seen.append((observation[0].content, observation[0].info, reward, done, truncated, env.info(), env.success()))
        if done or truncated:
            observation, _ = await env.reset(seed=rng.randrange(1000))
    assert_plain(env.describe())
    assert_plain(env.export_frame().model_dump())
    await env.close()
    json.dumps(seen, allow_nan=False)
    return seen


@pytest.mark.parametrize("id_", INSTALLED)
async def test_random_player(id_: str) -> None:
    """Twenty actions sampled from the tool's schema are valid, nothing of numpy comes out, a seed repeats it."""
    assert await episode(id_, seed=3) == await episode(id_, seed=3)


@pytest.mark.parametrize("id_", OPTIONAL)
async def test_environment_that_needs_an_extra(id_: str) -> None:
    """It plays where the extra is installed, and names the command that installs it elsewhere."""
    sentence = None
    try:
        await episode(id_, seed=3, steps=3)
    except MissingExtra as error:
        sentence = str(error)
    extra = BY_ID[id_].extra
    expected = f"{id_} needs an optional package; install it with: pip install 'gymnasium[{extra}]'"
    assert sentence in {None, expected}


@pytest.mark.parametrize("id_", INSTALLED)
async def test_keys(id_: str) -> None:
    """Every key of every environment is a valid action; there are at least two, and doing nothing is valid too."""
    env = GymnasiumEnvironment.make(id_, render=False)
    await env.reset(seed=0)
    keys = env.keys()
    calls = [*keys.values(), *([env.noop] if env.noop else [])]
    assert len({json.dumps(call.function.arguments) for call in keys.values()}) >= 2
    assert {"up", "left", "right", "h", "e"} & keys.keys()
    for call in calls:
        assert env.gym_env.action_space.contains(env.native_action(call))
    assert (env.noop is None) == (id_ in TURN_BASED)
    assert env.realtime_fps is not None
    await env.close()


@pytest.mark.parametrize("id_", INSTALLED)
async def test_picture(id_: str) -> None:
    """Every installed environment draws an RGB picture that shows something."""
    env = GymnasiumEnvironment.make(id_)
    assert env.render() is None
    await env.reset(seed=0)
    picture = env.render()
    assert isinstance(picture, Picture)
    assert len(set(picture.rgb)) > 1
    await env.close()
    await env.close()
    assert env.render() is None


def test_catalogue() -> None:
    """It lists exactly the ids of the installed Gymnasium that can be made, old MuJoCo and bridges left out."""
    playable = {
        spec.id
        for spec in gymnasium.registry.values()
        if not getattr(spec.entry_point, "__name__", "").startswith("_raise_")
        and str(spec.entry_point).startswith("gymnasium.envs.")
    }
    assert {entry.id for entry in CATALOGUE} == playable
    assert len(CATALOGUE) == len(playable)
    assert all(entry.description and entry.actions and entry.observation for entry in CATALOGUE)


def test_listing_the_catalogue() -> None:
    """It imports neither Gymnasium nor numpy, so that the user interface can list it at once."""
    script = (
        "import sys, ldp_tui.adapters.catalogue; print({'gymnasium', 'numpy', 'pygame', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "set()"
