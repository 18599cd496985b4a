"""What is said of recorded steps: annotations, and the preferences that overruled steps are."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

import orjson

from ldp_tui.store.errors import EpisodeUnknown
from ldp_tui.store.results import OverruledStep
from ldp_tui.store.rows import AnnotationRow, StepRow

OVERRULED: Final = "overruled"
"""`pair.how` of a preference within one step: its action is chosen, the one proposed before it rejected."""

_INSERT: Final = (
    "insert into annotation(ep, t, name, kind, author, label, comment, created_ns)"
    " select id, ?, ?, ?, ?, ?, ?, ? from episode where uid=?"
)
_INSERT_PAIR: Final = (
    "insert or ignore into pair(chosen_ep, rejected_ep, from_t, how, author, created_ns) values(?1, ?1, ?2, ?3, ?4, ?5)"
)
_ANNOTATIONS: Final = (
    "select t, name, kind, author, label, comment, created_ns from annotation where ep=? order by created_ns, id"
)
_OVERRULED: Final = (
    "select e.uid, p.from_t, p.author from pair p join episode e on e.id=p.chosen_ep"
    " where p.how=?1 and p.chosen_ep=p.rejected_ep and (?2 is null or e.id=?2) order by p.id"
)


def add_annotation(connection: sqlite3.Connection, uid: str, row: AnnotationRow) -> None:
    """Store an annotation. Raises EpisodeUnknown if no episode has that uid."""
    values = (row.t, row.name, row.kind, row.author, row.label, row.comment, row.created_ns, uid)
    if not connection.execute(_INSERT, values).rowcount:
        raise EpisodeUnknown(f"Episode {uid} was never begun; nothing can be said of it.")


def add_preference(connection: sqlite3.Connection, ep: int, row: StepRow) -> None:
    """Store that the action of `row` was preferred to the one that its diagnostics hold as proposed; once."""
    interventions = orjson.loads(row.info or "{}").get("interventions", ())
    authors = [told["by"] for told in interventions if "proposed" in told]
    connection.execute(_INSERT_PAIR, (ep, row.t, OVERRULED, authors[-1] if authors else None, time.time_ns()))


def annotations_of(connection: sqlite3.Connection, ep: int) -> list[AnnotationRow]:
    """What was said of an episode, in the order of its coming."""
    return [AnnotationRow(*row) for row in connection.execute(_ANNOTATIONS, (ep,)).fetchall()]


def overruled_steps(connection: sqlite3.Connection, ep: int | None) -> list[OverruledStep]:
    """The steps of an episode, or of all, whose action was preferred to the one proposed."""
    return [OverruledStep(*row) for row in connection.execute(_OVERRULED, (OVERRULED, ep)).fetchall()]
