"""Whatever an environment hands out becomes strict JSON, valid text and plain numbers."""

from __future__ import annotations

import datetime
import json
import math
from collections import namedtuple
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldp_tui.store.cleaning import check_size, clean_json, clean_number, clean_seed, clean_text, reward_of
from ldp_tui.store.errors import ValueRefused

any_text = st.text(st.characters(exclude_categories=()))
plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
odd_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | any_text
    | st.binary(max_size=20)
    | st.builds(np.float32, st.floats(width=32))
    | st.builds(np.int64, st.integers(-(2**63), 2**63 - 1))
    | st.builds(lambda xs: np.array(xs, dtype=np.float64), st.lists(st.floats(), max_size=5))
    | st.builds(object),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(any_text | st.integers() | st.floats(), inner, max_size=4)
        | st.frozensets(st.integers(), max_size=4)
    ),
    max_leaves=20,
)


@given(plain_json)
def test_plain_json_comes_back_equal(value: Any) -> None:
    """What JSON can say is kept, and nothing is reported as replaced."""
    cleaned = clean_json(value)
    assert json.loads(cleaned.text) == value
    assert cleaned.replaced == ()


@given(odd_values)
@settings(max_examples=300)
def test_any_value_becomes_strict_json(value: Any) -> None:
    """No value raises, and the text has no NaN, no surrogates, and parses strictly."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    text = clean_json(value).text
    text.encode()
    json.loads(text, parse_constant=refuse)


@given(st.floats())
def test_numbers_are_taken_apart_and_put_together(number: float) -> None:
    """Finite numbers stay; NaN and infinities leave a tag that gives them back."""
    value, tag = clean_number(number)
    back = reward_of(value, tag)
    assert back is not None
    assert back == number or (math.isnan(back) and math.isnan(number))
    assert (tag is None) == math.isfinite(number)


@given(any_text)
def test_text_can_be_encoded_and_keeps_its_length(text: str) -> None:
    """Only lone surrogates change, one character each."""
    cleaned = clean_text(text)
    cleaned.encode()
    assert len(cleaned) == len(text)
    assert all(a == b or "\ud800" <= a <= "\udfff" for a, b in zip(text, cleaned, strict=True))


def test_replaced_numbers_are_reported_with_their_paths() -> None:
    """The caller learns where null stands for NaN or an infinity."""
    cleaned = clean_json({"a": [1, math.nan, {"b": np.float32("inf")}], "c": None, "d": np.array([[-math.inf]])})
    assert json.loads(cleaned.text) == {"a": [1, None, {"b": None}], "c": None, "d": [[None]]}
    assert cleaned.replaced == ("$.a[1]=nan", "$.a[2].b=inf", "$.d[0][0]=-inf")


def test_values_without_a_json_form_say_what_they_are() -> None:
    """Enums, dataclasses, sets, bytes, dates and big integers have a form; other objects name their type."""

    class Colour(Enum):
        RED = 1

    @dataclass
    class Point:
        x: int

    pair = namedtuple("pair", "a b")
    value = [Colour.RED, Point(3), {3, 1}, b"\x00", datetime.date(2026, 1, 2), 2**80, pair(1, 2), np.bool_(1), None]
    assert json.loads(clean_json(value).text) == [
        1,
        {"x": 3},
        [1, 3],
        {"$bytes": "AA=="},
        "2026-01-02",
        2**80,
        [1, 2],
        True,
        None,
    ]
    assert json.loads(clean_json(re_object := object()).text)["$repr"] == repr(re_object)


def test_too_deep_a_value_is_refused_with_the_reason() -> None:
    """Depth is bounded before Python's own recursion is."""
    value: Any = None
    for _ in range(5000):
        value = [value]
    with pytest.raises(ValueRefused, match="nested deeper"):
        clean_json(value)


@pytest.mark.parametrize("value", [10**5000, {"a": [-(10**5000)]}, {10**5000: 1}], ids=["number", "inside", "key"])
def test_number_of_too_many_digits_is_refused_with_the_reason(value: Any) -> None:
    """Python neither writes nor reads it; one that it does is kept whole."""
    with pytest.raises(ValueRefused, match=r"more than 4,300 digits .* give it as text"):
        clean_json(value)
    assert json.loads(clean_json(10**4200).text) == 10**4200


@pytest.mark.parametrize(
    ("seed", "text"),
    [(None, None), (7, "7"), (2**80, str(2**80)), (np.uint64(2**64 - 1), "18446744073709551615"), ("s", "s")],
    ids=["none", "small", "big", "numpy", "text"],
)
def test_seeds_become_text(seed: object, text: str | None) -> None:
    """A seed of any size is kept exactly."""
    assert clean_seed(seed) == text


def test_size_limit_names_the_size() -> None:
    """The refusal says how large the value is and how large it may be."""
    with pytest.raises(ValueRefused, match=r"600 MB; at most 512 MB"):
        check_size(600 * 2**20, "A message")
