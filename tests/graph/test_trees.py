"""Nested structures."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldp_tui.graph.trees import assert_same_structure, map_structure, map_structure_with_path


class Pair(NamedTuple):
    x: Any
    y: Any


structures = st.recursive(
    st.integers() | st.none() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.tuples(inner, inner)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=8,
)


@given(structures)
def test_mapping_the_identity(structure: Any) -> None:
    """It gives the same structure, of the same types."""
    mapped = map_structure(lambda leaf: leaf, structure)
    assert mapped == structure
    assert type(mapped) is type(structure)
    assert_same_structure(mapped, structure)


@given(structures)
def test_paths(structure: Any) -> None:
    """Each leaf is told the keys that lead to it."""

    def found(path: tuple[Any, ...], leaf: Any) -> None:
        value = structure
        for key in path:
            value = value[key]
        assert value is leaf

    map_structure_with_path(found, structure)


def test_several_structures() -> None:
    """The function gets a leaf of each."""
    assert map_structure(max, {"a": [1, 5]}, {"a": [2, 3]}) == {"a": [2, 5]}
    assert map_structure(lambda a, b: a + b, Pair(1, (2,)), Pair(3, (4,))) == Pair(4, (6,))


@pytest.mark.parametrize("leaf", ["text", b"bytes", range(3), {1, 2}, 1.5])
def test_leaves(leaf: Any) -> None:
    """Only dicts, lists and tuples are looked into."""
    assert map_structure(lambda each: [each], leaf) == [leaf]


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ([1], [1, 2], "at the top, the lengths are 1 and 2"),
        ({"a": [1]}, {"a": 1}, "at a, one is a list, the other a int"),
        ({"a": {"b": [0, [1]]}}, {"a": {"b": [0, (1,)]}}, "at a.b.1, one is a list, the other a tuple"),
        ({"a": 1}, {}, "the keys are a and none"),
    ],
)
def test_different_structures(one: Any, other: Any, said: str) -> None:
    """The error tells the place."""
    with pytest.raises(ValueError, match=said):
        assert_same_structure(one, other)
    with pytest.raises(ValueError, match=said):
        map_structure(lambda *leaves: None, one, other)


def test_types_that_do_not_matter() -> None:
    """Without a check of types, lists and tuples are the same."""
    assert_same_structure([1, (2,)], (1, [2]), check_types=False)
