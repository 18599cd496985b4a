"""Stored pairs of episodes, or of two actions in one step, of which one was preferred; and steps not to train on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from ldp_tui.store.results import StoredPair

NO_LOSS: Final = 1
"""Bit of `step_mask.mask`: the action of that row is not trained on."""

_PAIRS: Final = (
    "select pair.chosen_ep, pair.rejected_ep, pair.from_t, pair.how, pair.margin, pair.author from pair"
    " where pair.chosen_ep in (select value from json_each(?1))"
    " and pair.rejected_ep in (select value from json_each(?1)) and pair.decision is not 'reject' order by pair.id"
)


def pairs(connection: sqlite3.Connection, ids: Sequence[int]) -> list[StoredPair]:
    """The pairs both episodes of which are among `ids`, but for rejected ones, in the order in which they were made."""
    rows = connection.execute(_PAIRS, (json.dumps(list(ids)),)).fetchall()
    return [StoredPair(*row) for row in rows]


def masked_rows(connection: sqlite3.Connection, ep: int) -> frozenset[int]:
    """The rows `t` of an episode whose actions are not to be trained on."""
    found = connection.execute("select t from step_mask where ep=? and mask & ?", (ep, NO_LOSS)).fetchall()
    return frozenset(t for (t,) in found)


def chains(connection: sqlite3.Connection, uids: Sequence[str]) -> list[tuple[str, str]]:
    """Each uid with the hash at the end of its chain, in hexadecimal."""
    wanted = json.dumps(list(uids))
    return connection.execute(
        "select e.uid, lower(hex(e.chain)) from json_each(?) as wanted cross join episode e on e.uid=wanted.value"
        " order by wanted.key",
        (wanted,),
    ).fetchall()
