import math

import numpy as np
import pytest

from ldp_tui.tui.timeline import SPEEDS, Mark, Playhead, Timeline, big_rewards, clock, marks, returns


def timeline(rewards: list[float], *, errors: tuple[int, ...] = (), reflections: tuple[int, ...] = ()) -> Timeline:
    steps = len(rewards)
    return Timeline(
        rewards=np.array(rewards, np.float64),
        seconds=np.full(steps, 0.5),
        errors=np.isin(np.arange(steps), errors),
        reflections=np.isin(np.arange(steps), reflections),
    )


def test_marks_of_an_episode() -> None:
    """Each lies behind its step; where two fall together the graver one stays, and the end is always marked."""
    marked = marks(timeline([0, 0, 0, 0, 0, 0, 0, 5, 0], errors=(2,), reflections=(2, 4)))
    assert marked == (Mark(3, "error"), Mark(5, "reflection"), Mark(8, "gain"), Mark(9, "end"))


def test_reflections_at_every_step() -> None:
    """They mark nothing."""
    assert marks(timeline([0, 0], reflections=(0, 1))) == (Mark(2, "end"),)


def test_marks_of_an_episode_without_steps() -> None:
    """The reset is the end."""
    assert marks(timeline([])) == (Mark(0, "end"),)


@pytest.mark.parametrize(
    ("rewards", "big"),
    [
        ([1.0] * 200, []),
        ([0, 0, 0, 0, 1], [4]),
        ([-1] * 50 + [-10] + [-1] * 30 + [20], [50, 81]),
        ([0.0, math.nan, math.inf], [2]),
        ([], []),
        ([0.0], []),
        ([-1.0], []),
    ],
)
def test_big_rewards(rewards: list[float], big: list[int]) -> None:
    """Those that stand out from the usual ones."""
    assert np.flatnonzero(big_rewards(np.array(rewards, np.float64))).tolist() == big


def test_returns_with_a_reward_that_is_not_a_number() -> None:
    """It adds nothing."""
    assert returns(np.array([1, math.nan, -3, math.inf])).tolist() == [0, 1, 1, -2, -2]


def test_playing_at_double_speed() -> None:
    """Time counts twice, spare time is carried on, and the end stops it."""
    reached = clock(np.array([0.0, 0.5, 100.0]))
    assert reached.tolist() == pytest.approx([0, 0.1, 0.6, 2.6])
    head = Playhead(playing=True, speed=2.0).advanced(0.2, reached)
    assert (head.position, head.lead) == (1, pytest.approx(0.3))
    head = head.advanced(0.1, reached)
    assert (head.position, head.lead) == (1, pytest.approx(0.5)) or head.position == 2
    head = head.advanced(10, reached)
    assert (head.position, head.playing) == (3, False)


def test_many_short_ticks() -> None:
    """Playing arrives at the same position as in one long tick."""
    reached = clock(np.random.default_rng(0).uniform(0, 3, 500))
    head = Playhead(playing=True)
    for _ in range(1000):
        head = head.advanced(1 / 30, reached)
    assert abs(head.position - Playhead(playing=True).advanced(1000 / 30, reached).position) <= 1


def test_speed_at_its_bounds() -> None:
    """It stays there."""
    assert Playhead().faster(100).speed == SPEEDS[-1]
    assert Playhead().faster(-100).speed == SPEEDS[0]
    assert Playhead().faster(1).speed == 2.0
