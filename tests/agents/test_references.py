"""Reference rows for leaderboards."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import TransformReward

from ldp_tui.agents.references import reference_values, reference_values_of


def values(*args):
    return {reference.name: reference.value for reference in reference_values(*args)}


def test_known_rules_give_random_and_optimal():
    """Blackjack's two rows are exact, without n or interval."""
    references = reference_values("Blackjack-v1", {}, None)
    assert [(r.name, r.how, r.n, r.ci95) for r in references] == [
        ("random", "exact", None, None),
        ("optimal", "exact", None, None),
    ]


def test_options_of_the_environment_count():
    """`sab=False` moves Blackjack's optimum by 0.0034."""
    assert values("Blackjack-v1", {"sab": False}, None)["optimal"] == pytest.approx(-0.046556, abs=1e-5)


def test_a_tighter_step_limit_counts():
    """Fifty steps of a random taxi lose 196.6, of a masked one 49.4."""
    row = values("Taxi-v4", {}, 50)
    assert row["random"] == pytest.approx(-196.617, abs=1e-2)
    assert row["mask-random"] == pytest.approx(-49.417, abs=1e-2)
    assert row["optimal"] == pytest.approx(7.93, abs=1e-6)


def test_a_looser_step_limit_does_not_count():
    """The environment's own 100 steps stay in force."""
    assert values("FrozenLake-v1", {}, 10_000) == values("FrozenLake-v1", {}, None)


def test_a_replaced_step_limit_counts():
    """The limit an environment was made with takes the place of the registered one."""
    assert values("FrozenLake-v1", {"max_episode_steps": -1}, None)["optimal"] == pytest.approx(14 / 17, abs=1e-6)
    assert values("FrozenLake-v1", {"max_episode_steps": 50}, None)["optimal"] == pytest.approx(0.545909, abs=1e-5)


def test_unknown_rules_give_nothing():
    """No number is made up for CartPole."""
    assert reference_values("CartPole-v1", {}, None) == []


def test_a_map_drawn_anew_gives_nothing_by_name():
    """FrozenLake with a random map has no value before the map is there, and one for the map that is."""
    assert reference_values("FrozenLake-v1", {"map_name": None}, None) == []
    env = gymnasium.make("FrozenLake-v1", map_name=None)
    assert {reference.name for reference in reference_values_of(env)} == {"random", "optimal"}


def test_a_goal_out_of_reach_is_worth_nothing():
    """A walled-in start leaves both players with 0."""
    row = values("FrozenLake-v1", {"desc": ["SFHF", "FHHF", "HHFF", "FFFG"]}, None)
    assert row == {"random": 0.0, "optimal": 0.0}


def test_a_player_that_may_wander_for_ever_has_no_row():
    """Without a step limit, a hole or a goal, random play never ends, so only the optimum is given."""
    env = gymnasium.make("FrozenLake-v1", desc=["SF", "FF"], max_episode_steps=-1)
    assert {reference.name: reference.value for reference in reference_values_of(env)} == {"optimal": 0.0}


def test_changed_rewards_are_not_the_known_game():
    """A wrapper that alters rewards makes the rules unknown."""
    env = TransformReward(gymnasium.make("Taxi-v4"), lambda reward: reward / 10)
    assert reference_values_of(env) == []


def episode(env, choose, seed):
    observation, info = env.reset(seed=seed)
    total = 0.0
    while True:
        observation, reward, terminated, truncated, info = env.step(choose(observation, info))
        total += float(reward)
        if terminated or truncated:
            return total


CASES = [
    ("Blackjack-v1", {}, None, "random"),
    ("Blackjack-v1", {"sab": False, "natural": True}, None, "random"),
    ("FrozenLake-v1", {}, None, "random"),
    ("CliffWalking-v1", {}, 50, "random"),
    ("Taxi-v4", {}, 50, "random"),
    ("Taxi-v4", {"is_rainy": True}, 50, "mask-random"),
    ("Taxi-v4", {"fickle_passenger": True}, 200, "mask-random"),
]


def simulated(env_id, kwargs, limit, player, episodes):
    """Mean and standard error of uniform play on the real environment."""
    env = gymnasium.make(env_id, **kwargs, **({"max_episode_steps": limit} if limit else {}))
    rng = np.random.default_rng(7)
    actions = int(env.action_space.n)

    def choose(_observation, info):
        if player == "mask-random":
            return int(rng.choice(np.flatnonzero(info["action_mask"])))
        return int(rng.integers(actions))

    returns = np.array([episode(env, choose, seed) for seed in range(episodes)])
    return returns.mean(), returns.std(ddof=1) / np.sqrt(episodes)


@pytest.mark.parametrize(("env_id", "kwargs", "limit", "player"), CASES)
def test_exact_values_agree_with_a_short_simulation(env_id, kwargs, limit, player):
    """The exact value lies within four standard errors of what the environment itself gives."""
    mean, error = simulated(env_id, kwargs, limit, player, 400)
    assert abs(values(env_id, kwargs, limit)[player] - mean) < 4 * error + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(("env_id", "kwargs", "limit", "player"), CASES)
def test_exact_values_agree_with_a_long_simulation(env_id, kwargs, limit, player):
    """The same with 20 000 episodes."""
    mean, error = simulated(env_id, kwargs, limit, player, 20_000)
    assert abs(values(env_id, kwargs, limit)[player] - mean) < 4 * error + 1e-9
