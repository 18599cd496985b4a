"""Random values that satisfy a JSON Schema: what a player without an idea fills into a tool's parameters."""

from __future__ import annotations

import itertools
import math
import re
import string
from collections.abc import Mapping
from random import Random
from typing import Any

from ldp_tui.core.errors import AgentError

Schema = Mapping[str, Any]

DEEP = 4
"""Nesting from which optional parts are left out, so that recursive schemas come to an end."""

SPREAD = 10
"""How far values go where the schema gives no bound."""

ATTEMPTS = 200
"""Texts tried before a pattern counts as one that cannot be met by chance."""

ALPHABET = string.ascii_lowercase
PRINTABLE = "".join(chr(code) for code in range(32, 127))


def sample_arguments(parameters: Schema | None, rng: Random) -> dict[str, Any]:
    """Arguments for a tool with these `parameters` (None: it takes none).

    Raises:
        AgentError: If the schema contradicts itself or asks for text of a form that random text does not meet.
    """
    if parameters is None:
        return {}
    sampler = _Sampler(parameters.get("$defs") or {}, rng)
    return sampler.members(parameters, depth=0)


def enumerate_arguments(parameters: Schema | None, *, limit: int) -> list[dict[str, Any]] | None:
    """Every combination of arguments, each parameter given; None if there are more than `limit` or infinitely many."""
    if parameters is None:
        return [{}] if limit >= 1 else None
    properties = parameters.get("properties") or {}
    if parameters.get("additionalProperties"):
        return None
    columns: list[list[Any]] = []
    count = 1
    for part in properties.values():
        values = _finite(part, parameters.get("$defs") or {}, limit)
        if values is None:
            return None
        columns.append(values)
        count *= len(values)
    if count > limit:
        return None
    return [dict(zip(properties, row, strict=True)) for row in itertools.product(*columns)]


def _finite(schema: Any, definitions: Schema, limit: int) -> list[Any] | None:
    """The values that satisfy `schema`, if it is a choice, a truth value or a short range."""
    if not isinstance(schema, Mapping):
        return None
    if "$ref" in schema:
        target = definitions.get(schema["$ref"].removeprefix("#/$defs/"))
        return None if target is None or "$ref" in target else _finite(target, definitions, limit)
    if "const" in schema:
        return [schema["const"]]
    if "enum" in schema:
        return list(schema["enum"])
    if schema.get("type") == "boolean":
        return [False, True]
    if schema.get("type") == "integer" and "minimum" in schema and "maximum" in schema:
        step = schema.get("multipleOf") or 1
        first, last = math.ceil(schema["minimum"] / step), math.floor(schema["maximum"] / step)
        return [number * step for number in range(first, last + 1)] if last - first < limit else None
    return None


class _Sampler:
    """Draws values for the schemas of one tool, which share their definitions."""

    def __init__(self, definitions: Mapping[str, Any], rng: Random) -> None:
        self._definitions = definitions
        self._rng = rng

    def value(self, schema: Any, *, depth: int) -> Any:
        if schema is True or not schema:
            return self._rng.choice([True, 0, ""])
        if "$ref" in schema:
            return self.value(self._definitions.get(schema["$ref"].removeprefix("#/$defs/"), True), depth=depth + 1)
        if "allOf" in schema:
            return self.value(_merged(schema), depth=depth)
        if alternatives := schema.get("anyOf") or schema.get("oneOf"):
            return self.value(self._rng.choice(_endable(alternatives, depth)), depth=depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._rng.choice(list(schema["enum"]))
        kind = schema.get("type")
        if isinstance(kind, list):
            return self.value({**schema, "type": self._rng.choice(kind)}, depth=depth)
        return self._typed(kind, schema, depth)

    def _typed(self, kind: str | None, schema: Schema, depth: int) -> Any:
        match kind:
            case "integer":
                return self._integer(schema)
            case "number":
                return self._number(schema)
            case "boolean":
                return self._rng.random() < 0.5
            case "string":
                return self._string(schema)
            case "array":
                return self._items(schema, depth)
            case "object":
                return self.members(schema, depth=depth)
            case "null":
                return None
            case _:
                return self._rng.choice([True, 0, ""])

    def _integer(self, schema: Schema) -> int:
        step = schema.get("multipleOf") or 1
        low, high = _bounds(schema)
        first, last = math.ceil(low / step), math.floor(high / step)
        if first * step in _excluded(schema):
            first += 1
        if last * step in _excluded(schema):
            last -= 1
        if first > last:
            raise AgentError(f"no whole number satisfies {dict(schema)}")
        return round(self._rng.randint(first, last) * step)

    def _number(self, schema: Schema) -> float:
        low, high = _bounds(schema)
        if step := schema.get("multipleOf"):
            return float(self._rng.randint(math.ceil(low / step), math.floor(high / step)) * step)
        for _ in range(ATTEMPTS):
            drawn = low + (high - low) * self._rng.random()
            if low <= drawn <= high and drawn not in _excluded(schema):
                return drawn
        raise AgentError(f"no number satisfies {dict(schema)}")

    def _string(self, schema: Schema) -> str:
        low = schema.get("minLength", 0)
        high = schema.get("maxLength", low + SPREAD)
        pattern = re.compile(schema["pattern"]) if "pattern" in schema else None
        alphabet = ALPHABET if pattern is None else "".join(c for c in PRINTABLE if pattern.search(c)) or PRINTABLE
        for _ in range(ATTEMPTS):
            text = "".join(self._rng.choices(alphabet, k=self._rng.randint(low, high)))
            if pattern is None or pattern.search(text):
                return text
        for example in [*schema.get("examples", ()), schema.get("default")]:
            if isinstance(example, str):
                return example
        raise AgentError(f"random text does not meet the pattern {schema['pattern']}")

    def _items(self, schema: Schema, depth: int) -> list[Any]:
        prefix = schema.get("prefixItems", ())
        low = max(schema.get("minItems", 0), len(prefix))
        open_ended = schema.get("items", True) is not False and depth < DEEP
        high = schema.get("maxItems", low + SPREAD // 3) if open_ended else low
        length = self._rng.randint(low, max(low, min(high, low + SPREAD)))
        rest = schema.get("items", True)
        return [self.value(prefix[i] if i < len(prefix) else rest, depth=depth + 1) for i in range(min(length, high))]

    def members(self, schema: Schema, *, depth: int) -> dict[str, Any]:
        required = set(schema.get("required") or ())
        chosen: dict[str, Any] = {}
        for name, part in (schema.get("properties") or {}).items():
            if name in required or (depth < DEEP and self._rng.random() < 0.5):
                chosen[name] = self.value(part, depth=depth + 1)
        return chosen


def _bounds(schema: Schema) -> tuple[float, float]:
    """Closed bounds; a missing one lies `SPREAD` from the other, or both lie around zero."""
    lows = [schema[key] for key in ("minimum", "exclusiveMinimum") if schema.get(key) is not None]
    highs = [schema[key] for key in ("maximum", "exclusiveMaximum") if schema.get(key) is not None]
    if lows and highs:
        return max(lows), min(highs)
    if lows:
        return max(lows), max(lows) + SPREAD
    if highs:
        return min(highs) - SPREAD, min(highs)
    return -SPREAD, SPREAD


def _excluded(schema: Schema) -> set[float]:
    return {schema[key] for key in ("exclusiveMinimum", "exclusiveMaximum") if schema.get(key) is not None}


def _merged(schema: Schema) -> dict[str, Any]:
    """`allOf` as one schema; later parts win where keywords clash."""
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        merged.update(_merged(part) if "allOf" in part else part)
    return merged


def _endable(alternatives: list[Any], depth: int) -> list[Any]:
    """Deep inside, prefer alternatives that cannot nest further."""
    if depth < DEEP:
        return alternatives
    plain = [part for part in alternatives if not {"$ref", "items", "properties", "anyOf"} & set(part)]
    return plain or alternatives
