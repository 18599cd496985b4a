"""A whole episode in one number per step: what the curve, the marks and the clock of a replay are made of.

`N` is the number of steps. A position counts the steps taken: 0 is the reset, `N` the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ldp_tui.store.rows import FLAG_ERROR
from ldp_tui.store.timeline import EpisodeTimeline

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
MarkKind = Literal["error", "gain", "loss", "reflection", "end"]

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
MOST_REWARDS: Final = 100
SHORTEST_S: Final = 0.1
LONGEST_S: Final = 2.0
"""At speed 1 a step shows as long as it took, within these bounds, so that fast games can be followed."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is known of every step without its messages and pictures."""

    rewards: Floats
    """`[N]`; NaN and infinite rewards are kept."""
    seconds: Floats
    """`[N]`: how long agent and environment took."""
    errors: Bools
    """`[N]`: a tool or the environment answered with an error."""
    reflections: Bools
    """`[N]`: the agent said what it thought."""

    @classmethod
    def of(cls, stored: EpisodeTimeline) -> Timeline:
        """The same from what the store reads."""
        steps = len(stored.rewards)
        flags = np.array(stored.flags, np.int64)
        return cls(
            rewards=np.array(stored.rewards, np.float64),
            seconds=np.array(stored.dt_us, np.float64) / 1e6,
            errors=(flags & FLAG_ERROR) > 0,
            reflections=np.isin(np.arange(steps), np.array(stored.reflections, np.int64)),
        )

    @property
    def steps(self) -> int:
        """N."""
        return len(self.rewards)


@dataclass(frozen=True, slots=True)
class Mark:
    """A position worth stopping at."""

    position: int
    kind: MarkKind


def returns(rewards: Floats) -> Floats:
    """`[N + 1]`: the return at each position; rewards that are not finite add nothing."""
    finite = np.where(np.isfinite(rewards), rewards, 0.0)
    return np.concatenate([[0.0], np.cumsum(finite)])


def marks(timeline: Timeline) -> tuple[Mark, ...]:
    """Errors, big rewards, reflections and the end, by position; one mark per position, the gravest.

    Reflections at more than half of the steps mark nothing special and are left out.
    """
    chosen: dict[int, MarkKind] = {}
    if timeline.steps and timeline.reflections.mean() <= 0.5:
        chosen |= dict.fromkeys(_positions(timeline.reflections), "reflection")
    big = big_rewards(timeline.rewards)
    chosen |= dict.fromkeys(_positions(big & (timeline.rewards > 0)), "gain")
    chosen |= dict.fromkeys(_positions(big & (timeline.rewards < 0)), "loss")
    chosen |= dict.fromkeys(_positions(timeline.errors), "error")
    chosen.setdefault(timeline.steps, "end")
    return tuple(Mark(position, chosen[position]) for position in sorted(chosen))


def big_rewards(rewards: Floats) -> Bools:
    """`[N]`: rewards of the largest twentieth that are also more than twice as large as usual, in either direction.

    Of more than MOST_REWARDS only the largest count: a mark at every other place marks nothing.
    """
    size = np.abs(np.where(np.isnan(rewards), 0.0, rewards))
    if not len(size):
        return np.zeros(0, np.bool_)
    usual, large = np.quantile(size, [0.5, 0.95], method="lower")
    if len(size) > MOST_REWARDS:
        large = max(large, np.partition(size, -MOST_REWARDS)[-MOST_REWARDS])
    big: Bools = (size >= large) & (size > 2 * usual) & (size > 0)
    return big


def clock(seconds: Floats) -> Floats:
    """`[N + 1]`: when each position is reached at speed 1."""
    return np.concatenate([[0.0], np.cumsum(np.clip(np.nan_to_num(seconds), SHORTEST_S, LONGEST_S))])


@dataclass(frozen=True, slots=True)
class Playhead:
    """Where a replay stands; `lead` is the time already spent at this position, at speed 1."""

    position: int = 0
    playing: bool = False
    speed: float = 1.0
    lead: float = 0.0

    def at(self, position: int) -> Playhead:
        """Moved there, by hand."""
        return replace(self, position=position, lead=0.0)

    def toggled(self) -> Playhead:
        """Playing if it rested, resting if it played."""
        return replace(self, playing=not self.playing)

    def faster(self, steps: int) -> Playhead:
        """`steps` speeds up (or down, if negative), as far as there are."""
        index = SPEEDS.index(self.speed) + steps
        return replace(self, speed=SPEEDS[max(0, min(index, len(SPEEDS) - 1))])

    def advanced(self, elapsed_s: float, reached: Floats) -> Playhead:
        """After `elapsed_s` seconds of playing, given `clock(...)`; it stops at the end."""
        now = reached[self.position] + self.lead + elapsed_s * self.speed
        position = int(np.searchsorted(reached, now, side="right")) - 1
        if position >= len(reached) - 1:
            return replace(self, position=len(reached) - 1, playing=False, lead=0.0)
        return replace(self, position=position, lead=float(now - reached[position]))


def _positions(steps: Bools) -> list[int]:
    """The positions right after the steps that are set."""
    positions: list[int] = (np.flatnonzero(steps) + 1).tolist()
    return positions
