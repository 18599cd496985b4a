"""Full-text search: the index for what is indexed, a plain scan for the newest messages that are not yet."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from typing import Final

from ldp_tui.store.index import INDEXED, indexed_upto, unindexed
from ldp_tui.store.results import SearchHit, SearchResult

RANKED_AT_MOST: Final = 3_000
"""More hits are not ranked: bm25 over a very common word took up to 4 s."""

COMMON: Final = 20_000
"""A word with more hits than this is not ranked by: bm25 counts all of them."""

TAIL: Final = 2_000
"""Unindexed messages that are scanned."""

EPISODES_FROM: Final = 50_000
"""The newest hits whose episodes are considered when a word filters a list."""

_OPEN, _CLOSE = "\ue000", "\ue001"
_AROUND = 60

_HITS = (
    "select m.ep, e.uid, m.t, m.i, m.role, snippet(message_fts, 0, ?, ?, '…', 16) from message_fts"
    " join message m on m.id=message_fts.rowid join episode e on e.id=m.ep where message_fts match ?"
)
_BEST = _HITS + " order by bm25(message_fts), message_fts.rowid desc limit ?"
_NEWEST = _HITS + " order by message_fts.rowid desc limit ?"


def search(connection: sqlite3.Connection, words: Sequence[str], limit: int) -> SearchResult:
    """Messages that hold all of `words`; each is a word, a phrase, or a beginning such as `trace*`."""
    wanted = [word for word in words if word.strip(" *\"'")]
    left = unindexed(connection)
    if not wanted:
        return SearchResult((), ranked=True, total=0, unindexed=left)
    hits = _tail_hits(connection, wanted, limit) if left else []
    query = match_query(wanted)
    total = _hits(connection, query, RANKED_AT_MOST + 1)
    ranked = total <= RANKED_AT_MOST and all(
        _hits(connection, match_query([word]), COMMON + 1) <= COMMON for word in wanted if total
    )
    rows = connection.execute(_BEST if ranked else _NEWEST, (_OPEN, _CLOSE, query, limit)).fetchall()
    indexed = [SearchHit(ep, uid, t, i, role, *_unmarked(snippet or "")) for ep, uid, t, i, role, snippet in rows]
    return SearchResult(
        tuple((hits + indexed)[:limit]), ranked=ranked, total=min(total, RANKED_AT_MOST) + len(hits), unindexed=left
    )


def _hits(connection: sqlite3.Connection, query: str, most: int) -> int:
    """How many indexed messages match, counting no further than `most`."""
    counted = "select count(*) from (select rowid from message_fts where message_fts match ? limit ?)"
    return int(connection.execute(counted, (query, most)).fetchone()[0])


def episodes_with(connection: sqlite3.Connection, words: Sequence[str]) -> set[int]:
    """Ids of the episodes whose messages hold every one of `words`, not necessarily in one message."""
    found: set[int] | None = None
    for word in words:
        if not word.strip(" *\"'"):
            continue
        rows = connection.execute(
            "select distinct ep from message where id in"
            " (select rowid from message_fts where message_fts match ? order by rowid desc limit ?)",
            (match_query([word]), EPISODES_FROM),
        ).fetchall()
        here = {ep for (ep,) in rows} | {hit[0] for hit in _tail(connection) if _finds(hit[5], [word])}
        found = here if found is None else found & here
        if not found:
            return set()
    return found or set()


def match_query(words: Sequence[str]) -> str:
    """An FTS5 query for all of `words`, each taken literally but for a `*` at its end."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    star = "*" if word.endswith("*") else ""
    literal = word.rstrip("*").replace('"', '""').replace("\0", " ")
    return f'"{literal}"{star}'


def _tail(connection: sqlite3.Connection) -> list[tuple[int, str, int, int, str, str]]:
    return connection.execute(
        "select m.ep, e.uid, m.t, m.i, m.role, substr(m.content, 1, ?) from message m join episode e on e.id=m.ep"
        " where m.id>? and m.content is not null order by m.id desc limit ?",
        (INDEXED, indexed_upto(connection), TAIL),
    ).fetchall()


def _tail_hits(connection: sqlite3.Connection, words: Sequence[str], limit: int) -> list[SearchHit]:
    hits: list[SearchHit] = []
    for ep, uid, t, i, role, content in _tail(connection):
        if _finds(content, words):
            hits.append(SearchHit(ep, uid, t, i, role, *_around(content, words[0])))
            if len(hits) == limit:
                break
    return hits


def _finds(content: str, words: Sequence[str]) -> bool:
    folded = content.casefold()
    return all(word.rstrip("*").casefold() in folded for word in words)


def _around(content: str, word: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    match = re.search(re.escape(word.rstrip("*")), content, re.IGNORECASE)
    start, end = match.span() if match else (0, 0)
    low = max(0, start - _AROUND)
    return content[low : end + _AROUND], ((start - low, end - low),)


def _unmarked(marked: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    plain, marks, start = "", [], 0
    for piece in re.split(f"([{_OPEN}{_CLOSE}])", marked):
        if piece == _OPEN:
            start = len(plain)
        elif piece == _CLOSE:
            marks.append((start, len(plain)))
        else:
            plain += piece
    return plain, tuple(marks)
