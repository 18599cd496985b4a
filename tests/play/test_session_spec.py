"""Sessions that make no sense are refused where they are written down."""

from __future__ import annotations

import pytest

from ldp_tui.core.errors import UsageError
from ldp_tui.play.messages import Act, Speed
from ldp_tui.play.session_spec import LaneSpec, SessionSpec

LANE = LaneSpec("maze", "random")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lanes": ()}, "lanes"),
        ({"lanes": (LANE,) * 9}, "lanes"),
        ({"lanes": (LANE,), "max_steps": 0}, "max_steps"),
        ({"lanes": (LANE,), "fps_limit": 0.0}, "fps_limit"),
        ({"lanes": (LANE,), "speed": 0.0}, "speed"),
        ({"lanes": (LANE,), "speed": float("inf")}, "speed"),
        ({"lanes": (LANE,), "speed": float("nan")}, "speed"),
    ],
    ids=str,
)
def test_session_that_makes_no_sense(settings: dict[str, object], words: str) -> None:
    """The message names the setting."""
    with pytest.raises(UsageError, match=words):
        SessionSpec(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("lane", [("", "random"), ("maze", " ")])
def test_lane_without_environment_or_agent(lane: tuple[str, str]) -> None:
    """It is refused."""
    with pytest.raises(UsageError, match="needs an"):
        LaneSpec(*lane)


def test_speed_that_makes_no_sense() -> None:
    """It is refused."""
    with pytest.raises(UsageError, match="speed"):
        Speed(-2.0)


@pytest.mark.parametrize(
    "call", [{}, {"name": "act"}, {"name": 1, "arguments": {}}, {"name": "act", "arguments": [1]}], ids=str
)
def test_act_without_a_proper_call(call: dict[str, object]) -> None:
    """It is refused with the form that is expected."""
    with pytest.raises(UsageError, match="arguments"):
        Act(0, (call,))
