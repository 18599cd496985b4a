"""Shuffled orders, and generators in pydantic models."""

from __future__ import annotations

import random
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from ldp_tui.core.shuffling import RandomAnnotation, shuffle


@pytest.mark.parametrize(
    ("value", "seed", "expected"),
    [
        ((), None, []),
        ((1,), None, [1]),
        ("12345", 42, ["1", "5", "3", "2", "4"]),
        (range(10), random.Random(42), [1, 0, 4, 9, 6, 5, 8, 2, 3, 7]),
        (list(range(10)), np.random.default_rng(42), [2, 9, 1, 6, 3, 8, 5, 7, 4, 0]),
    ],
)
def test_shuffled_sequence(value: Any, seed: Any, expected: list[Any]) -> None:
    """A seed gives the same order in every process; the elements stay the objects they are."""
    shuffled = shuffle(value, seed)
    assert shuffled == expected
    assert all(type(element) is not np.int64 for element in shuffled)


def test_shuffled_array() -> None:
    """It stays an array, row by row, and the given one stays as it is."""
    rows = np.arange(8).reshape(4, 2)
    shuffled = shuffle(rows, 0)
    assert isinstance(shuffled, np.ndarray)
    assert [tuple(row) for row in shuffled] == [tuple(rows[i]) for i in shuffle(range(4), 0)]
    assert rows[0].tolist() == [0, 1]


def test_without_a_seed() -> None:
    """The global generator decides, so its seed counts."""
    random.seed(3)
    first = shuffle(range(50))
    random.seed(3)
    assert shuffle(range(50)) == first


def test_generator_goes_on() -> None:
    """Given twice, it gives two orders."""
    generator = random.Random(1)
    assert shuffle(range(20), generator) != shuffle(range(20), generator)


class Drawing(BaseModel):
    rng: Annotated[random.Random, RandomAnnotation()] | str


@pytest.mark.parametrize("mode", ["json", "python"])
def test_generator_in_a_model(mode: str) -> None:
    """Written and read again, it goes on with the same numbers."""
    drawing = Drawing(rng=random.Random(5))
    assert isinstance(drawing.rng, random.Random)
    drawing.rng.gauss(0, 1)
    read = (
        Drawing.model_validate_json(drawing.model_dump_json())
        if mode == "json"
        else Drawing.model_validate(drawing.model_dump(mode="json"))
    )
    assert isinstance(read.rng, random.Random)
    assert [read.rng.gauss(0, 1) for _ in range(3)] == [drawing.rng.gauss(0, 1) for _ in range(3)]
    assert Drawing.model_validate(drawing.model_dump()).rng is drawing.rng


def test_what_is_no_generator() -> None:
    """Other values of a union are left to its other types, and a state that is none is a validation error."""
    assert Drawing(rng="by question").rng == "by question"
    for wrong in (3, [1, 2], [3, [1, 2], None], [99, [0] * 625, None]):
        with pytest.raises(ValidationError):
            Drawing.model_validate({"rng": wrong})


def test_schema_of_a_generator() -> None:
    """A model with one has a JSON Schema."""
    assert Drawing.model_json_schema()["properties"]["rng"]["anyOf"][0]["type"] == "array"
