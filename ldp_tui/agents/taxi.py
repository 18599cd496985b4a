"""Taxi-v4's fickle passenger as a transition table.

With `fickle_passenger`, a coin that nobody sees is tossed at reset: with `fickle_probability` the passenger names
another destination at the first move of the taxi with them on board. Gymnasium's table leaves this out. What the player
knows is one bit more than it shows, whether that move has happened: a state here is Gymnasium's, plus `STATES` while it
has not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ldp_tui.agents.planning import Floats, Outcome, TransitionTable

STATES = 500
DESTINATIONS = 4
ON_BOARD = 4


def fickle_taxi_table(
    outcomes: Mapping[int, Mapping[int, Sequence[Outcome]]], start: Sequence[float] | Floats, *, probability: float
) -> TransitionTable:
    """Extend Gymnasium's `outcomes` by the passenger who changes their mind with `probability`."""
    extended: dict[int, dict[int, list[Outcome]]] = {}
    for state, by_action in outcomes.items():
        extended[state] = {action: list(row) for action, row in by_action.items()}
        extended[STATES + state] = {
            action: [variant for outcome in row for variant in _undecided(state, outcome, probability)]
            for action, row in by_action.items()
        }
    return TransitionTable.from_outcomes(dict(sorted(extended.items())), [0.0] * STATES + [float(p) for p in start])


def fickle_state(observation: int, previous: int | None) -> int:
    """The table's state after `observation`, given the state before it (None: at reset)."""
    if previous is None:
        return STATES + observation
    if previous < STATES or _moved_on_board(previous - STATES, observation):
        return observation
    return STATES + observation


def _undecided(state: int, outcome: Outcome, changes: float) -> list[Outcome]:
    probability, following, reward, terminated = outcome
    if not _moved_on_board(state, following):
        return [(probability, STATES + following, reward, terminated)]
    destination = following % DESTINATIONS
    others = [following - destination + other for other in range(DESTINATIONS) if other != destination]
    kept: Outcome = (probability * (1.0 - changes), following, reward, terminated)
    return [kept, *((probability * changes / len(others), other, reward, terminated) for other in others)]


def _moved_on_board(state: int, following: int) -> bool:
    passenger = state // DESTINATIONS % 5
    position, reached = state // (DESTINATIONS * 5), following // (DESTINATIONS * 5)
    return passenger == ON_BOARD and position != reached
