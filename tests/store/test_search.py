"""Full-text search: indexed later, complete at once."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from ldp_tui.store.connect import connect_writer
from ldp_tui.store.connection import open_for_writing
from ldp_tui.store.errors import QueryInterrupted
from ldp_tui.store.index import index_slice, unindexed
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import AddStep
from ldp_tui.store.search import match_query

from .recording import begin, database, row


def fill(path: Path, texts: list[str]) -> None:
    with connect_writer(path) as writer:
        writer.submit(begin("a", row(0)))
        for t, text in enumerate(texts, 1):
            ticket = writer.submit(AddStep("a", row(t, text)))
        writer.wait(ticket, timeout=60)


def index(path: Path, slices: int = 10_000) -> None:
    connection = open_for_writing(path).connection
    while slices and index_slice(connection, 2):
        slices -= 1
    connection.close()


TEXTS = [
    "the quick brown fox",
    "a lazy dog",
    "Traceback (most recent call last)",
    "the fox and the dog",
    "naïve façade",
]


@pytest.mark.parametrize("indexed", [0, 1, 100], ids=["nothing indexed", "part indexed", "all indexed"])
@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (["fox"], {1, 4}),
        (["FOX", "dog"], {4}),
        (["lazy dog"], {2}),
        (["trace*"], {3}),
        (["(most"], {3}),
        (['"'], set()),
        ([], set()),
        (["wolf"], set()),
    ],
    ids=["word", "two words", "phrase", "beginning", "punctuation", "quote", "nothing", "absent"],
)
def test_search_finds_indexed_and_new_messages_alike(
    tmp_path: Path, words: list[str], rows: set[int], indexed: int
) -> None:
    """Whatever part is indexed yet, the same rows are found, and the rest is announced."""
    path = database(tmp_path)
    fill(path, TEXTS)
    rewind(path)
    index(path, indexed)
    with Reader(path) as reader:
        found = reader.search(words)
        assert found.unindexed == max(0, len(TEXTS) - 2 * indexed)
    assert {hit.t for hit in found.hits} == rows
    assert found.total == len(rows)
    for hit in found.hits:
        assert all(hit.snippet[start:end] for start, end in hit.marks)


def rewind(path: Path) -> None:
    """Forget what the writer's idle moments have indexed."""
    connection = sqlite3.connect(path)
    connection.execute("insert into message_fts(message_fts) values('delete-all')")
    connection.execute("update meta set v=0 where k='fts_upto'")
    connection.commit()
    connection.close()


def test_writer_indexes_when_it_has_nothing_to_do(tmp_path: Path) -> None:
    """Soon after recording, search knows everything."""
    path = database(tmp_path)
    with connect_writer(path) as writer:
        writer.submit(begin("a", row(0, "needle")))
        with Reader(path) as reader:
            deadline = time.monotonic() + 30
            while reader.search(["needle"]).total == 0 or reader.unindexed():
                assert time.monotonic() < deadline
                threading.Event().wait(0.02)


def test_too_many_hits_are_not_ranked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit the newest come first, and the count stops."""
    monkeypatch.setattr("ldp_tui.store.search.RANKED_AT_MOST", 3)
    path = database(tmp_path)
    fill(path, ["common"] * 10)
    index(path)
    with Reader(path) as reader:
        found = reader.search(["common"], limit=2)
    assert (found.ranked, found.total, [hit.t for hit in found.hits]) == (False, 3, [10, 9])


def test_index_and_messages_agree(tmp_path: Path) -> None:
    """FTS5's own integrity check passes after indexing in slices."""
    path = database(tmp_path)
    fill(path, [*TEXTS, "x" * 100])
    index(path)
    connection = sqlite3.connect(path)
    connection.execute("insert into message_fts(message_fts, rank) values('integrity-check', 1)")
    assert unindexed(connection) == 0
    connection.close()


def test_query_text_is_literal() -> None:
    """Operators and quotes of FTS5 mean nothing in a word; only a final star does."""
    assert match_query(['a"b', "NEAR(x)", "trace*", "AND"]) == '"a""b" "NEAR(x)" "trace"* "AND"'


def test_long_query_can_be_interrupted(tmp_path: Path) -> None:
    """Another thread ends it, and the reader can be used again."""
    path = database(tmp_path)
    fill(path, TEXTS)
    endless = "with recursive n(i) as (select 1 union all select i+1 from n) select count(*) from n"
    with Reader(path) as reader:
        stop = threading.Event()

        def keep_interrupting() -> None:
            while not stop.wait(0.01):
                reader.interrupt()

        thread = threading.Thread(target=keep_interrupting)
        thread.start()
        try:
            with pytest.raises(QueryInterrupted), reader._query() as connection:
                connection.execute(endless).fetchone()
        finally:
            stop.set()
            thread.join()
        assert reader.count() == 0
