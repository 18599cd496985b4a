from dataclasses import replace
from pathlib import Path

import pytest

from ldp_tui.engine.events import EpisodeEnded, Event
from ldp_tui.engine.replay import load_episode
from ldp_tui.engine.seek import state_at
from ldp_tui.engine.session import SessionState, reduce
from ldp_tui.store import connect_writer
from ldp_tui.store.reader import Reader
from tests.tui.recordings import cart_pole, question, started, uid, write


def live_states(events: list[Event]) -> list[SessionState]:
    """What live play showed after each position."""
    state, states = SessionState(), []
    for event in events:
        state = reduce(state, event)
        if isinstance(event, EpisodeEnded):
            states[-1] = state
        else:
            states.append(state)
    return states


@pytest.mark.parametrize(
    "events",
    [
        list(cart_pole(1, agent="human", seed=7, steps=12, reflects=True)),
        list(question(1, agent="react:gpt-5-mini", seed=1)),
        [started(1, "maze", "random", seed=1, observation="start")],
    ],
    ids=["pictures", "conversation", "running"],
)
@pytest.mark.parametrize("log", [1, 5])
def test_every_moment(tmp_path: Path, events: list[Event], log: int) -> None:
    """The state read from the store is the one that live play showed, its log cut to the newest entries."""
    with connect_writer(tmp_path / "ldp.db") as writer:
        write(writer, events)
        with Reader(writer.path) as reader:
            episode, timeline = load_episode(reader, uid(1)), reader.timeline(uid(1))
            for position, live in enumerate(live_states(events)):
                found = state_at(reader, episode, timeline, position, log=log)
                assert found == replace(live, log=live.log[-log:])


def test_position_beyond_the_end(tmp_path: Path) -> None:
    """There is none."""
    with connect_writer(tmp_path / "ldp.db") as writer:
        write(writer, list(cart_pole(1, agent="human", seed=7, steps=2)))
        with Reader(writer.path) as reader:
            episode, timeline = load_episode(reader, uid(1)), reader.timeline(uid(1))
            with pytest.raises(IndexError, match="there is no position 3"):
                state_at(reader, episode, timeline, 3)


def test_timeline_of_an_episode(tmp_path: Path) -> None:
    """It has one entry a step: rewards, sums, errors and reflections."""
    with connect_writer(tmp_path / "ldp.db") as writer:
        write(writer, list(question(1, agent="react:gpt-5-mini", seed=1, good=False)))
        with Reader(writer.path) as reader:
            timeline = reader.timeline(uid(1))
    assert timeline.rewards.tolist() == [0, -1]
    assert timeline.returns.tolist() == [0, -1]
    assert timeline.dt_us.tolist() == [1_500_000] * 2
    assert [flags & 4 for flags in timeline.flags] == [0, 4]
    assert timeline.reflections.tolist() == [0, 1]
