from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from ldp_tui.adapters.plain import PACK_ABOVE, plain
from ldp_tui.adapters.space_text import describe_for
from ldp_tui.adapters.spaces import InvalidValueError, codec_for
from ldp_tui.core.arguments import ArgumentSchema
from tests.adapters.schema_sampler import sample

SHAPES = st.lists(st.integers(1, 3), max_size=3).map(tuple)
KEYS = st.text("abcdef_", min_size=1, max_size=4)


@st.composite
def boxes(draw: st.DrawFn) -> spaces.Box:
    dtype = draw(st.sampled_from([np.float32, np.float64, np.uint8, np.int16, np.int64]))
    shape = draw(SHAPES)
    if np.issubdtype(dtype, np.floating) and draw(st.booleans()):
        return spaces.Box(-np.inf, np.inf, shape, dtype)
    low = draw(st.integers(0, 5)) if dtype == np.uint8 else draw(st.integers(-100, 5))
    high = np.full(shape, low + draw(st.integers(0, 100)))
    return spaces.Box(np.full(shape, low).astype(dtype), high.astype(dtype), shape, dtype)


@st.composite
def uneven_boxes(draw: st.DrawFn) -> spaces.Box:
    bounds = st.floats(-3, 3, width=32)
    low = np.array(draw(st.lists(bounds, min_size=1, max_size=4)), np.float32)
    high = np.array([draw(st.floats(float(bound), 4, width=32)) for bound in low], np.float32)
    return spaces.Box(low, high)


SIMPLE = st.one_of(
    st.builds(lambda n, start: spaces.Discrete(n, start=start), st.integers(1, 20), st.integers(-10, 10)),
    st.builds(spaces.MultiDiscrete, st.lists(st.integers(1, 5), min_size=1, max_size=4)),
    st.builds(
        lambda nvec, start: spaces.MultiDiscrete([nvec, nvec], start=[start, -start]),
        st.integers(1, 5),
        st.integers(-3, 3),
    ),
    st.builds(spaces.MultiBinary, st.integers(1, 5) | st.tuples(st.integers(1, 3), st.integers(1, 3))),
    st.builds(spaces.Text, st.integers(1, 6)),
    st.builds(lambda n: spaces.Text(n, min_length=0, charset="ab]^-\\[é"), st.integers(1, 6)),
    boxes(),
    uneven_boxes(),
)
# Gymnasium warns about its own scalars when it takes stacked boxes of shape () apart.
FLAT = st.one_of(boxes().filter(lambda space: space.shape != ()), st.builds(spaces.Discrete, st.integers(1, 5)))
SPACES: st.SearchStrategy[spaces.Space[Any]] = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.dictionaries(KEYS, inner, min_size=1, max_size=3).map(spaces.Dict),
        st.lists(inner, min_size=1, max_size=3).map(spaces.Tuple),
        st.lists(inner, min_size=1, max_size=3).map(spaces.OneOf),
        inner.map(spaces.Sequence),
        FLAT.map(lambda space: spaces.Sequence(space, stack=True)),
        st.builds(spaces.Graph, FLAT, st.none() | FLAT),
    ),
    max_leaves=4,
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return isinstance(other, tuple) and len(one) == len(other) and all(map(same, one, other))
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))


def is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return type(value) in {str, int, float, bool, type(None)}


@settings(max_examples=150, deadline=None)
@given(SPACES, st.integers(0, 1000))
@pytest.mark.parametrize("role", ["action", "observation"])
def test_element_of_any_space(role: Any, space: spaces.Space[Any], seed: int) -> None:
    """It becomes a plain JSON value that satisfies the schema, and comes back equal, also through JSON text."""
    space.seed(seed)
    codec = codec_for(space, role=role)
    native = space.sample()
    value = codec.encode(native)
    assert is_plain(value)
    text = json.dumps(value, allow_nan=False)
    decoded = codec.decode(json.loads(text))
    assert space.contains(decoded)
    assert same(native, decoded)
    checked = ArgumentSchema({"type": "object", "properties": {"action": codec.schema}}).coerce({"action": value})
    assert checked == {"action": value}
    assert isinstance(describe_for(space)(native), str)


@settings(max_examples=150, deadline=None)
@given(SPACES, st.integers(0, 1000))
def test_value_sampled_from_the_schema(space: spaces.Space[Any], seed: int) -> None:
    """It is an element of the space, except that links of a graph must name nodes that exist."""
    codec = codec_for(space, role="action")
    value = sample(codec.schema, random.Random(seed))
    if "edge_links" in json.dumps(value):
        return
    assert space.contains(codec.decode(value))


@pytest.mark.parametrize("value", [1, "1", " 1 ".strip(), 1.0, "east", "EAST", " East "])
def test_named_discrete_action(value: Any) -> None:
    """Names in any case, integers, whole floats and numeric strings all mean the same action."""
    assert codec_for(spaces.Discrete(3), names=["south", "east", "main engine"]).decode(value) == 1


@pytest.mark.parametrize("value", ["Main_Engine", "main-engine", "MAIN ENGINE"])
def test_name_of_two_words(value: str) -> None:
    """Spaces, underscores, hyphens and case do not matter."""
    assert codec_for(spaces.Discrete(3), names=["south", "east", "main engine"]).decode(value) == 2


@pytest.mark.parametrize("value", ["up", True, None, 3, -1, 1.5, [1], {"a": 1}, "", float("nan")])
def test_value_that_is_no_discrete_action(value: Any) -> None:
    """It is refused with the valid names."""
    with pytest.raises(InvalidValueError, match=r"action must be one of south, east, west, not "):
        codec_for(spaces.Discrete(3), names=["south", "east", "west"]).decode(value)


def test_ambiguous_names() -> None:
    """Names that differ only in case are not used at all."""
    assert codec_for(spaces.Discrete(2), names=["a", "A"]).schema == {"type": "integer", "minimum": 0, "maximum": 1}


def test_huge_discrete_space() -> None:
    """Its range is checked without a table."""
    codec = codec_for(spaces.Discrete(2**40, start=-5))
    assert codec.decode("1000000000000") == 10**12
    with pytest.raises(InvalidValueError, match="an integer from -5 to"):
        codec.decode(2**41)


STEERING = spaces.Box(np.array([-1, 0], np.float32), np.array([1, 1], np.float32))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([0.5, -0.5], r"action\[1\] must be from 0 to 1, not -0.5"),
        ([0.5], r"a list of numbers of shape \[2\] \(its shape is \[1\]\)"),
        ("left", r"a list of numbers of shape \[2\], not 'left'"),
        ([0.0, float("nan")], r"action\[1\] must be from 0 to 1, not nan"),
        (None, r"a list of numbers"),
        ([[0.1, 0.2], [0.3]], r"a list of numbers"),
        ({"zlib": "x"}, r"a list of numbers"),
        ([0.1, 1e400], r"action\[1\] must be from 0 to 1, not inf"),
        ([0.1, 1.3], r"action\[1\] must be from 0 to 1, not 1.3$"),
    ],
)
def test_value_outside_a_box(value: Any, sentence: str) -> None:
    """The sentence names the entry and its own bounds."""
    with pytest.raises(InvalidValueError, match=sentence):
        codec_for(STEERING, role="action").decode(value)


@pytest.mark.parametrize("value", [[1, 1.5], [2, 0], ["a", 1], [1e400, 0], [10**30, 0], {"zlib": "x"}, [True], "[1"])
def test_value_outside_a_multi_discrete_space(value: Any) -> None:
    """It is refused, whatever it is."""
    with pytest.raises(InvalidValueError, match=r"^action"):
        codec_for(spaces.MultiDiscrete([2, 3]), role="action").decode(value)


def test_packed_observation_that_is_broken() -> None:
    """It is refused like any other invalid value."""
    with pytest.raises(InvalidValueError, match="must be a list of integers of shape"):
        codec_for(spaces.Box(0, 255, (64, 64), np.uint8)).decode({"shape": [64, 64], "dtype": "|u1", "zlib": "eA=="})


def test_box_value_as_text() -> None:
    """JSON text of a list is read, as language models often send it."""
    assert codec_for(STEERING, role="action").decode("[0.5, 0.25]").tolist() == [0.5, 0.25]


def test_box_of_one_number() -> None:
    """As an action it is a plain number, as an observation a list."""
    box = spaces.Box(-2.0, 2.0, (1,))
    action = codec_for(box, role="action")
    assert action.schema == {"type": "number", "minimum": -2.0, "maximum": 2.0}
    assert action.encode(np.array([0.5], np.float32)) == 0.5
    assert [action.decode(value).tolist() for value in (0.5, [0.5], "0.5")] == [[0.5]] * 3
    assert codec_for(box).encode(np.array([0.5], np.float32)) == [0.5]


def test_float32_observation() -> None:
    """It is written in the fewest digits that give the same float32 again."""
    assert codec_for(spaces.Box(-1, 1, (2,))).encode(np.array([0.1, -0.7], np.float32)) == [0.1, -0.7]


def test_action_at_its_bound() -> None:
    """It satisfies the schema, though neither is written with all the digits of the float32."""
    codec = codec_for(spaces.Box(np.float32(-0.7), np.float32(0.7), (2,)), role="action")
    assert codec.schema["items"] == {"type": "number", "minimum": -0.7, "maximum": 0.7}
    assert codec.encode(np.array([0.7, -0.7], np.float32)) == [0.7, -0.7]
    assert codec.decode([0.7, -0.7]).tolist() == np.array([0.7, -0.7], np.float32).tolist()


def test_non_finite_observation() -> None:
    """NaN and infinities are kept as words, since JSON has no form for them."""
    box = spaces.Box(-np.inf, np.inf, (3,))
    value = codec_for(box).encode(np.array([np.nan, np.inf, -np.inf], np.float32))
    assert value == ["NaN", "Infinity", "-Infinity"]
    assert codec_for(box, role="action").decode(["Infinity", 0, "-Infinity"]).tolist() == [np.inf, 0.0, -np.inf]


def test_big_image_observation() -> None:
    """It is packed without loss, and described in one line."""
    space = spaces.Box(0, 255, (96, 96, 3), np.uint8)
    image = np.zeros((96, 96, 3), np.uint8)
    image[:, :48] = 200
    assert image.size > PACK_ABOVE
    value = codec_for(space).encode(image)
    assert len(json.dumps(value)) < 1000
    assert np.array_equal(codec_for(space).decode(value), image)
    assert describe_for(space)(image) == "colour image of 96×96 pixels, mean brightness 100 of 255"


class Letters(spaces.Space[str]):
    """A space class that this package knows nothing about."""

    def contains(self, x: Any) -> bool:
        return x in {"a", "b"}

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        return "a"

    def __repr__(self) -> str:
        return "Letters()"


def test_space_of_a_foreign_class() -> None:
    """It goes through its own JSON conversion and its own check."""
    codec = codec_for(Letters())
    assert codec.decode(codec.encode("b")) == "b"
    with pytest.raises(InvalidValueError, match=r"an element of Letters\(\)"):
        codec.decode("c")


def test_diagnostics_full_of_numpy() -> None:
    """Everything becomes JSON: scalars, arrays, keys, sets, NaN, and objects by their repr."""
    messy = {
        "flag": np.bool_(True),
        1: np.float32(0.5),
        "nan": float("nan"),
        "inf": np.float64(np.inf),
        "mask": np.array([1, 0], np.int8),
        "nested": (np.int64(3), {"deep": np.array([[1.5]])}),
        "text": np.str_("word"),
        "object": range(3),
    }
    value = plain(messy)
    assert is_plain(value)
    assert value == {
        "flag": True, "1": 0.5, "nan": "NaN", "inf": "Infinity", "mask": [1, 0],
        "nested": [3, {"deep": [[1.5]]}], "text": "word", "object": "range(0, 3)",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("space", "native", "text"),
    [
        (spaces.MultiBinary(3), np.array([1, 0, 1]), "[1, 0, 1]"),
        (
            spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Dict({"c": spaces.Text(3)})}),
            {"a": 2, "b": {"c": "xy"}},
            "a: 2\nb: c: xy",
        ),
        (spaces.Tuple((spaces.Discrete(2), spaces.Box(-1, 1, (2,)))), (1, np.array([0.5, -1])), "(1, [0.5, -1])"),
        (
            spaces.Sequence(spaces.Discrete(9)),
            tuple(range(9)) * 3,
            "[0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, … 7 more]",
        ),
        (spaces.OneOf((spaces.Discrete(2), spaces.Text(3))), (1, "ab"), "choice 1: ab"),
        (spaces.Box(-1, 1, (20, 20)), np.zeros((20, 20)), "array of 20×20 float64, from 0 to 0, mean 0"),
    ],
)
def test_text_of_an_element(space: spaces.Space[Any], native: Any, text: str) -> None:
    """It is short and readable, whatever the space."""
    assert describe_for(space)(native) == text


def test_text_of_a_graph() -> None:
    """Nodes are listed, edges with the nodes that they join."""
    space = spaces.Graph(spaces.Discrete(5), spaces.Discrete(3))
    graph = spaces.GraphInstance(np.array([4, 2]), np.array([1]), np.array([[0, 1]]))
    assert describe_for(space)(graph) == "graph of 2 nodes [4, 2], 1 edges [0→1 1]"
