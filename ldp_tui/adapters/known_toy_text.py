"""Taxi, FrozenLake, CliffWalking and Blackjack: rules, decoded observations, names and keys."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from gymnasium import spaces

from ldp_tui.adapters.gymnasium_family import Ending, Family
from ldp_tui.adapters.space_text import Describe

_ARROWS: Final = {name: name for name in ("up", "down", "left", "right")}
_TAXI_STOPS: Final = ("Red", "Green", "Yellow", "Blue")
_TILES: Final = {"S": "start", "F": "frozen", "H": "hole", "G": "goal"}


def _taxi_goal(env: Any) -> str:
    stops = ", ".join(
        f"{name} at row {row}, column {col}" for name, (row, col) in zip(_TAXI_STOPS, env.locs, strict=True)
    )
    rain = " Rain may push a move to the side." if any(len(moves[0]) > 1 for moves in env.P.values()) else ""
    drawing = "\n".join(b"".join(line).decode() for line in env.desc.tolist())
    return (
        f"Drive the taxi to the passenger, pick up, drive to the destination and drop off. Stops: {stops}.\n"
        f"In the map, | is a wall that stops a move and : can be passed:\n{drawing}\n"
        "Rewards: -1 a step, -10 for an illegal pickup or dropoff, +20 for the delivery, which ends the "
        f"episode.{rain}"
    )


def _taxi_observation(env: Any) -> Describe:
    @cache
    def describe(state: int) -> str:
        row, col, passenger, destination = (int(part) for part in env.decode(state))
        stops = [f"{name} (row {r}, column {c})" for name, (r, c) in zip(_TAXI_STOPS, env.locs, strict=True)]
        where = "in the taxi" if passenger == len(stops) else f"at {stops[passenger]}"
        return f"Taxi at row {row}, column {col}. Passenger {where}. Destination {stops[destination]}."

    return describe


def _lake_goal(env: Any) -> str:
    ice = " Every move goes where you want."
    if (grip := _lake_grip(env)) is not None:
        ice = f" The ice is slippery: a move goes where you want with probability {grip:.0%}, else sideways."
    reward = max(outcome[2] for moves in env.P.values() for outcomes in moves.values() for outcome in outcomes)
    return (
        "Walk over the frozen lake from S to the goal G without falling into a hole H; F is safe ice, @ is you. "
        f"Reaching G gives {reward:g}, a hole ends the episode.{ice}"
    )


def _lake_grip(env: Any) -> float | None:
    """Probability that a move goes where it should, from the transition table; None on ice that is not slippery."""
    slips = (outcomes for moves in env.P.values() for outcomes in moves.values() if len(outcomes) == 3)
    outcomes = next(slips, None)
    return None if outcomes is None else float(outcomes[1][0])


def _lake_observation(env: Any) -> Describe:
    tiles = [[tile.decode() for tile in line] for line in env.desc.tolist()]

    @cache
    def describe(state: int) -> str:
        row, col = divmod(state, env.ncol)
        lines = [
            " ".join("@" if (r, c) == (row, col) else tile for c, tile in enumerate(line))
            for r, line in enumerate(tiles)
        ]
        return f"You are at row {row}, column {col} ({_TILES.get(tiles[row][col], 'frozen')}).\n" + "\n".join(lines)

    return describe


def _cliff_goal(env: Any) -> str:
    slippery = (
        " The floor is slippery: a third of the moves each go ahead, to the left and to the right."
        if env.is_slippery
        else ""
    )
    return (
        "Walk from row 3, column 0 to the goal at row 3, column 11 of a grid of 4 rows (0 at the top) and 12 "
        "columns. Row 3, columns 1 to 10 is a cliff: stepping there costs 100 and puts you back at the start. "
        f"Every other step costs 1; reaching the goal ends the episode.{slippery}"
    )


def _cliff_observation(env: Any) -> Describe:
    rows, cols = env.shape
    place = {(rows - 1) * cols: ", the start", rows * cols - 1: ", the goal"}
    return lambda state: f"You are at row {state // cols}, column {state % cols}{place.get(state, '')}."


def _blackjack_goal(env: Any) -> str:
    extra = ""
    if env.sab:
        extra = " A natural (an ace and a ten at once) wins unless the dealer has one too."
    elif env.natural:
        extra = " Winning with a natural (an ace and a ten at once) pays 1.5."
    return (
        "Beat the dealer: get closer to 21 than the dealer without going over. Hit takes another card, stick ends "
        "your turn; the dealer then draws up to 17 or more. Faces count 10, an ace 11 while that does not go over "
        f"21 (a usable ace), else 1; cards are drawn with replacement. A win gives +1, a loss -1, a draw 0.{extra}"
    )


def _blackjack_observation(_env: Any) -> Describe:
    def describe(observation: tuple[int, int, int]) -> str:
        total, dealer, ace = (int(part) for part in observation)
        usable = "with a usable ace" if ace else "no usable ace"
        shown = "an ace" if dealer == 1 else f"a {dealer}"
        return f"Your hand counts {total}, {usable}{' (bust)' if total > 21 else ''}. The dealer shows {shown}."

    return describe


def _reached_end(ending: Ending) -> bool:
    return ending.terminated


def _on_goal_tile(ending: Ending) -> bool:
    return ending.terminated and ending.env.desc.flat[ending.env.s] == b"G"


TAXI: Final = Family(
    goal=_taxi_goal,
    actions=("south", "north", "east", "west", "pickup", "dropoff"),
    observes=spaces.Discrete,
    observe=_taxi_observation,
    keys={"down": "south", "up": "north", "right": "east", "left": "west", "p": "pickup", "d": "dropoff"},
    success=_reached_end,
)
FROZEN_LAKE: Final = Family(
    goal=_lake_goal,
    actions=("left", "down", "right", "up"),
    observes=spaces.Discrete,
    observe=_lake_observation,
    keys=_ARROWS,
    success=_on_goal_tile,
)
CLIFF_WALKING: Final = Family(
    goal=_cliff_goal,
    actions=("up", "right", "down", "left"),
    observes=spaces.Discrete,
    observe=_cliff_observation,
    keys=_ARROWS,
    success=_reached_end,
)
BLACKJACK: Final = Family(
    goal=_blackjack_goal,
    actions=("stick", "hit"),
    observes=spaces.Tuple,
    observe=_blackjack_observation,
    keys={"h": "hit", "s": "stick", "up": "hit", "down": "stick"},
    success=lambda ending: ending.last_reward > 0,
)
