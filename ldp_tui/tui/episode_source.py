"""The episodes that a filter leaves, as rows of a table: running ones on top, then the ended ones in their order."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from typing import Final

from textual.content import Content

from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeFilter, EpisodeSummary, Sort
from ldp_tui.tui.episode_text import ENDINGS, NONE, moment, number, return_text, success_text
from ldp_tui.tui.lazy_reader import LazyReader
from ldp_tui.tui.plain import plain_line
from ldp_tui.tui.widgets.row_table import Cell, Column

FIRST_PAGES: Final = 512
"""Episodes that are read with the count: the two pages that a table reads first, in a few milliseconds."""


@dataclass(frozen=True, slots=True)
class _Query:
    """What is listed, and in which order."""

    wanted: EpisodeFilter
    sort: Sort


@dataclass(frozen=True, slots=True)
class _Listing:
    """The rows of one count. `top` are the first ended episodes; `ids` all of them, once more were wanted."""

    running: tuple[EpisodeSummary, ...] = ()
    count: int = 0
    top: tuple[EpisodeSummary, ...] = ()
    ids: array[int] | None = None

    def __len__(self) -> int:
        return len(self.running) + self.count


class EpisodeSource:
    """A RowSource with a connection of its own, opened and used on the table's reader thread.

    The first pages are read at once, the order of all episodes only when rows beyond it are wanted; from then on
    positions hold until the next `count`, whatever is recorded meanwhile. The first two cells of a row are the
    episode's id and uid.
    """

    def __init__(self, open_reader: Callable[[], Reader], *, marked: Container[int] = ()) -> None:
        """`marked`: ids that get a dot; looked at when rows are read, so it may change between reloads."""
        self._reader = LazyReader(open_reader)
        self._marked = marked
        self._query = _Query(EpisodeFilter(), Sort())
        self._listing = _Listing()
        self._guard = threading.Lock()

    def ask(self, wanted: EpisodeFilter, sort: Sort) -> None:
        """List these from now on; what still runs is interrupted. The table has to be shown the source anew."""
        with self._guard:
            self._query, self._listing = _Query(wanted, sort), _Listing()
        self._reader.interrupt()

    def count(self) -> int:
        """How many episodes there are now."""
        query, reader = self._query, self._reader.get()
        running = tuple(summary for summary in reader.running() if may_run(summary, query.wanted))
        if query.wanted.words:  # found once, not again for the count
            ids = reader.episode_ids(query.wanted, query.sort)
            return len(self._keep(query, _Listing(running, len(ids), ids=ids)))
        top = reader.episodes(query.wanted, query.sort, limit=FIRST_PAGES)
        count = len(top.episodes) if top.after is None else reader.count(query.wanted)
        return len(self._keep(query, _Listing(running, count, top.episodes)))

    def rows(self, start: int, stop: int) -> Sequence[Sequence[Cell]]:
        """Episodes by position in the newest listing."""
        query, listing = self._query, self._listing
        above = len(listing.running)
        first, last = max(0, start - above), max(0, stop - above)
        if listing.ids is not None or last > len(listing.top) < listing.count:
            listing = self._ordered(query, listing)
            ended: Sequence[EpisodeSummary] = self._reader.get().summaries((listing.ids or array("q"))[first:last])
        else:
            ended = listing.top[first:last]
        return [self._row(summary) for summary in (*listing.running[start:stop], *ended)]

    def position(self, episode_id: int) -> int | None:
        """Where an episode stands in the newest listing, as far as it is read."""
        listing = self._listing
        read = [summary.id for summary in listing.running]
        read += [summary.id for summary in listing.top] if listing.ids is None else listing.ids
        return read.index(episode_id) if episode_id in read else None

    def close(self) -> None:
        """Interrupt what is being read, and read no more."""
        self._reader.close()

    def _ordered(self, query: _Query, listing: _Listing) -> _Listing:
        if listing.ids is not None:
            return listing
        return self._keep(query, replace(listing, ids=self._reader.get().episode_ids(query.wanted, query.sort)))

    def _keep(self, query: _Query, listing: _Listing) -> _Listing:
        """Remember it, unless something else was asked for meanwhile."""
        with self._guard:
            if self._query is query:
                self._listing = listing
        return listing

    def _row(self, summary: EpisodeSummary) -> tuple[Cell, ...]:
        started = moment(summary.started_ns)
        return (
            summary.id,
            summary.uid,
            "●" if summary.id in self._marked else "",
            str(summary.id),
            summary.env,
            summary.agent,
            NONE if summary.seed is None else summary.seed.replace("-", "−"),
            f"{summary.steps:,}",
            return_text(summary),
            success_text(summary.success),
            _ending(summary),
            ", ".join(_labels(summary)),
            number(summary.cost_usd) if summary.cost_usd else NONE,
            started[5:16],
            started[:16],
        )


def may_run(summary: EpisodeSummary, wanted: EpisodeFilter) -> bool:
    """Whether a running episode is shown: only what is settled at its start can speak for or against it."""
    unsettled = EpisodeFilter(envs=wanted.envs, agents=wanted.agents, seeds=wanted.seeds, task_ids=wanted.task_ids)
    return (
        wanted == unsettled
        and _any_in(wanted.envs, summary.env)
        and _any_in(wanted.agents, summary.agent)
        and (not wanted.seeds or summary.seed in wanted.seeds)
        and (not wanted.task_ids or summary.task_id in wanted.task_ids)
    )


def episode_columns(width: int) -> tuple[Column, ...]:
    """The columns that fit a table of `width` cells; the others are hidden, not left out."""
    wide = width >= 96
    return (
        Column("", "", 0),
        Column("", "", 0),
        Column("mark", "", 1),
        Column("id", "id", 7 if wide else 0, align="right"),
        Column("env", "environment", 16 if wide else 13, sortable=True, grow=True),
        Column("agent", "agent", 14 if wide else 11, sortable=True, grow=True),
        Column("seed", "seed", 5 if wide else 0, align="right"),
        Column("steps", "steps", 7 if wide else 6, align="right", sortable=True),
        Column("return", "return", 9, align="right", sortable=True),
        Column("success", "ok", 2 if wide else 0),
        Column("end", "end", 11 if wide else 10),
        Column("tags", "tags", 12 if width >= 130 else 0, grow=True),
        Column("cost", "cost $", 7 if width >= 140 else 0, align="right", sortable=True),
        Column("newest", "when", 0 if wide else 11, sortable=True),
        Column("newest", "when", 16 if wide else 0, sortable=True),
    )


def _ending(summary: EpisodeSummary) -> Cell:
    word = ENDINGS[summary.status]
    match summary.status:
        case "running":
            return Content.from_markup("[$accent]▸ $word[/]", word=word)
        case "failed":
            return Content.from_markup("[$error]! $word[/]", word=word)
        case "aborted" | "interrupted":
            return Content.from_markup("[$foreground-muted]$word[/]", word=word)
        case _:
            return word


def _labels(summary: EpisodeSummary) -> list[str]:
    labels = ["⚑"] if summary.flagged else []
    labels += ["★" * summary.rating] if summary.rating else []
    labels += [summary.decision] if summary.decision else []
    labels += ["fork"] if summary.parent_uid else []
    return labels + [plain_line(tag) for tag in summary.tags]


def _any_in(parts: tuple[str, ...], name: str) -> bool:
    return not parts or any(part.casefold() in name.casefold() for part in parts)
