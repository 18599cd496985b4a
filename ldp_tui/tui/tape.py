"""A stored episode as a replay needs it: its header, and what scrubber, curve and clock are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ldp_tui.engine.replay import RecordedEpisode, load_episode
from ldp_tui.store.reader import Reader
from ldp_tui.store.timeline import EpisodeTimeline
from ldp_tui.tui.timeline import Floats, MarkKind, Timeline, clock, marks, returns

SYMBOLS: Final[Mapping[MarkKind, str]] = {"error": "!", "gain": "▲", "loss": "▼", "reflection": "r", "end": "■"}


@dataclass(frozen=True, slots=True)
class Tape:
    """All of an episode but its messages and pictures. Arrays are `[N + 1]`, one entry per position."""

    episode: RecordedEpisode
    stored: EpisodeTimeline
    marks: Mapping[int, str]
    """Position to symbol."""
    reached: Floats
    """When each position is reached at speed 1, in seconds."""
    recorded: Floats
    """When it was reached while it was played."""
    returns: Floats

    @property
    def steps(self) -> int:
        """N."""
        return len(self.stored.rewards)


def load_tape(reader: Reader, key: int) -> Tape:
    """The tape of an episode as it is now; raises StoreError."""
    episode = load_episode(reader, key)
    stored = reader.timeline(key)
    timeline = Timeline.of(stored)
    return Tape(
        episode=episode,
        stored=stored,
        marks={mark.position: SYMBOLS[mark.kind] for mark in marks(timeline)},
        reached=clock(timeline.seconds),
        recorded=np.concatenate([[0.0], np.cumsum(timeline.seconds)]),
        returns=returns(timeline.rewards),
    )
