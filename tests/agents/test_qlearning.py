"""Tabular Q-learning: practice, what it reaches, and how it plays."""

from __future__ import annotations

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from ldp_tui.agents.blackjack import HANDS
from ldp_tui.agents.known_games import known_game
from ldp_tui.agents.native import UnsupportedEnvironment
from ldp_tui.agents.planning import evaluate, greedy
from ldp_tui.agents.qlearning import RECIPES, QLearner, learner_for
from ldp_tui.agents.qlearning_player import QLearningAgent
from ldp_tui.core import DummyEnv

from .plain_gym import PlainGym, play


def exact_value(env_id, *, horizon, episodes=None, seed=0, **kwargs):
    """Expected return, computed exactly, of the policy that practice finds."""
    env = gymnasium.make(env_id, **kwargs)
    learner = learner_for(env, seed=seed, episodes=episodes)
    learner.advance(learner.recipe.episodes)
    table = known_game(env).table
    seen = [hand[:3] for hand in HANDS] if env_id == "Blackjack-v1" else range(len(table.start))
    values = np.array([learner.action_values(state) or [0.0] * learner.actions for state in seen])
    return evaluate(table, greedy(values), horizon=horizon)


@pytest.mark.parametrize(
    ("env_id", "kwargs", "horizon", "floor"),
    [
        ("CliffWalking-v1", {}, 1000, -13.0),
        ("CliffWalkingSlippery-v1", {}, 1000, -66.0),
        ("FrozenLake-v1", {"is_slippery": False}, 100, 1.0),
        ("FrozenLake-v1", {}, 100, 0.735),
        ("Taxi-v4", {}, 200, 7.8),
    ],
)
def test_practice_finds_a_policy_near_the_optimum(env_id, kwargs, horizon, floor):
    """The learned policy's exact value reaches what tabular Q-learning is known to reach."""
    assert exact_value(env_id, horizon=horizon, **kwargs) >= floor - 1e-9


def test_a_short_practice_already_beats_simple_blackjack_rules():
    """Twenty thousand hands are enough to beat drawing to 12 (−0.102)."""
    assert exact_value("Blackjack-v1", horizon=None, episodes=20_000) > -0.1


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_full_practice_plays_blackjack_almost_perfectly(seed):
    """The exact value lies within 0.006 of the optimum."""
    assert exact_value("Blackjack-v1", horizon=None, seed=seed) > -0.0431 - 0.006


@pytest.mark.slow
def test_practice_crosses_the_large_lake():
    """On the slippery 8×8 lake it reaches the environment's reward threshold."""
    assert exact_value("FrozenLake8x8-v1", horizon=200) > 0.85


def test_practice_depends_on_its_seed_alone():
    """The same seed learns the same values however the practice is divided."""
    recipe = replace(RECIPES["TaxiEnv"], episodes=200)
    whole, parts = (QLearner(gymnasium.make("Taxi-v4").unwrapped, recipe, limit=200, seed=11) for _ in range(2))
    whole.advance(200)
    for _ in range(8):
        parts.advance(25)
    assert whole.done
    assert parts.done
    assert all(parts.action_values(state) == whole.action_values(state) for state in range(500))


def test_equal_settings_share_a_learner_and_others_do_not():
    """Within a process, practice is done once for each environment with its options."""
    lake, same = gymnasium.make("FrozenLake-v1"), gymnasium.make("FrozenLake-v1", render_mode="ansi")
    firm = gymnasium.make("FrozenLake-v1", is_slippery=False)
    assert learner_for(lake, seed=0) is learner_for(same, seed=0)
    assert learner_for(lake, seed=0) is not learner_for(firm, seed=0)


def test_a_map_drawn_at_random_is_learned_as_it_is():
    """The practice environment has the map of the environment that is played."""
    env = gymnasium.make("FrozenLake-v1", map_name=None, is_slippery=False)
    learner = learner_for(env, seed=0, episodes=3000)
    learner.advance(3000)
    values = np.array([learner.action_values(s) or [0.0] * 4 for s in range(env.observation_space.n)])
    assert evaluate(known_game(env).table, greedy(values), horizon=100) == 1.0


async def test_the_player_practises_at_its_first_move_only():
    """Progress is reported once, before the first action; the episode itself is not touched by it."""
    agent = QLearningAgent(training_seed=101)
    env = PlainGym("CliffWalking-v1")
    first = await play(agent, env, seed=0)
    second = await play(agent, env, seed=1)
    assert first.return_ == second.return_ == -13
    assert first.heard.reflections[0] == "Practising 2,000 episodes: "
    assert "50% " in first.heard.reflections
    assert all(text.startswith("Q-learning: ") for text in second.heard.reflections)


async def test_an_unseen_situation_is_played_by_chance_and_said_so():
    """A player that hardly practised admits what it does not know, and repeats itself for the same seed."""
    agent = QLearningAgent(episodes=1, training_seed=102)
    first = await play(agent, PlainGym("Taxi-v4"), seed=3, most=30)
    again = await play(agent, PlainGym("Taxi-v4"), seed=3, most=30)
    assert any("never came up" in text for text in first.heard.reflections)
    assert first.actions == again.actions


@pytest.mark.parametrize("env", [PlainGym("CartPole-v1"), DummyEnv()])
def test_an_environment_without_a_recipe_is_refused(env):
    """The message names the environments it can learn."""
    with pytest.raises(UnsupportedEnvironment, match=r"The qlearning player does not know .* It plays Blackjack-v1"):
        QLearningAgent().prepare(env=env, seed=0)
