from __future__ import annotations

import pytest
from gymnasium import spaces

from ldp_tui.adapters.gymnasium_keys import digits_for, keys_by_name, keys_of_environment, pairs_for, textual_key


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (ord("a"), "a"), (ord(" "), "space"), (" ", "space"), (13, "enter"), ("7", "7"), (ord("+"), "plus"),
        (".", "full_stop"),
        (273, "up"), (276, "left"), (1073741903, "right"), (1073741905, "down"),
        (27, None), (1073742049, None), ("word", None),
    ],
)  # fmt: skip
def test_key_of_pygame(key: int | str, name: str | None) -> None:
    """It has the name that Textual gives it; escape, modifiers and words have none."""
    assert textual_key(key) == name


def test_bindings_of_an_environment() -> None:
    """Single keys are kept, chords left out, and no key at all is the idle action."""
    assert keys_of_environment({(): 0, None: 0, (276,): 1, "w": 2, (ord("w"), ord("a")): 3}) == ({"left": 1, "w": 2}, 0)


def test_digits() -> None:
    """The first ten actions of a Discrete space, whatever it starts with; none for other spaces."""
    assert digits_for(spaces.Discrete(2, start=5)) == {"0": 5, "1": 6}
    assert len(digits_for(spaces.Discrete(18))) == 10
    assert digits_for(spaces.MultiBinary(2)) == {}


def test_names_that_are_directions() -> None:
    """They get the arrows, and firing the space bar."""
    assert keys_by_name(["NOOP", "FIRE", "Up", "LEFT", "UPFIRE"]) == {"up": "Up", "left": "LEFT", "space": "FIRE"}


def test_vector_of_one() -> None:
    """Left is least, right is most."""
    assert pairs_for(spaces.Box(-2.0, 2.0, (1,))) == {"space": 0.0, "right": 2.0, "left": -2.0}


@pytest.mark.parametrize(
    "box", [spaces.Box(-float("inf"), float("inf"), (2,)), spaces.Box(-1, 1, (12,)), spaces.Box(-1, 1, (2, 2))]
)
def test_vector_without_sensible_keys(box: spaces.Box) -> None:
    """Unbounded, long and two-dimensional actions get none."""
    assert pairs_for(box) == {}
