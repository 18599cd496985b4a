"""What a play session is asked to be: its lanes, their seed, and where it is recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from ldp_tui.core.errors import UsageError

Pictures = Literal["store", "show", "none"]
"""store: record and show them · show: show them only · none: environments are never asked to draw."""

MAX_LANES: Final = 8


@dataclass(frozen=True, slots=True)
class LaneSpec:
    """One agent in one environment, both as people type them (`FrozenLake-v1,is_slippery=false`, `random`)."""

    environment: str
    agent: str

    def __post_init__(self) -> None:
        if not self.environment.strip():
            raise UsageError("A lane needs an environment.")
        if not self.agent.strip():
            raise UsageError(f"The lane of {self.environment} needs an agent.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSpec:
    """Lanes that are played side by side, each from the same seed. Raises UsageError where a value makes no sense."""

    lanes: tuple[LaneSpec, ...]
    seed: int | None = None
    """Seed of every lane; None: the engine draws one, so that lanes still face the same episode."""
    max_steps: int | None = None
    """Steps after which an episode is truncated; None: the environment's own limit alone."""
    db: str | None = None
    """Database that episodes are recorded in; None: nothing is recorded."""
    pictures: Pictures = "store"
    fps_limit: float = 30.0
    """Pictures a second that are sent for each lane at most; a lane's view may ask for fewer."""
    speed: float | None = 1.0
    """Factor on the pace that a person can follow (see `pacing`); None: as fast as the lanes can."""

    approve: bool = False
    """Whether agents wait for a person before each action, from the first on."""
    person: str = ""
    """Who sits at the screen, for the record of what they do; empty: as they are logged in."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.lanes) <= MAX_LANES:
            raise UsageError(f"A session has 1 to {MAX_LANES} lanes, not {len(self.lanes)}.")
        if self.max_steps is not None and self.max_steps < 1:
            raise UsageError(f"max_steps must be at least 1, not {self.max_steps}.")
        if not 0 < self.fps_limit <= 240:
            raise UsageError(f"fps_limit must be above 0 and at most 240, not {self.fps_limit:g}.")
        check_speed(self.speed)


def check_speed(factor: float | None) -> None:
    """Raise UsageError unless `factor` is a positive number, or None for no limit."""
    if factor is not None and not (factor > 0 and math.isfinite(factor)):
        raise UsageError(f"The speed must be a positive number, or none for no limit, not {factor:g}.")
