"""Any moment of a stored episode as the state that live play showed, at the cost of reading a few steps."""

from __future__ import annotations

from dataclasses import replace

from ldp_tui.engine.replay import RecordedEpisode, read_steps, rendering_of
from ldp_tui.engine.session import SessionState, reduce
from ldp_tui.store.reader import Reader
from ldp_tui.store.timeline import EpisodeTimeline


def state_at(
    reader: Reader, episode: RecordedEpisode, timeline: EpisodeTimeline, position: int, *, log: int = 1
) -> SessionState:
    """The state after `position` steps (0: the reset), as `reduce` makes it of all events up to there.

    `log` (at least 1) is the number of steps that are read, and of log entries; what earlier ones contribute are sums,
    which the timeline has. Raises IndexError for a position that the timeline does not reach, StoreError.
    """
    if not 0 <= position <= len(timeline.rewards):
        raise IndexError(f"The episode has {len(timeline.rewards)} steps; there is no position {position}.")
    state = reduce(SessionState(), episode.started)
    if position:
        key, start = episode.header.summary.id, max(0, position - log)
        state = _after(state, timeline, start)
        for step in read_steps(reader, key, start, position):
            state = reduce(state, step)
        state = replace(state, rendering=rendering_of(reader.picture(key, position)))
    if episode.ended is not None and position == episode.steps:
        state = reduce(state, episode.ended)
    return state


def _after(start: SessionState, timeline: EpisodeTimeline, steps: int) -> SessionState:
    """The sums after `steps` steps; everything else is as at the start."""
    if not steps:
        return start
    return replace(
        start,
        steps=steps,
        rewards=tuple(timeline.rewards[:steps]),
        last_reward=timeline.rewards[steps - 1],
        return_=timeline.returns[steps - 1],
        tokens=timeline.tokens[steps - 1],
        cost_usd=timeline.costs[steps - 1],
    )
