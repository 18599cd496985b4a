"""Read-only questions about a database. Each answer is complete when it returns: no snapshot is held in between."""

from __future__ import annotations

import os
import sqlite3
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from ldp_tui.store import episodes, lineage, listing, overview, preferences
from ldp_tui.store.annotations import annotations_of, overruled_steps
from ldp_tui.store.connection import open_for_reading
from ldp_tui.store.errors import StoreClosed, translate
from ldp_tui.store.index import unindexed
from ldp_tui.store.memories import memories
from ldp_tui.store.results import (
    Cursor,
    EpisodeFilter,
    EpisodeHeader,
    EpisodeNode,
    EpisodeSummary,
    Facets,
    OverruledStep,
    Page,
    SearchResult,
    Sort,
    Standing,
    StoredPair,
    StoredPicture,
)
from ldp_tui.store.rows import AnnotationRow, EpisodeOperation, GenerationRow, MemoryRow, StepRow
from ldp_tui.store.search import search
from ldp_tui.store.timeline import EpisodeTimeline, timeline

NO_FILTER = EpisodeFilter()
NEWEST = Sort()


class Reader:
    """One connection to an existing database, of this or a newer version. Threads take turns, `interrupt` needs none.

    Raises StoreError throughout, QueryInterrupted for a query that was interrupted.
    """

    def __init__(self, path: Path | str | os.PathLike[str]) -> None:
        self.path = Path(path)
        opened = open_for_reading(self.path)
        self.warning = opened.warning
        self._connection = opened.connection
        self._turn = threading.RLock()
        self._closed = False

    def close(self) -> None:
        """Let go of the file."""
        with self._turn:
            self._closed = True
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def interrupt(self) -> None:
        """End the query that another thread is running, if any."""
        if not self._closed:
            self._connection.interrupt()

    def version(self) -> int:
        """A number that changes when another connection has written: poll it to notice new recordings (3 µs)."""
        with self._query() as connection:
            return int(connection.execute("pragma data_version").fetchone()[0])

    def episodes(
        self, wanted: EpisodeFilter = NO_FILTER, sort: Sort = NEWEST, *, after: Cursor | None = None, limit: int = 50
    ) -> Page:
        """The next `limit` ended episodes behind `after`. Running ones are listed by `running`."""
        with self._query() as connection:
            found, following = listing.page(connection, wanted, sort, after, limit)
            return Page(tuple(episodes.summaries(connection, found)), following)

    def episode_ids(self, wanted: EpisodeFilter = NO_FILTER, sort: Sort = NEWEST) -> array[int]:
        """Ids of all ended episodes in order: the row numbers of a windowed table (see `summaries`)."""
        with self._query() as connection:
            return listing.all_ids(connection, wanted, sort)

    def summaries(self, ids: Sequence[int]) -> list[EpisodeSummary]:
        """The episodes `ids`, in that order; those that are gone are left out."""
        with self._query() as connection:
            return episodes.summaries(connection, ids)

    def running(self) -> list[EpisodeSummary]:
        """The episodes that have not ended, newest first."""
        with self._query() as connection:
            found = connection.execute(
                "select id from episode where status='running' order by started_ns desc, id desc"
            ).fetchall()
            return episodes.summaries(connection, [ep for (ep,) in found])

    def count(self, wanted: EpisodeFilter = NO_FILTER) -> int:
        """How many ended episodes the filter leaves."""
        with self._query() as connection:
            return listing.count(connection, wanted)

    def facets(self) -> Facets:
        """The environments, agents, statuses and tags that ended episodes have."""
        with self._query() as connection:
            return overview.facets(connection)

    def rollup(self) -> list[Standing]:
        """The leaderboard: one line per environment and agent name, best mean return first within an environment."""
        with self._query() as connection:
            return overview.standings(connection)

    def search(self, words: Sequence[str], *, limit: int = 50) -> SearchResult:
        """Messages that hold all of `words`; each is a word, a phrase, or a beginning such as `trace*`."""
        with self._query() as connection:
            return search(connection, words, limit)

    def unindexed(self) -> int:
        """How many messages full-text search does not know yet."""
        with self._query() as connection:
            return unindexed(connection)

    def find(self, key: str) -> int:
        """The id of the episode whose uid is `key` or begins with it. Raises EpisodeUnknown for none or several."""
        with self._query() as connection:
            return episodes.find(connection, key)

    def episode(self, key: int | str) -> EpisodeHeader:
        """An episode by id, uid, or the beginning of a uid. Raises EpisodeUnknown."""
        with self._query() as connection:
            return episodes.header(connection, self._id(key))

    def steps(
        self, key: int | str, start: int = 0, stop: int | None = None, *, pictures: bool = False
    ) -> list[StepRow]:
        """Rows `start <= t < stop` with their messages, those before a fork included.

        Texts are valid Unicode; of one longer than 16 MB the first 64 k characters come (`operations` gives all).
        `pictures` adds the encoded pictures.
        """
        with self._query() as connection:
            return episodes.steps(connection, self._id(key), start, stop, pictures=pictures)

    def unplayed(self, key: int | str, steps: int) -> tuple[GenerationRow, ...]:
        """The requests to models that no step came of, of an episode that ended after `steps` steps."""
        with self._query() as connection:
            return episodes.unplayed(connection, self._id(key), steps)

    def picture(self, key: int | str, t: int) -> StoredPicture | None:
        """The newest picture at or before row `t`; None when there is none."""
        with self._query() as connection:
            return episodes.picture(connection, self._id(key), t)

    def returns(self, key: int | str) -> array[float]:
        """The sum of finite rewards up to each row, row 0 first: the return curve."""
        with self._query() as connection:
            return episodes.returns(connection, self._id(key))

    def timeline(self, key: int | str) -> EpisodeTimeline:
        """One entry per step, without messages and pictures: enough to seek in the episode, and to draw it."""
        with self._query() as connection:
            return timeline(connection, self._id(key))

    def operations(self, key: int | str) -> Iterator[EpisodeOperation]:
        """Everything of an episode as the operations that record it again, with an equal hash chain.

        A fork's own rows only: its parent has to be written first. A running episode yields no EndEpisode.
        """
        ep = self._id(key)
        position: int | None = None
        while True:
            with self._query() as connection:
                batch, position = episodes.operations(connection, ep, position)
            yield from batch
            if position is None:
                return

    def lineage(self, key: int | str) -> list[str]:
        """The uid of the episode and those of its ancestors, oldest first."""
        with self._query() as connection:
            return episodes.lineage(connection, self._id(key))

    def tree(self, key: int | str) -> EpisodeNode:
        """The root of the tree of forks that the episode belongs to, such as the branches of a search."""
        with self._query() as connection:
            return lineage.tree(connection, self._id(key))

    def uids(self) -> Iterable[str]:
        """Every episode's uid in the order of recording, running ones included; parents come before their forks."""
        with self._query() as connection:
            return [uid for (uid,) in connection.execute("select uid from episode order by id").fetchall()]

    def pairs(self, ids: Sequence[int]) -> list[StoredPair]:
        """The preferences among the episodes `ids`, in the order in which they were stored; rejected ones left out."""
        with self._query() as connection:
            return preferences.pairs(connection, ids)

    def masked_rows(self, key: int | str) -> frozenset[int]:
        """The rows `t` of an episode whose actions are not to be trained on."""
        with self._query() as connection:
            return preferences.masked_rows(connection, self._id(key))

    def chains(self, uids: Sequence[str]) -> list[tuple[str, str]]:
        """Each uid with the last hash of its chain in hexadecimal, in that order; those that are gone are left out."""
        with self._query() as connection:
            return preferences.chains(connection, uids)

    def annotations(self, key: int | str) -> list[AnnotationRow]:
        """What was said of an episode, in the order of its coming."""
        with self._query() as connection:
            return annotations_of(connection, self._id(key))

    def overruled_steps(self, key: int | str | None = None) -> list[OverruledStep]:
        """The steps of an episode (None: of all) whose action was preferred to the one proposed, in recorded order."""
        ep = None if key is None else self._id(key)
        with self._query() as connection:
            return overruled_steps(connection, ep)

    def memories(self, collection: str | None = None, *, after: int = 0) -> list[tuple[int, MemoryRow]]:
        """What agents remember in `collection` (None: in all), with growing numbers; those numbered above `after`."""
        with self._query() as connection:
            return memories(connection, collection, after)

    def _id(self, key: int | str) -> int:
        return key if isinstance(key, int) else self.find(key)

    @contextmanager
    def _query(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            if self._closed:
                raise StoreClosed("This reader is closed; open another one.")
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise translate(error, self.path) from error
