"""Blackjack-v1 as a transition table: an endless deck, a dealer who draws below 17, and the two payout rules."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import NamedTuple

from ldp_tui.agents.planning import Outcome, TransitionTable

STICK, HIT = 0, 1
BUST = 0
"""What Gymnasium scores a hand above 21."""

CARDS = {**dict.fromkeys(range(1, 10), 1 / 13), 10: 4 / 13}
"""Probability of each card value; an ace counts as 1 here."""


class Hand(NamedTuple):
    """What the player knows before a decision."""

    total: int
    showing: int
    """The dealer's open card, 1…10."""
    usable_ace: bool
    natural: bool = False
    """An ace and a ten as dealt; it pays differently from other hands of 21."""


class DealerEnd(NamedTuple):
    """How the dealer's hand can end."""

    score: int
    natural: bool


NO_CARDS = (0, False)


def _draw(total: int, usable_ace: bool, card: int) -> tuple[int, bool]:
    """The value of a hand, and whether it counts an ace as 11, after one more card."""
    low = total - 10 if usable_ace else total
    low += card
    if (usable_ace or card == 1) and low + 10 <= 21:
        return low + 10, True
    return low, False


@cache
def _dealer_from(total: int, usable_ace: bool) -> dict[int, float]:
    """Distribution of the dealer's final score from a hand of `total`."""
    if total >= 17:
        return {total if total <= 21 else BUST: 1.0}
    ends: dict[int, float] = defaultdict(float)
    for card, chance in CARDS.items():
        for score, probability in _dealer_from(*_draw(total, usable_ace, card)).items():
            ends[score] += chance * probability
    return dict(ends)


@cache
def dealer_ends(showing: int) -> dict[DealerEnd, float]:
    """Distribution of the dealer's end behind the open card `showing`."""
    ends: dict[DealerEnd, float] = defaultdict(float)
    open_hand = _draw(*NO_CARDS, showing)
    for hidden, chance in CARDS.items():
        natural = {showing, hidden} == {1, 10}
        for score, probability in _dealer_from(*_draw(*open_hand, hidden)).items():
            ends[DealerEnd(score, natural)] += chance * probability
    return dict(ends)


def _payout(hand: Hand, dealer: DealerEnd, *, sab: bool, natural: bool) -> float:
    if sab and hand.natural and not dealer.natural:
        return 1.0
    reward = float(hand.total > dealer.score) - float(hand.total < dealer.score)
    return 1.5 if natural and not sab and hand.natural and reward == 1.0 else reward


def _first_hands() -> dict[Hand, float]:
    hands: dict[Hand, float] = defaultdict(float)
    for showing, shown in CARDS.items():
        for first, one in CARDS.items():
            for second, two in CARDS.items():
                total, usable_ace = _draw(*_draw(*NO_CARDS, first), second)
                hands[Hand(total, showing, usable_ace, {first, second} == {1, 10})] += shown * one * two
    return dict(hands)


def _hands() -> list[Hand]:
    hard = [Hand(total, showing, usable_ace=False) for total in range(4, 22) for showing in CARDS]
    soft = [Hand(total, showing, usable_ace=True) for total in range(12, 22) for showing in CARDS]
    return hard + soft + [Hand(21, showing, usable_ace=True, natural=True) for showing in CARDS]


HANDS: tuple[Hand, ...] = tuple(_hands())
"""Every hand that asks for a decision; a state of the table is an index into it."""

INDEX: dict[Hand, int] = {hand: index for index, hand in enumerate(HANDS)}


def hand_index(total: int, showing: int, usable_ace: bool, *, first_decision: bool) -> int:
    """The table's state for an observation of Blackjack-v1; 21 before any card was drawn is a natural."""
    return INDEX[Hand(total, showing, usable_ace, first_decision and total == 21)]


def blackjack_table(*, sab: bool, natural: bool) -> TransitionTable:
    """Transitions of Blackjack-v1 with its options of the same names; actions are stick (0) and hit (1)."""
    outcomes: dict[int, dict[int, list[Outcome]]] = {}
    for index, hand in enumerate(HANDS):
        stick = [
            (probability, index, _payout(hand, dealer, sab=sab, natural=natural), True)
            for dealer, probability in dealer_ends(hand.showing).items()
        ]
        hit: list[Outcome] = []
        for card, probability in CARDS.items():
            total, usable_ace = _draw(hand.total, hand.usable_ace, card)
            if total > 21:
                hit.append((probability, index, -1.0, True))
            else:
                hit.append((probability, INDEX[Hand(total, hand.showing, usable_ace)], 0.0, False))
        outcomes[index] = {STICK: stick, HIT: hit}
    first = _first_hands()
    return TransitionTable.from_outcomes(outcomes, [first.get(hand, 0.0) for hand in HANDS])
