"""What a Reader answers: frozen values, ready to show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from ldp_tui.store.rows import AgentRow, EndStatus, EnvRow, Status

SortKey = Literal["newest", "return", "steps", "cost", "env", "agent"]

Kind = Literal["human", "llm", "random", "scripted", "policy"]
Decision = Literal["accept", "reject", "ignore", "none"]
Group = Literal["task", "seed", "env", "agent"]
"""task: of an environment, its tasks; where an episode has none, its seed."""

SORT_KEYS: Final[tuple[SortKey, ...]] = ("newest", "return", "steps", "cost", "env", "agent")


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, both included; None leaves that side open."""

    low: float | None = None
    high: float | None = None

    @property
    def restricts(self) -> bool:
        """Whether anything lies outside."""
        return self.low is not None or self.high is not None


@dataclass(frozen=True, slots=True)
class OverruledStep:
    """Row `t` of an episode, whose action `author` preferred to the one that had been proposed."""

    uid: str
    t: int
    author: str | None


@dataclass(frozen=True, slots=True)
class EpisodeFilter:
    """Which ended episodes to list. Empty tuples and None restrict nothing; fields are joined by "and".

    `envs` and `agents` match any part of a name, in any case; `=name` all of it, `~pattern` a regular expression.
    Every one of `words` (a word, a phrase, or a beginning such as `trace*`) must occur in the episode's messages, every
    one of `tags` be set, and every one of `tools` be called. What matches one of `without` is left out. Of what is
    left, `best_of` keeps so many of the highest return per group (`per`; a task where none is named), and `limit` the
    first in the order of the list.
    """

    envs: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    statuses: tuple[EndStatus, ...] = ()
    seeds: tuple[str, ...] = ()
    task_ids: tuple[str, ...] = ()
    return_: Range = Range()
    steps: Range = Range()
    cost_usd: Range = Range()
    rating: Range = Range()
    started_ns: Range = Range()
    success: bool | None = None
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    flagged: bool | None = None
    run_uid: str | None = None
    without: tuple[EpisodeFilter, ...] = ()
    best_of: int | None = None
    per: tuple[Group, ...] = ()
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of episodes; ties, and episodes of one environment or agent, come newest first.

    `descending` turns `newest` into oldest first when it is False.
    """

    key: SortKey = "newest"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended; opaque to everyone but `Reader.episodes`."""

    value: float | int
    id: int
    group: int = 0


@dataclass(frozen=True, slots=True)
class EpisodeSummary:
    """One line of a list. `return_` leaves out NaN, infinite and huge (1e100) rewards; `return_tag` tells of them."""

    id: int
    uid: str
    run_uid: str
    env: str
    agent: str
    agent_kind: str
    model: str | None
    status: Status
    seed: str | None
    task_id: str | None
    started_ns: int
    ended_ns: int | None
    steps: int
    return_: float
    return_tag: str | None
    success: bool | None
    tokens_in: int
    tokens_out: int
    cost_usd: float
    wall_us: int
    detail: str | None
    parent_uid: str | None
    fork_t: int | None
    decision: str | None
    rating: int | None
    flagged: bool
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Consecutive episodes of a list; `after` continues it, None at the end."""

    episodes: tuple[EpisodeSummary, ...]
    after: Cursor | None


@dataclass(frozen=True, slots=True)
class EpisodeHeader:
    """All of an episode but its steps. Its own rows begin at `first_t`; earlier ones are its parent's."""

    summary: EpisodeSummary
    env: EnvRow
    agent: AgentRow
    options: str | None
    first_t: int
    messages: int
    chain: bytes


@dataclass(frozen=True, slots=True)
class EpisodeNode:
    """An episode in the tree of its forks. `fork_t` is the row at which it leaves its parent, None for the root.

    `level` counts the forks from the root (0) down to it; `steps` and `return_` include the rows that it shares.
    """

    id: int
    uid: str
    parent_uid: str | None
    fork_t: int | None
    level: int
    status: Status
    steps: int
    return_: float
    success: bool | None
    detail: str | None
    children: tuple[EpisodeNode, ...]
    """By the row at which they branch off, then in the order of recording."""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """What was seen at row `t`: RGB bytes (row-major), or text with width and height in characters."""

    t: int
    width: int
    height: int
    rgb: bytes | None
    text: str | None


@dataclass(frozen=True, slots=True)
class StoredPair:
    """A preference between two episodes from row `from_t` on (0: from where they first differ).

    With one id twice it is about that row alone: its action was preferred to the one that had been proposed.
    """

    chosen: int
    rejected: int
    from_t: int
    how: str
    margin: float | None
    author: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """A value and how many episodes have it."""

    value: str
    n: int


@dataclass(frozen=True, slots=True)
class Facets:
    """What there is to filter by, most frequent first."""

    envs: tuple[Count, ...]
    agents: tuple[Count, ...]
    statuses: tuple[Count, ...]
    tags: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """One line of the leaderboard. `mean` and `sd` are over `n_scored` finished episodes; NaN where there are none.

    `sd` divides by n-1 and is NaN below two episodes. `success_rate` is over the `n_judged` episodes whose task defines
    success; None where none does.
    """

    env: str
    agent: str
    n: int
    n_scored: int
    mean: float
    m2: float
    low: float | None
    high: float | None
    n_success: int
    n_judged: int
    n_done: int
    n_truncated: int
    n_failed: int
    n_interrupted: int
    n_aborted: int
    steps: int
    tokens_in: int
    tokens_out: int
    cost_usd: float
    last_ns: int

    @property
    def sd(self) -> float:
        """Sample standard deviation of the return."""
        return math.sqrt(max(0.0, self.m2) / (self.n_scored - 1)) if self.n_scored > 1 else math.nan

    @property
    def success_rate(self) -> float | None:
        """Share of successes among the judged episodes."""
        return self.n_success / self.n_judged if self.n_judged else None


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message that matches. `marks` are the (start, end) of the matches within `snippet`."""

    episode_id: int
    uid: str
    t: int
    i: int
    role: str
    snippet: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first where `ranked`, else newest first (too many to rank). `total` stops counting at 3,000.

    `unindexed` messages are not indexed yet: of those the newest 2,000 were searched.
    """

    hits: tuple[SearchHit, ...]
    ranked: bool
    total: int
    unindexed: int
