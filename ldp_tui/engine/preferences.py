"""Overruled steps as preferences: at one moment of an episode, the action that was played and the one that was not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ldp_tui.core.messages import Message
from ldp_tui.engine.replay import load_episode, read_steps
from ldp_tui.store.reader import Reader


@dataclass(frozen=True, slots=True)
class Preference:
    """At step `index` of episode `uid`, `by` preferred `chosen` to `rejected`; steps before it are the context."""

    uid: str
    index: int
    chosen: Message
    rejected: Message
    by: str
    author: Literal["human", "code"]
    reason: str = ""


def preferences(reader: Reader, key: int | str | None = None) -> Iterator[Preference]:
    """The preferences of an episode (None: of all episodes), in the order of their recording.

    Raises:
        StoreError: If there is no such episode.
    """
    uid = None if key is None else load_episode(reader, key, pictures=False).started.uid
    for step in reader.overruled_steps(uid):
        (taken,) = read_steps(reader, step.uid, step.t - 1, step.t)
        told = taken.overseen
        if told is not None and told.proposed is not None:
            yield Preference(step.uid, taken.index, taken.action, told.proposed, told.by, told.author, told.text)
