"""Why a perfect player makes a move, in one or two short sentences that are true of the situation.

Every number is computed from the rules; the same situation always gives the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ldp_tui.agents.blackjack import BUST, CARDS, HANDS, HIT, dealer_ends
from ldp_tui.agents.known_games import KnownGame
from ldp_tui.agents.planning import Outcome, Plan

_STOPS: Final = ("Red", "Green", "Yellow", "Blue")
_IN_TAXI: Final = 4
_PICKUP, _DROPOFF = 4, 5


@dataclass(frozen=True, slots=True)
class Situation:
    """A decision: where one is in the rules, the move that is best there, and that move's name."""

    env: Any
    """The unwrapped Gymnasium environment."""
    game: KnownGame
    plan: Plan
    place: int
    best: int
    name: str


def reason(situation: Situation) -> str:
    """Why the best move is best.

    Raises:
        StopIteration: For an environment of another kind.
    """
    known = next(kind.__name__ for kind in type(situation.env).__mro__ if kind.__name__ in _REASONS)
    return _REASONS[known](situation)


def _blackjack(situation: Situation) -> str:
    hand = HANDS[situation.place]
    bust = sum(chance for card, chance in CARDS.items() if hand.total + card > 21 and not hand.usable_ace)
    against = "an ace" if hand.showing == 1 else f"a {hand.showing}"
    kind = "Soft " if hand.usable_ace else ""
    if situation.best == HIT:
        if not bust:
            return f"{kind}{hand.total} against {against}: no single card can bust me. I hit."
        return (
            f"{hand.total} against {against}: sticking wins only {_percent(_wins(hand.total, hand.showing))}, "
            f"a card busts me {_percent(bust)}. I hit."
        )
    if hand.total == 21:
        return f"{kind}21 against {against}: it cannot be beaten. I stick."
    words = f"{kind}{hand.total} against {against}: sticking wins {_percent(_wins(hand.total, hand.showing))}"
    return f"{words}, a card would bust me {_percent(bust)}. I stick." if bust else f"{words}. I stick."


def _wins(total: int, showing: int) -> float:
    return sum(chance for end, chance in dealer_ends(showing).items() if end.score in (BUST, *range(17, total)))


def _lake(situation: Situation) -> str:
    env, move = situation.env, situation.name
    row, col = divmod(situation.place, env.ncol)
    outcomes = env.P[situation.place][situation.best]
    if len(outcomes) == 1:
        moves = moves_to_end(situation)
        if moves == 1:
            return f"From row {row}, column {col} the goal is one move away. I go {move}."
        return f"From row {row}, column {col} it is {moves} moves to the goal, past the holes. I go {move}."
    ends = {tile: _chance(outcomes, tile, env) for tile in (b"H", b"G")}
    facts = [f"reaches the goal with {_percent(ends[b'G'])}"] if ends[b"G"] else []
    if not ends[b"H"]:
        facts.append("cannot end in a hole")
    else:
        least = min(_chance(other, b"H", env) for other in env.P[situation.place].values())
        compared = "no move risks less" if ends[b"H"] <= least else "no move promises more"
        facts += [f"ends in a hole with {_percent(ends[b'H'])}", compared]
    return f"Row {row}, column {col}: on this ice {move} {', '.join(facts)}. I go {move}."


def _chance(outcomes: Sequence[Outcome], tile: bytes, env: Any) -> float:
    return sum(chance for chance, place, _, _ in outcomes if env.desc.flat[place] == tile)


def _cliff(situation: Situation) -> str:
    rows, cols = situation.env.shape
    row, col = divmod(situation.place, cols)
    move, moves = situation.name, moves_to_end(situation)
    if row == rows - 1:
        return f"The cliff lies right of the start. I go {move}."
    if moves == 1:
        return f"The goal is just below. I go {move}."
    if row == rows - 2 and 0 < col < cols - 1:
        return f"Below column {col} is the cliff, the goal is {moves} moves on. I go {move}."
    return f"Row {row}, column {col}: {moves} moves to the goal and no cliff in the way. I go {move}."


def _taxi(situation: Situation) -> str:
    _, _, passenger, destination = (int(part) for part in situation.env.decode(situation.place))
    aim = destination if passenger == _IN_TAXI else passenger
    who = "The passenger is on board for" if passenger == _IN_TAXI else "The passenger waits at"
    if situation.best == _PICKUP:
        return f"The passenger waits here at {_STOPS[aim]}. I do the {situation.name}."
    if situation.best == _DROPOFF:
        return f"This is {_STOPS[aim]}, the destination. I do the {situation.name}."
    moves = moves_to_end(situation, until=(_PICKUP, _DROPOFF))
    away = "1 move" if moves == 1 else f"{moves} moves"
    return f"{who} {_STOPS[aim]}, {away} away. I go {situation.name}."


def moves_to_end(situation: Situation, *, until: Collection[int] = ()) -> int:
    """Moves of the best play to the end of the episode, or to the first action in `until`, on sure ground."""
    place, moves = situation.place, 0
    while True:
        best = situation.plan.action(place, remaining=None)
        if best in until:
            return moves
        moves += 1
        if not situation.game.table.continues[place, best].any():
            return moves
        place = int(situation.game.table.successor[place, best, 0])


def _percent(share: float) -> str:
    return f"{share:.0%}"


_REASONS: Final[dict[str, Callable[[Situation], str]]] = {
    "BlackjackEnv": _blackjack,
    "FrozenLakeEnv": _lake,
    "CliffWalkingEnv": _cliff,
    "TaxiEnv": _taxi,
}
