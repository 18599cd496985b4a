"""Random arguments always satisfy the schema they are drawn for."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldp_tui.agents.schema_sampling import enumerate_arguments, sample_arguments
from ldp_tui.core import ArgumentSchema
from ldp_tui.core.errors import AgentError


def bounded(kind: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(values, values, st.booleans(), st.booleans()).map(
        lambda drawn: {
            "type": kind,
            **({"minimum": min(drawn[:2])} if drawn[2] else {}),
            **({"maximum": max(drawn[:2])} if drawn[3] else {}),
        }
    )


def lengths(low: str, high: str) -> st.SearchStrategy[dict[str, int]]:
    return st.tuples(st.integers(0, 4), st.integers(0, 4)).map(
        lambda drawn: {low: min(drawn), high: max(drawn)} if sum(drawn) % 3 else {low: min(drawn)}
    )


LEAVES = st.one_of(
    bounded("integer", st.integers(-50, 50)),
    bounded("number", st.floats(-1e6, 1e6)),
    st.integers(-5, 5).map(lambda n: {"type": "number", "exclusiveMinimum": n, "exclusiveMaximum": n + 1}),
    st.integers(1, 7).map(lambda step: {"type": "integer", "multipleOf": step, "minimum": -20, "maximum": 20}),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": ["integer", "null"]}),
    st.lists(st.text(max_size=4) | st.integers(), min_size=1, max_size=4, unique_by=str).map(lambda v: {"enum": v}),
    st.integers().map(lambda v: {"const": v}),
    lengths("minLength", "maxLength").map(lambda bounds: {"type": "string", **bounds}),
    st.sampled_from(["^[a-c]+$", "^[0-9]*$", "[xyz]"]).map(lambda p: {"type": "string", "pattern": p, "minLength": 1}),
)


def nested(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.dictionaries(st.sampled_from("abcd"), children, max_size=3)
    return st.one_of(
        st.tuples(children, lengths("minItems", "maxItems")).map(lambda p: {"type": "array", "items": p[0], **p[1]}),
        st.lists(children, min_size=1, max_size=3).map(
            lambda parts: {"type": "array", "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)}
        ),
        st.lists(children, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts}),
        members.map(lambda m: {"type": "object", "properties": m, "required": sorted(m)[:2]}),
    )


SCHEMAS = st.dictionaries(st.sampled_from("pqrs"), st.recursive(LEAVES, nested, max_leaves=6), max_size=4).map(
    lambda properties: {"type": "object", "properties": properties, "required": sorted(properties)[:3]}
)


@given(schema=SCHEMAS, seed=st.integers())
@settings(max_examples=150, deadline=None)
def test_drawn_arguments_satisfy_the_schema(schema, seed):
    """The argument check accepts every draw without converting it."""
    drawn = sample_arguments(schema, Random(seed))
    accepted = ArgumentSchema(schema).coerce(drawn)
    assert {name: accepted[name] for name in drawn} == drawn


@given(schema=SCHEMAS)
@settings(max_examples=100, deadline=None)
def test_listed_arguments_satisfy_the_schema(schema):
    """Where a schema allows few calls, each listed one is accepted, and none comes twice."""
    listed = enumerate_arguments(schema, limit=64)
    for arguments in listed or ():
        assert ArgumentSchema(schema).coerce(arguments) == arguments


def test_a_schema_that_contains_itself_comes_to_an_end():
    """Recursive definitions are cut where nothing more is required."""
    node = {
        "type": "object",
        "properties": {
            "value": {"type": "integer"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
        },
        "required": ["value", "next"],
    }
    schema = {
        "type": "object",
        "properties": {"root": {"$ref": "#/$defs/Node"}},
        "required": ["root"],
        "$defs": {"Node": node},
    }
    for seed in range(100):
        ArgumentSchema(schema).coerce(sample_arguments(schema, Random(seed)))


def test_few_calls_are_listed():
    """A choice, a truth value and a short range multiply; free text and long ranges are not listed."""
    few = {"properties": {"a": {"enum": ["x", "y"]}, "b": {"type": "boolean"}}}
    assert len(enumerate_arguments(few, limit=4)) == 4
    assert enumerate_arguments(few, limit=3) is None
    assert enumerate_arguments({"properties": {"n": {"type": "integer", "minimum": 2, "maximum": 4}}}, limit=9) == [
        {"n": 2},
        {"n": 3},
        {"n": 4},
    ]
    assert enumerate_arguments({"properties": {"text": {"type": "string"}}}, limit=9) is None
    assert enumerate_arguments({"properties": {"n": {"type": "integer"}}}, limit=9) is None


def test_a_tool_without_parameters_takes_no_arguments():
    """Both the empty schema and a missing one give an empty call."""
    assert sample_arguments(None, Random(0)) == sample_arguments({"properties": {}}, Random(0)) == {}
    assert enumerate_arguments(None, limit=1) == [{}]


def test_a_form_that_chance_does_not_meet_is_reported():
    """A pattern such as a date is named instead of looping for ever; an example of it is used if there is one."""
    date = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
    schema = {"properties": {"day": date}, "required": ["day"]}
    with pytest.raises(AgentError, match="pattern"):
        sample_arguments(schema, Random(0))
    schema["properties"]["day"] = {**date, "examples": ["2024-02-29"]}
    assert sample_arguments(schema, Random(0)) == {"day": "2024-02-29"}
