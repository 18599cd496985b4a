"""Blackjack, Taxi and Lunar Lander in gym-llm's form: true texts, decoded observations, scripted players that win."""

from __future__ import annotations

from collections import deque
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.box2d.lunar_lander import heuristic
from gymnasium.utils.env_checker import check_env as gymnasium_check

from envs import blackjack_llm, lunar_lander_llm, taxi_llm
from ldp_tui import Picture
from ldp_tui.adapters.gymnasium_env import GymnasiumEnvironment
from tests.envs.calls import call

MODULES = [blackjack_llm, taxi_llm, lunar_lander_llm]
ORIGINALS = {"BlackjackLLM-v1": "Blackjack-v1", "TaxiLLM-v4": "Taxi-v4", "LunarLanderLLM-v3": "LunarLander-v3"}


@pytest.fixture(params=MODULES, ids=lambda module: module.__name__)
def env(request: pytest.FixtureRequest) -> Any:
    made = request.param.make()
    yield made
    made.close()


def test_three_methods(env: gymnasium.Env[Any, Any]) -> None:
    """The schemas cover the observation and action spaces exactly, in gym-llm's shape; the goal has no placeholder."""
    inner: Any = env.unwrapped
    schema = inner.get_observation_schema()
    assert isinstance(env.observation_space, gymnasium.spaces.Dict)
    assert schema.keys() == env.observation_space.spaces.keys()
    for name, entry in schema.items():
        assert entry.keys() == {"description", "type", "size"}
        assert entry["type"] in {"int", "float", "bool"}
        assert entry["size"] == int(np.prod(env.observation_space[name].shape or (1,)))
    assert isinstance(env.action_space, gymnasium.spaces.Discrete)
    assert list(inner.get_action_schema()) == list(range(int(env.action_space.n)))
    goal = inner.get_goal_description()
    assert len(goal) > 300
    assert "{" not in goal


@pytest.mark.filterwarnings("ignore:.*render.*", "ignore:.*not within the observation space.*")
def test_gymnasium_conformance(env: gymnasium.Env[Any, Any]) -> None:
    """Gymnasium's own checker accepts the environment."""
    gymnasium_check(env.unwrapped, skip_render_check=True)


def test_same_game_as_the_original(env: gymnasium.Env[Any, Any]) -> None:
    """The same seed and actions give the original's rewards and flags, and its observation in other clothes."""
    assert env.spec is not None
    kwargs = {"sab": True} if env.spec.id.startswith("Blackjack") else {}
    original = gymnasium.make(ORIGINALS[env.spec.id], **kwargs)
    for seed in range(5):
        observation, _ = env.reset(seed=seed)
        expected, _ = original.reset(seed=seed)
        for action in (1, 0, 2, 1, 3, 2) if env.action_space.n > 2 else (1, 1, 0):  # type: ignore[attr-defined]
            assert observation in env.observation_space
            assert np.allclose(_flat(observation), _flat_original(original, expected))
            observation, reward, terminated, _, _ = env.step(action)
            expected, wanted, ended, _, _ = original.step(action)
            assert (reward, terminated) == (wanted, ended)
            if terminated:
                break
    original.close()


def _flat(observation: dict[str, Any]) -> list[float]:
    return [float(number) for value in observation.values() for number in np.ravel(value)]


def _flat_original(original: gymnasium.Env[Any, Any], observation: Any) -> list[float]:
    if original.spec is not None and original.spec.id == "Taxi-v4":
        return [float(number) for number in original.unwrapped.decode(observation)]  # type: ignore[attr-defined]
    return [float(number) for number in observation]


@pytest.mark.parametrize(("module", "limit"), [(taxi_llm, 50), (lunar_lander_llm, 80)])
def test_step_limit(module: Any, limit: int) -> None:
    """gym-llm's limit truncates by default; it is an option, and None removes it."""
    assert module.make().spec.max_episode_steps == limit
    assert module.make(max_steps=None).spec.max_episode_steps is None
    env = module.make(max_steps=3)
    env.reset(seed=0)
    assert [env.step(0)[3] for _ in range(3)] == [False, False, True]


async def test_adapted_environment(env: gymnasium.Env[Any, Any]) -> None:
    """It tells the goal, offers the named actions, and draws a picture."""
    adapted = GymnasiumEnvironment(env)
    messages, tools = await adapted.reset(seed=0)
    inner: Any = env.unwrapped
    assert inner.get_goal_description() in (messages[0].content or "")
    assert tools[0].info.get_properties()["action"]["enum"] == list(inner.get_action_schema().values())
    assert isinstance(adapted.render(), Picture)


def test_blackjack_start_ranges() -> None:
    """Hands start at 4 to 21 and the dealer shows 1 to 10, as the texts say."""
    env = blackjack_llm.make(render_mode=None)
    starts = [env.reset(seed=seed)[0] for seed in range(3000)]
    assert {start["players_sum"] for start in starts} == set(range(4, 22))
    assert {start["dealers_card"] for start in starts} == set(range(1, 11))
    assert {start["players_sum"] for start in starts if start["usable_ace"]} == set(range(12, 22))
    schema = env.unwrapped.get_observation_schema()  # type: ignore[attr-defined]
    assert "4 to 21" in schema["players_sum"]["description"]
    assert "1 (an ace) to 10" in schema["dealers_card"]["description"]


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({}, blackjack_llm.WINS_AT_ONCE),
        ({"sab": False, "natural": True}, blackjack_llm.PAYS_MORE),
        ({"sab": False}, blackjack_llm.COUNTS_AS_21),
    ],
)
def test_blackjack_rule_for_naturals(rules: dict[str, bool], sentence: str) -> None:
    """The goal tells the rule that is in force."""
    assert sentence in blackjack_llm.make(**rules).unwrapped.get_goal_description()  # type: ignore[attr-defined]


async def test_blackjack_player_who_hits_below_17() -> None:
    """The player wins some of 40 hands, and success is a win."""
    env = GymnasiumEnvironment(blackjack_llm.make())
    outcomes = []
    for seed in range(40):
        await env.reset(seed=seed)
        done = False
        while not done:
            action = "hit" if env.native_observation["players_sum"] < 17 else "stick"
            _, reward, done, _ = await call(env, "act", action=action)
        outcomes.append(reward)
        assert env.success() is (reward > 0)
    assert set(outcomes) <= {-1.0, 0.0, 1.0}
    assert outcomes.count(1.0) >= 10


def taxi_plan(env: Any) -> list[int]:
    """Shortest sequence of actions to the delivery, by breadth-first search over the transition table."""
    inner = env.unwrapped
    plans: dict[int, list[int]] = {inner.s: []}
    queue = deque([inner.s])
    while queue:
        state = queue.popleft()
        for action in range(6):
            ((_, following, reward, terminated),) = inner.P[state][action]
            if terminated:
                return [*plans[state], action]
            if reward == -1 and following not in plans:
                plans[following] = [*plans[state], action]
                queue.append(following)
    raise AssertionError("no way to deliver")


async def test_taxi_player_who_plans() -> None:
    """The player delivers within 50 steps with the best possible return, using legal actions only."""
    adapted = GymnasiumEnvironment(taxi_llm.make())
    names = adapted.gym_env.unwrapped.get_action_schema()  # type: ignore[attr-defined]
    for seed in range(10):
        await adapted.reset(seed=seed)
        plan = taxi_plan(adapted.gym_env)
        total = 0.0
        for action in plan:
            assert {"name": "act", "arguments": {"action": names[action]}} in (adapted.legal_actions() or [])
            _, reward, done, truncated = await call(adapted, "act", action=names[action])
            total += reward
        assert (done, truncated, adapted.success()) == (True, False, True)
        assert total == 21 - len(plan)


def test_taxi_texts_tell_the_map() -> None:
    """Each stop is where the goal says, and the mask agrees with the walls."""
    env = taxi_llm.make()
    inner: Any = env.unwrapped
    for name, (row, column) in zip(taxi_llm.STOPS, inner.locs, strict=True):
        assert f"{name} at row {row}, column {column}" in inner.get_goal_description()
    observation, info = env.reset(seed=1)
    for action in range(4):
        moved = inner.P[inner.s][action][0][1] != inner.s
        assert moved == bool(info["action_mask"][action])
    assert observation.keys() == {"taxi_row", "taxi_column", "passenger", "destination"}


def test_taxi_in_the_rain() -> None:
    """The goal tells the slipping and the fickle passenger only where they are in force."""
    wet: Any = taxi_llm.make(is_rainy=True, fickle_passenger=True).unwrapped
    dry: Any = taxi_llm.make().unwrapped
    assert "probability 20%" in wet.get_goal_description()
    assert "may change the destination" in wet.get_goal_description()
    assert "rain" not in dry.get_goal_description()
    assert "change" not in dry.get_goal_description()


@pytest.mark.parametrize(("action", "sign"), [("left engine", -1), ("right engine", 1)])
def test_lander_engines_push_as_the_goal_says(action: str, sign: int) -> None:
    """The left engine pushes to the left and turns the lander to the left (angle grows); the right one mirrors it."""
    env = lunar_lander_llm.make()
    number = {name: key for key, name in env.unwrapped.get_action_schema().items()}[action]  # type: ignore[attr-defined]

    def after(played: int) -> Any:
        env.reset(seed=1)
        for _ in range(10):
            observation, *_ = env.step(played)
        return observation

    pushed, coasted = after(number), after(0)
    assert np.sign(pushed["lander_cartesian"][2] - coasted["lander_cartesian"][2]) == sign
    assert np.sign(pushed["lander_angular"][0] - coasted["lander_angular"][0]) == -sign
    env.close()


async def test_lander_player_with_gymnasiums_heuristic() -> None:
    """Without the limit of 80 steps it lands with a return above 200."""
    adapted = GymnasiumEnvironment(lunar_lander_llm.make(max_steps=None, render_mode=None))
    names = adapted.gym_env.unwrapped.get_action_schema()  # type: ignore[attr-defined]
    await adapted.reset(seed=0)
    total, done = 0.0, False
    while not done:
        action = int(heuristic(adapted.gym_env.unwrapped, _flat(adapted.native_observation)))
        _, reward, done, _ = await call(adapted, "act", action=names[action])
        total += reward
    assert total > 200
    assert adapted.success() is True
    await adapted.close()
