"""Arguments against their schema: what is taken, converted, refused."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldp_tui.core.arguments import ArgumentError, ArgumentSchema, Problem


def coerce(schema: Any, value: Any, **definitions: Any) -> Any:
    """`value` as the argument `p` with that schema."""
    parameters = {"properties": {"p": schema}, "required": ["p"], "$defs": definitions}
    return ArgumentSchema(parameters).coerce({"p": value})["p"]


def refused(schema: Any, value: Any) -> str:
    with pytest.raises(ArgumentError) as caught:
        coerce(schema, value)
    return str(caught.value)


INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
STRING = {"type": "string"}
BOOLEAN = {"type": "boolean"}
NULL = {"type": "null"}
ENUM = {"enum": ["Red", "blue", 3, True, None]}


@pytest.mark.parametrize(
    ("schema", "given_", "taken"),
    [
        (INTEGER, 5, 5),
        (INTEGER, "5", 5),
        (INTEGER, " -5 ", -5),
        (INTEGER, "5.0", 5),
        (INTEGER, 5.0, 5),
        (INTEGER, 2**70, 2**70),
        (NUMBER, 1.5, 1.5),
        (NUMBER, 1, 1),
        (NUMBER, "1e3", 1000.0),
        (BOOLEAN, True, True),
        (BOOLEAN, "True", True),
        (BOOLEAN, "no", False),
        (BOOLEAN, 1, True),
        (BOOLEAN, "0", False),
        (NULL, None, None),
        (NULL, "", None),
        (NULL, "null", None),
        (STRING, "x", "x"),
        (STRING, "", ""),
        (STRING, 5, "5"),
        (STRING, 1.5, "1.5"),
        ({"type": ["integer", "null"]}, None, None),
        ({"type": ["integer", "null"]}, "3", 3),
        ({"type": "array", "items": INTEGER}, ["1", 2], [1, 2]),
        ({"type": "array", "items": INTEGER}, "[1, 2]", [1, 2]),
        ({"type": "array"}, (1, "a"), [1, "a"]),
        ({"type": "array", "prefixItems": [INTEGER, STRING], "items": BOOLEAN}, ["1", 2, "yes"], [1, "2", True]),
        ({"type": "object", "properties": {"a": INTEGER}}, {"a": "1", "b": 2}, {"a": 1, "b": 2}),
        ({"type": "object", "additionalProperties": INTEGER}, '{"a": "1"}', {"a": 1}),
        ({"type": "object", "properties": {"a": {**INTEGER, "default": 7}}}, {}, {"a": 7}),
        (ENUM, "Red", "Red"),
        (ENUM, "RED ", "Red"),
        (ENUM, "3", 3),
        (ENUM, 3, 3),
        (ENUM, "true", True),
        (ENUM, None, None),
        ({"const": "only"}, "Only", "only"),
        ({"anyOf": [INTEGER, STRING]}, "5", "5"),
        ({"anyOf": [INTEGER, NULL]}, "5", 5),
        ({"anyOf": [INTEGER, NULL]}, "", None),
        ({"anyOf": [STRING, NULL]}, None, None),
        ({"anyOf": [INTEGER, NUMBER]}, 5.0, 5.0),
        ({"anyOf": [{"type": "array", "items": BOOLEAN}, {"type": "array", "items": INTEGER}]}, [1], [1]),
        ({"oneOf": [INTEGER, BOOLEAN]}, True, True),
        ({"allOf": [INTEGER, {"minimum": 3, "type": "integer"}]}, "3", 3),
        ({**INTEGER, "minimum": 3, "maximum": 5}, 3, 3),
        ({**NUMBER, "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "0.5", 0.5),
        ({**INTEGER, "multipleOf": 5}, 2**70 * 5, 2**70 * 5),
        ({**NUMBER, "multipleOf": 0.1}, 0.3, 0.3),
        ({**STRING, "minLength": 2, "maxLength": 3, "pattern": "^a"}, "abc", "abc"),
        ({**STRING, "pattern": r"\p{L}"}, "of another dialect", "of another dialect"),
        ({}, {"any": [1]}, {"any": [1]}),
        (True, None, None),
    ],
)
def test_taken(schema: Any, given_: Any, taken: Any) -> None:
    """The value is converted where that loses nothing, and has the type it should have."""
    result = coerce(schema, given_)
    assert result == taken
    assert type(result) is type(taken)


@pytest.mark.parametrize(
    ("schema", "given_", "words"),
    [
        (INTEGER, "x", 'p: must be a whole number, not "x"'),
        (INTEGER, 1.5, "whole number"),
        (INTEGER, True, "whole number, not true"),
        (INTEGER, math.inf, "whole number"),
        (INTEGER, None, "whole number, not null"),
        (INTEGER, "1" * 5000, "whole number"),
        (NUMBER, math.nan, "must be a number"),
        (NUMBER, "inf", "must be a number"),
        (NUMBER, True, "must be a number"),
        (BOOLEAN, "maybe", "must be true or false"),
        (BOOLEAN, 2, "must be true or false"),
        (NULL, 0, "must be empty"),
        (STRING, True, "must be text"),
        (STRING, None, "must be text"),
        (STRING, ["a"], "must be text"),
        ({**STRING, "minLength": 1}, "", "must not be empty"),
        ({**STRING, "minLength": 2}, "a", "at least 2 characters"),
        ({**STRING, "maxLength": 1}, "ab", "at most 1 characters, has 2"),
        ({**STRING, "pattern": "^a$"}, "b", "must match ^a$"),
        ({**INTEGER, "minimum": 3}, 2, "at least 3, not 2"),
        ({**INTEGER, "maximum": 3}, 4, "at most 3, not 4"),
        ({**NUMBER, "exclusiveMinimum": 0}, 0, "above 0, not 0"),
        ({**NUMBER, "exclusiveMaximum": 0}, 0, "below 0, not 0"),
        ({**INTEGER, "multipleOf": 3}, 4, "multiple of 3"),
        ({**NUMBER, "multipleOf": 0.001}, 1e308, "multiple of 0.001"),
        ({**NUMBER, "multipleOf": 0.5}, 10**400, "multiple of 0.5"),
        ({"type": "array"}, "abc", "must be a list"),
        ({"type": "array", "minItems": 2}, [1], "at least 2 items, has 1"),
        ({"type": "array", "maxItems": 1}, [1, 2], "at most 1 items, has 2"),
        ({"type": "array", "items": INTEGER}, [1, "x"], "p[1]: must be"),
        ({"type": "array"}, "[" * 100_000, "must be a list"),
        ({"type": "object"}, [1], "must be an object"),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "object", "required": ["b"], "properties": {"b": INTEGER}}},
            },
            {"a": {}},
            "p.a.b: is required",
        ),
        ({"type": "object", "required": ["z"]}, {}, "p.z: is required"),
        (
            {"type": "object", "properties": {"a": INTEGER}, "additionalProperties": False},
            {"b": 1},
            "p.b: is not a parameter (parameters: a)",
        ),
        (ENUM, "green", 'must be one of "Red", "blue", 3, true, null, not "green"'),
        (ENUM, 1, "must be one of"),
        ({"enum": list(range(50))}, 99, ", …"),
        ({"const": 1}, True, "must be one of 1, not true"),
        ({"anyOf": [INTEGER, BOOLEAN]}, "x", 'whole number, not "x" or must be true or false'),
        (False, 1, "nothing is allowed here"),
        (INTEGER, "y" * 1000, "…"),
    ],
)
def test_refused(schema: Any, given_: Any, words: str) -> None:
    """The reason names the place, what is expected, and what was given, shortened."""
    reason = refused(schema, given_)
    assert words in reason
    assert len(reason) < 250


def test_every_problem() -> None:
    """All are told at once, each with its path."""
    schema = ArgumentSchema({"properties": {"a": INTEGER, "b": STRING, "c": INTEGER}, "required": ["a", "b"]})
    with pytest.raises(ArgumentError) as caught:
        schema.coerce({"a": "x", "d": 1})
    assert [problem.path for problem in caught.value.problems] == ["a", "d", "b"]
    assert str(caught.value) == (
        'a: must be a whole number, not "x"; d: is not a parameter (parameters: a, b, c); b: is required'
    )
    assert str(Problem("", "reason")) == "reason"


def test_tool_without_parameters() -> None:
    """It takes nothing."""
    assert ArgumentSchema(None).coerce({}) == {}
    with pytest.raises(ArgumentError, match="parameters: none"):
        ArgumentSchema(None).coerce({"x": 1})


def test_recursive_definition() -> None:
    """It is followed as deep as the value goes, and a value too deep is refused."""
    node = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, NULL]}, "n": INTEGER}}
    assert coerce({"$ref": "#/$defs/node"}, {"n": "1", "next": {"n": "2"}}, node=node) == {"n": 1, "next": {"n": 2}}
    deep: dict[str, Any] = {"n": 1}
    for _ in range(5_000):
        deep = {"next": deep}
    with pytest.raises(ArgumentError, match="nested too deeply"):
        coerce({"$ref": "#/$defs/node"}, deep, node=node)
    assert coerce({"$ref": "#/$defs/unknown"}, 1) == 1


def test_arguments_of_the_caller() -> None:
    """They are left as they were, and a default is never shared."""
    schema = ArgumentSchema({"properties": {"a": {"type": "array", "items": INTEGER}, "b": {"default": []}}})
    given_ = {"a": ["1"]}
    first = schema.coerce(given_)
    first["b"].append(1)
    assert given_ == {"a": ["1"]}
    assert schema.coerce(given_)["b"] == []


def test_enormous_number() -> None:
    """Python refuses to write it in decimals; it is taken or refused all the same."""
    assert coerce(INTEGER, 10**5000) == 10**5000
    assert coerce(STRING, 10**5000).startswith("0x")
    assert "at most 3" in refused({**INTEGER, "maximum": 3}, 10**5000)
    assert "must be one of" in refused(ENUM, 10**5000)


plain_schemas = st.deferred(
    lambda: st.one_of(
        st.builds(dict, type=st.just("integer"), minimum=st.integers(-5, 5), multipleOf=st.integers(1, 3)),
        st.builds(dict, type=st.just("number"), exclusiveMaximum=st.integers(-5, 500)),
        st.builds(dict, type=st.just("string"), maxLength=st.integers(0, 5)),
        st.sampled_from([INTEGER, NUMBER, STRING, BOOLEAN, NULL, {}, {"type": ["integer", "null"]}]),
        st.builds(lambda values: {"enum": values}, st.lists(scalars, min_size=1, max_size=4)),
    )
)
schemas = st.recursive(
    plain_schemas,
    lambda inner: st.one_of(
        st.builds(lambda items, n: {"type": "array", "items": items, "maxItems": n}, inner, st.integers(0, 4)),
        st.builds(
            lambda properties, more, required: {
                "type": "object",
                "properties": properties,
                "additionalProperties": more,
                "required": required,
            },
            st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            st.booleans() | inner,
            st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        ),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
texts = st.sampled_from(["1", "-3", "true", "null", "", "[1]", '{"a": 1}', "1.5", "nan", "[", " 2 "])
values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(schema=schemas, value=values)
def test_any_schema_and_value(schema: Any, value: Any) -> None:
    """Nothing but ArgumentError is raised; what comes out validates, and coerces to itself."""
    parameters = {"type": "object", "properties": {"p": schema}}
    compiled = ArgumentSchema(parameters)
    try:
        result = compiled.coerce({"p": value})
    except ArgumentError:
        return
    assert repr(compiled.coerce(result)) == repr(result)
    jsonschema.Draft202012Validator(parameters).validate(result)


@given(value=values)
def test_any_json_text(value: Any) -> None:
    """Structured arguments may come as JSON text."""
    kind = {"type": "array"} if isinstance(value, list) else {"type": "object"}
    if isinstance(value, list | dict):
        assert repr(coerce(kind, json.dumps(value))) == repr(coerce(kind, value))
