"""Any moment of a stored episode as the state that live play showed, at the cost of reading one step."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from dataclasses import replace

from ldp_tui.engine.replay import RecordedEpisode, read_steps, rendering_of
from ldp_tui.engine.session import SessionState, reduce
from ldp_tui.store.reader import Reader
from ldp_tui.store.timeline import EpisodeTimeline


def state_at(reader: Reader, episode: RecordedEpisode, timeline: EpisodeTimeline, position: int) -> SessionState:
    """The state after `position` steps (0: the reset), as `reduce` makes it of all events up to there.

    What the steps before the last one contribute are sums, which the timeline has; their log entries are left out.
    Raises IndexError for a position that the timeline does not reach, StoreError.
    """
    if not 0 <= position <= len(timeline.rewards):
        raise IndexError(f"The episode has {len(timeline.rewards)} steps; there is no position {position}.")
    state = reduce(SessionState(), episode.started)
    if position:
        key = episode.header.summary.id
        (step,) = read_steps(reader, key, position - 1, position)
        seen = rendering_of(reader.picture(key, position))
        state = reduce(_after(state, timeline, position - 1), replace(step, rendering=seen))
    if episode.ended is not None and position == episode.steps:
        state = reduce(state, episode.ended)
    return state


def _after(start: SessionState, timeline: EpisodeTimeline, steps: int) -> SessionState:
    """The sums after `steps` steps; everything else is as at the start."""
    rewards = tuple(timeline.rewards[:steps])
    return replace(
        start,
        steps=steps,
        rewards=rewards,
        return_=_added(rewards),
        last_reward=rewards[-1] if rewards else None,
        tokens=sum(timeline.tokens[:steps]),
        cost_usd=_added(timeline.costs[:steps]),
    )


def _added(values: Iterable[float]) -> float:
    """The sum with the roundings of one addition after the other; `sum` has fewer from Python 3.12 on."""
    return functools.reduce(operator.add, values, 0.0)
