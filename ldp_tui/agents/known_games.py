"""Gymnasium environments whose rules are known as a transition table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ldp_tui.agents.blackjack import blackjack_table, hand_index
from ldp_tui.agents.native import changes_the_game, numbers_of
from ldp_tui.agents.planning import Floats, TransitionTable
from ldp_tui.agents.taxi import STATES, fickle_state, fickle_taxi_table

if TYPE_CHECKING:
    import gymnasium

SUPPORTED = "Blackjack-v1, FrozenLake-v1, FrozenLake8x8-v1, CliffWalking-v1, CliffWalkingSlippery-v1 and Taxi-v4"


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a player sees at a decision."""

    observation: Any
    elapsed: int
    """Steps since the reset."""
    previous: int | None
    """State of the table at the player's previous decision; None at the first."""


@dataclass(frozen=True, slots=True)
class KnownGame:
    """The rules of an environment, and how to find one's place in them."""

    table: TransitionTable
    locate: Callable[[Glimpse], int]
    """The table's state for what a player sees."""
    legal: NDArray[np.bool_] | None = None
    """`[S, A]`: the action mask, where the environment has one."""

    @property
    def legal_policy(self) -> Floats | None:
        """The policy that plays every legal action equally often; None where there is no mask."""
        if self.legal is None:
            return None
        weights = self.legal.astype(np.float64)
        policy: Floats = weights / weights.sum(axis=1, keepdims=True)
        return policy


def known_game(gym_env: gymnasium.Env[Any, Any]) -> KnownGame | None:
    """The rules of `gym_env`, read from it; None if they are not known."""
    from gymnasium.envs.toy_text.blackjack import BlackjackEnv
    from gymnasium.envs.toy_text.taxi import TaxiEnv

    if changes_the_game(gym_env):
        return None
    inner: Any = gym_env.unwrapped
    if isinstance(inner, BlackjackEnv):
        return KnownGame(_blackjack(bool(inner.sab), bool(inner.natural)), _blackjack_state)
    if not (hasattr(inner, "P") and hasattr(inner, "initial_state_distrib")):
        return None
    if isinstance(inner, TaxiEnv):
        return _taxi(inner)
    return KnownGame(TransitionTable.from_outcomes(inner.P, inner.initial_state_distrib), _plain_state)


_blackjack = cache(lambda sab, natural: blackjack_table(sab=sab, natural=natural))


def _taxi(inner: Any) -> KnownGame:
    mask = np.array([inner.action_mask(state) for state in range(STATES)], dtype=np.bool_)
    mask[~mask.any(axis=1)] = True
    if not inner.fickle_passenger:
        return KnownGame(TransitionTable.from_outcomes(inner.P, inner.initial_state_distrib), _plain_state, mask)
    table = fickle_taxi_table(inner.P, inner.initial_state_distrib, probability=inner.fickle_probability)
    return KnownGame(table, _fickle_taxi_state, np.concatenate([mask, mask]))


def _plain_state(glimpse: Glimpse) -> int:
    return _index(glimpse.observation)


def _fickle_taxi_state(glimpse: Glimpse) -> int:
    return fickle_state(_index(glimpse.observation), glimpse.previous)


def _blackjack_state(glimpse: Glimpse) -> int:
    total, showing, usable_ace = numbers_of(glimpse.observation)
    return hand_index(total, showing, bool(usable_ace), first_decision=glimpse.elapsed == 0)


def _index(observation: Any) -> int:
    """State number of the table; a Taxi that is described part by part is put together again."""
    parts = numbers_of(observation)
    if len(parts) == 1:
        return parts[0]
    row, column, passenger, destination = parts
    return ((row * 5 + column) * 5 + passenger) * 4 + destination
