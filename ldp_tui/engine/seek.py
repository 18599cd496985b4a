"""Any moment of a stored episode as the state that live play showed, at the cost of reading one step."""

from __future__ import annotations

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
