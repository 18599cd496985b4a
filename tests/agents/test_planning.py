"""Exact values of Gymnasium's toy environments, computed from their rules."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from ldp_tui.agents.blackjack import HANDS, blackjack_table
from ldp_tui.agents.known_games import known_game
from ldp_tui.agents.planning import PlanningError, TransitionTable, evaluate, solve, uniform


def table_of(env_id, **kwargs):
    env = gymnasium.make(env_id, **kwargs)
    return known_game(env).table, env.spec.max_episode_steps


def line(length, *, reward=1.0, step=0.0):
    """A corridor: action 0 stays, action 1 goes right; the last cell ends the episode and pays `reward`."""
    outcomes = {
        cell: {
            0: [(1.0, cell, step, False)],
            1: [(1.0, cell + 1, reward, True)] if cell == length - 2 else [(1.0, cell + 1, step, False)],
        }
        for cell in range(length - 1)
    }
    outcomes[length - 1] = {0: [(1.0, length - 1, 0.0, True)], 1: [(1.0, length - 1, 0.0, True)]}
    return TransitionTable.from_outcomes(outcomes, [1.0] + [0.0] * (length - 1))


@pytest.mark.parametrize(
    ("rules", "optimal", "random"),
    [
        ({"sab": True, "natural": False}, -0.043113, -0.394175),
        ({"sab": False, "natural": False}, -0.046556, -0.395896),
    ],
)
def test_blackjack_has_its_known_values(rules, optimal, random):
    """The optimum and the value of coin tossing agree with independent dynamic programming to 1e-5."""
    table = blackjack_table(**rules)
    assert solve(table, horizon=None).value == pytest.approx(optimal, abs=1e-5)
    assert evaluate(table, uniform(table), horizon=None) == pytest.approx(random, abs=1e-5)


@pytest.mark.parametrize(("stick_from", "value"), [(0, -0.182925), (12, -0.102372), (17, -0.075852), (20, -0.350111)])
def test_blackjack_threshold_policies_have_their_known_values(stick_from, value):
    """Policy evaluation reproduces the textbook's ladder of simple policies."""
    table = blackjack_table(sab=True, natural=False)
    policy = np.array([[1.0, 0.0] if hand.total >= stick_from else [0.0, 1.0] for hand in HANDS])
    assert evaluate(table, policy, horizon=None) == pytest.approx(value, abs=1e-5)


def test_blackjack_naturals_that_pay_more_are_worth_more():
    """`natural=True` adds half of every natural but those that meet a dealer's 21 (12.0% of the dealer's hands)."""
    plain, paid = (solve(blackjack_table(sab=False, natural=natural), horizon=None).value for natural in (False, True))
    natural = 2 * (1 / 13) * (4 / 13)
    assert paid - plain == pytest.approx(0.5 * natural * (1 - 0.1201), abs=1e-5)


@pytest.mark.parametrize(
    ("env_id", "kwargs", "optimal", "random"),
    [
        ("FrozenLake-v1", {}, 0.744190, 0.013940),
        ("FrozenLake-v1", {"is_slippery": False}, 1.0, 0.013940),
        ("FrozenLake8x8-v1", {}, 0.913220, 0.001901),
        ("FrozenLake8x8-v1", {"is_slippery": False}, 1.0, 0.001901),
        ("Taxi-v4", {}, 7.93, -771.0910),
    ],
)
def test_environments_with_a_step_limit_have_their_known_values(env_id, kwargs, optimal, random):
    """Optimum and uniform play within the registered step limit."""
    table, horizon = table_of(env_id, **kwargs)
    assert horizon is not None
    assert solve(table, horizon=horizon).value == pytest.approx(optimal, abs=1e-5)
    assert evaluate(table, uniform(table), horizon=horizon) == pytest.approx(random, abs=1e-4)


@pytest.mark.parametrize(
    ("env_id", "optimal"),
    [("CliffWalking-v1", -13.0), ("CliffWalkingSlippery-v1", -64.7092), ("FrozenLake-v1", 14 / 17)],
)
def test_without_a_step_limit_values_are_those_of_the_endless_game(env_id, optimal):
    """CliffWalking has no limit; FrozenLake without one is worth exactly 14/17."""
    table, _ = table_of(env_id)
    assert solve(table, horizon=None).value == pytest.approx(optimal, abs=1e-4)


def test_a_random_walk_on_the_cliff_costs_what_its_limit_allows():
    """Uniform play loses 9512 in 1000 steps and 65 375 when it is never cut."""
    table, _ = table_of("CliffWalking-v1")
    assert evaluate(table, uniform(table), horizon=1000) == pytest.approx(-9512.06, abs=0.01)
    assert evaluate(table, uniform(table), horizon=None) == pytest.approx(-65375.13, abs=0.01)


def test_a_taxi_that_obeys_its_mask_loses_less():
    """Uniform play over the action mask is worth −186.18 in 200 steps and −49.42 in 50."""
    game = known_game(gymnasium.make("Taxi-v4"))
    assert evaluate(game.table, game.legal_policy, horizon=200) == pytest.approx(-186.1795, abs=1e-3)
    assert evaluate(game.table, game.legal_policy, horizon=50) == pytest.approx(-49.4174, abs=1e-3)


def test_fewer_steps_than_the_way_needs_are_worth_nothing():
    """The plan depends on the steps that are left, up to not reaching the goal at all."""
    table = line(6)
    assert solve(table, horizon=4).value == 0.0
    assert solve(table, horizon=5).value == 1.0


def test_steps_to_spare_do_not_make_a_plan_dither():
    """Among equally good actions the plan takes the one that is done sooner."""
    plan = solve(line(6), horizon=100)
    assert [plan.action(cell, remaining=100) for cell in range(5)] == [1] * 5


def test_too_few_steps_do_not_make_a_plan_give_up():
    """Where nothing can be won any more, the plan still heads for the goal."""
    plan = solve(line(6), horizon=100)
    assert plan.action(0, remaining=1) == 1


def test_an_endless_game_is_won_although_waiting_looks_as_good():
    """Without a limit, staying for ever has the goal's value too; the plan goes there all the same."""
    plan = solve(line(6), horizon=None)
    assert plan.value == 1.0
    assert [plan.action(cell, remaining=None) for cell in range(5)] == [1] * 5


def test_following_the_endless_plan_earns_its_value():
    """On the slippery 8×8 lake, where the goal is certain without a limit, the plan's own policy reaches it."""
    table, _ = table_of("FrozenLake8x8-v1")
    plan = solve(table, horizon=None)
    policy = np.eye(4)[plan.choices[-1]]
    assert evaluate(table, policy, horizon=None) == pytest.approx(1.0, abs=1e-9)
    assert plan.value == pytest.approx(1.0, abs=1e-9)


def test_a_game_that_pays_for_ever_has_no_value_without_a_limit():
    """Unbounded returns raise instead of running for ever."""
    with pytest.raises(PlanningError, match="not finite"):
        solve(line(3, step=1.0), horizon=None)


def test_a_policy_that_never_ends_has_no_value_without_a_limit():
    """Always staying keeps the episode going, which evaluation reports."""
    table = line(3)
    stay = np.array([[1.0, 0.0]] * 3)
    with pytest.raises(PlanningError, match="never ends"):
        evaluate(table, stay, horizon=None)
    assert evaluate(table, stay, horizon=50) == 0.0


def test_improper_probabilities_are_refused():
    """Outcomes that do not sum to 1 are an error of the table."""
    with pytest.raises(PlanningError, match="do not sum to 1"):
        TransitionTable.from_outcomes({0: {0: [(0.5, 0, 0.0, True)]}}, [1.0])
