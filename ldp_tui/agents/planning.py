"""Exact planning over known transition probabilities: dynamic programming with or without a step limit.

Shapes: `S` states, `A` actions, `K` outcomes of one action (padded with probability 0), `H` steps still allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldp_tui.core.errors import UsageError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Outcome = tuple[float, int, float, bool]
"""`(probability, next state, reward, terminated)`, as in Gymnasium's `P[state][action]`."""

SWEEPS_WITHOUT_LIMIT = 100_000
"""Sweeps after which a problem without a step limit counts as having no finite value."""

CONVERGED = 1e-13
"""Relative change of a sweep below which values are final."""

TIE = 1e-9
"""Action values closer than this are equally good."""

PATIENCE = 0.99
"""Discount of the return that chooses among equally good actions."""


class PlanningError(UsageError):
    """The transition probabilities do not define a finite value."""


@dataclass(frozen=True, slots=True)
class TransitionTable:
    """What every action of every state leads to, with rewards already averaged over outcomes."""

    successor: Integers
    """`[S, A, K]`: next states."""
    continues: Floats
    """`[S, A, K]`: probability that the outcome happens and does not terminate the episode."""
    reward: Floats
    """`[S, A]`: expected reward."""
    start: Floats
    """`[S]`: distribution of the first state."""

    @classmethod
    def from_outcomes(
        cls, outcomes: Mapping[int, Mapping[int, Sequence[Outcome]]], start: Sequence[float] | Floats
    ) -> TransitionTable:
        """Read Gymnasium's `P`, whose states and actions count from 0.

        Raises:
            PlanningError: If probabilities do not sum to 1.
        """
        states, actions = len(outcomes), len(outcomes[0])
        width = max(len(row) for by_action in outcomes.values() for row in by_action.values())
        successor = np.zeros((states, actions, width), dtype=np.int64)
        continues = np.zeros((states, actions, width))
        reward = np.zeros((states, actions))
        for state, by_action in outcomes.items():
            for action, row in by_action.items():
                if abs(sum(outcome[0] for outcome in row) - 1.0) > 1e-9:
                    raise PlanningError(f"the outcomes of action {action} in state {state} do not sum to 1")
                for k, (probability, following, gain, terminated) in enumerate(row):
                    successor[state, action, k] = following
                    continues[state, action, k] = 0.0 if terminated else probability
                    reward[state, action] += probability * gain
        first = np.asarray(start, dtype=np.float64)
        if abs(first.sum() - 1.0) > 1e-9:
            raise PlanningError("the start distribution does not sum to 1")
        return cls(successor, continues, reward, first)

    def backup(self, following: Floats) -> Floats:
        """Action values `[S, A]` where `following[S]` is what each next state is worth."""
        looked_up: Floats = (self.continues * following[self.successor]).sum(axis=2)
        return self.reward + looked_up


@dataclass(frozen=True, slots=True)
class Plan:
    """An optimal policy, its action values and its expected return."""

    values: Floats
    """`[H, S, A]`: action values with 1…H steps left; the last entry holds for more steps than that."""
    choices: Integers
    """`[H, S]`: the best action."""
    value: float
    """Expected return of an episode under the plan."""

    def action(self, state: int, *, remaining: int | None) -> int:
        """The best action with `remaining` steps left (None: no limit)."""
        return int(self.choices[self._row(remaining), state])

    def action_values(self, state: int, *, remaining: int | None) -> list[float]:
        """Expected return from here on of each action, playing optimally afterwards."""
        return [float(value) for value in self.values[self._row(remaining), state]]

    def _row(self, remaining: int | None) -> int:
        last = len(self.values) - 1
        return last if remaining is None else max(0, min(remaining - 1, last))


def solve(table: TransitionTable, *, horizon: int | None) -> Plan:
    """The optimal plan for episodes that are cut after `horizon` steps (None: never cut).

    Among equally good actions it takes the one with the best discounted return, counted as if the game went on after
    the cut: a plan does not dither while it has steps to spare, nor give up when too few are left. Raises PlanningError
    where no limit is given and the values grow without bound.
    """
    best, patient = np.zeros(len(table.start)), _discounted(table)
    values: list[Floats] = []
    choices: list[Integers] = []
    for _ in range(SWEEPS_WITHOUT_LIMIT if horizon is None else horizon):
        action_values = table.backup(best)
        top = action_values.max(axis=1)
        tied = action_values >= top[:, None] - TIE
        preference = np.where(tied, table.backup(PATIENCE * patient), -np.inf)
        settled = _settled(best, top) and _settled(patient, preference.max(axis=1))
        best, patient = top, preference.max(axis=1)
        if horizon is None:
            values.clear()
            choices.clear()
        values.append(action_values)
        choices.append(preference.argmax(axis=1))
        if settled:
            break
    else:
        if horizon is None:
            raise PlanningError("the best return is not finite without a step limit")
    return Plan(np.stack(values), np.stack(choices), float(table.start @ best))


def evaluate(table: TransitionTable, policy: Floats, *, horizon: int | None) -> float:
    """Expected return of the stationary `policy` (`[S, A]`, rows sum to 1) within `horizon` steps (None: no limit).

    Raises PlanningError where no limit is given and the policy can keep an episode going for ever.
    """
    reward: Floats = (policy * table.reward).sum(axis=1)
    chain = _chain(table, policy)
    if horizon is None:
        return _value_without_limit(chain, reward, table.start)
    value = np.zeros(len(reward))
    for _ in range(horizon):
        previous, value = value, reward + chain @ value
        if _settled(previous, value):
            break
    return float(table.start @ value)


def uniform(table: TransitionTable) -> Floats:
    """The policy `[S, A]` that plays every action equally often."""
    states, actions = table.reward.shape
    return np.full((states, actions), 1.0 / actions)


def greedy(action_values: Floats) -> Floats:
    """The policy `[S, A]` that always plays the first of the best actions of `action_values` `[S, A]`."""
    policy: Floats = np.eye(action_values.shape[1])[action_values.argmax(axis=1)]
    return policy


def _settled(previous: Floats, current: Floats) -> bool:
    scale = max(1.0, float(np.abs(current).max()))
    return float(np.abs(current - previous).max()) <= CONVERGED * scale


def _discounted(table: TransitionTable) -> Floats:
    """The best discounted return from each state `[S]` without a step limit."""
    value: Floats = np.zeros(len(table.start))
    while True:
        improved: Floats = table.backup(PATIENCE * value).max(axis=1)
        if _settled(value, improved):
            return improved
        value = improved


def _chain(table: TransitionTable, policy: Floats) -> Floats:
    """`[S, S]`: probability of going on from one state to another under `policy`."""
    states = len(table.start)
    chain = np.zeros((states, states))
    sources = np.broadcast_to(np.arange(states)[:, None, None], table.successor.shape)
    np.add.at(chain, (sources, table.successor), policy[:, :, None] * table.continues)
    return chain


def _value_without_limit(chain: Floats, reward: Floats, start: Floats) -> float:
    reached = _closure(start > 0, chain > 0)
    can_end = _closure(chain.sum(axis=1) < 1.0 - 1e-12, (chain > 0).T)
    if (reached & ~can_end).any():
        raise PlanningError("the policy never ends an episode from some state, and there is no step limit")
    inside = np.flatnonzero(reached)
    system = np.eye(len(inside)) - chain[np.ix_(inside, inside)]
    return float(start[inside] @ np.linalg.solve(system, reward[inside]))


def _closure(seed: NDArray[np.bool_], edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The states that can be reached from `seed` `[S]` along `edges` `[S, S]`."""
    reached = seed
    while True:
        larger = reached | edges[reached].any(axis=0)
        if (larger == reached).all():
            return reached
        reached = larger
