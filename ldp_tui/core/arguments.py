"""Arguments of a tool call against its JSON Schema: checked, coerced, completed with defaults.

People type text and models mix up `5` and `"5"`, so values are converted where the conversion loses nothing. Pure
JSON Schema (the subset that typed functions and tool servers produce): type, enum, const, anyOf / oneOf / allOf, $ref,
numeric and length bounds, pattern, items, prefixItems, properties, required, additionalProperties, default.
"""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ldp_tui.core.errors import AgentError

Check = Callable[[Any, str, "list[Problem]"], Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the value at `path` (`""` for the call itself, `a.b[2]` inside)."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


class ArgumentError(AgentError, ValueError):
    """Arguments that violate a tool's schema; `problems` holds one entry for each place."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(str(problem) for problem in problems))


class ArgumentSchema:
    """Compiled JSON Schema of a tool's parameters. Compile once per tool, coerce once per call."""

    def __init__(self, parameters: Mapping[str, Any] | None) -> None:
        self._definitions: Mapping[str, Any] = (parameters or {}).get("$defs") or {}
        self._compiled_references: dict[str, Check] = {}
        schema = {"type": "object", "properties": {}, **(parameters or {})}
        schema.setdefault("additionalProperties", False)
        self._check = self._compile(schema)

    def coerce(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """New dictionary of checked, coerced arguments with defaults filled in.

        Raises:
            ArgumentError: With every problem found, not only the first.
        """
        problems: list[Problem] = []
        try:
            value = self._check(dict(arguments), "", problems)
        except RecursionError:
            raise ArgumentError([Problem("", "is nested too deeply")]) from None
        if problems:
            raise ArgumentError(problems)
        return dict(value)

    def _compile(self, schema: Any) -> Check:
        if schema is True or schema == {}:
            return lambda value, _path, _problems: value
        if schema is False:
            return _refuse("nothing is allowed here")
        if "$ref" in schema:
            return self._reference(schema["$ref"])
        if "allOf" in schema:
            return _sequence([self._compile(part) for part in schema["allOf"]])
        alternatives = schema.get("anyOf") or schema.get("oneOf")
        if alternatives:
            return _any_of([(self._compile(part), part) for part in alternatives])
        if "const" in schema:
            return _enum([schema["const"]])
        if "enum" in schema:
            return _enum(list(schema["enum"]))
        kind = schema.get("type")
        if isinstance(kind, list):
            return _any_of([(self._compile({**schema, "type": one}), {"type": one}) for one in kind])
        return self._typed(kind, schema)

    def _typed(self, kind: str | None, schema: Mapping[str, Any]) -> Check:
        match kind:
            case "integer":
                return _number(schema, _to_integer, "a whole number")
            case "number":
                return _number(schema, _to_number, "a number")
            case "boolean":
                return _boolean
            case "null":
                return _null
            case "string":
                return _string(schema)
            case "array":
                return self._array(schema)
            case "object":
                return self._object(schema)
            case _:
                return lambda value, _path, _problems: value

    def _reference(self, reference: str) -> Check:
        name = reference.removeprefix("#/$defs/")

        def check(value: Any, path: str, problems: list[Problem]) -> Any:
            if name not in self._compiled_references:  # compiled at first use: definitions may refer to themselves
                self._compiled_references[name] = self._compile(self._definitions.get(name, True))
            return self._compiled_references[name](value, path, problems)

        return check

    def _array(self, schema: Mapping[str, Any]) -> Check:
        prefix = [self._compile(part) for part in schema.get("prefixItems", ())]
        rest = self._compile(schema.get("items", True))
        low, high = schema.get("minItems"), schema.get("maxItems")

        def check(value: Any, path: str, problems: list[Problem]) -> Any:
            value = _from_json_text(value, list)
            if not isinstance(value, list | tuple):
                return _fail(value, path, problems, f"must be a list, not {_describe(value)}")
            if low is not None and len(value) < low:
                return _fail(value, path, problems, f"needs at least {low} items, has {len(value)}")
            if high is not None and len(value) > high:
                return _fail(value, path, problems, f"may have at most {high} items, has {len(value)}")
            return [
                (prefix[i] if i < len(prefix) else rest)(item, f"{path}[{i}]", problems) for i, item in enumerate(value)
            ]

        return check

    def _object(self, schema: Mapping[str, Any]) -> Check:
        properties = schema.get("properties") or {}
        checks = {name: self._compile(part) for name, part in properties.items()}
        defaults = {name: p["default"] for name, p in properties.items() if isinstance(p, Mapping) and "default" in p}
        required = dict.fromkeys(schema.get("required") or ())
        absent = [*checks, *(name for name in required if name not in checks)]
        additional = schema.get("additionalProperties", True)
        other = None if additional is False else self._compile(additional)

        def check(value: Any, path: str, problems: list[Problem]) -> Any:
            value = _from_json_text(value, dict)
            if not isinstance(value, Mapping):
                return _fail(value, path, problems, f"must be an object, not {_describe(value)}")
            result: dict[str, Any] = {}
            for name, item in value.items():
                where = f"{path}.{name}" if path else str(name)
                if name in checks:
                    result[name] = checks[name](item, where, problems)
                elif other is not None:
                    result[name] = other(item, where, problems)
                else:
                    expected = ", ".join(checks) or "none"
                    problems.append(Problem(where, f"is not a parameter (parameters: {expected})"))
            for name in absent:
                if name in result or name in value:
                    continue
                if name in defaults:
                    result[name] = copy.deepcopy(defaults[name])  # the tool may change what it is given
                elif name in required:
                    problems.append(Problem(f"{path}.{name}" if path else name, "is required"))
            return result

        return check


def _fail(value: Any, path: str, problems: list[Problem], reason: str) -> Any:
    problems.append(Problem(path, reason))
    return value


def _refuse(reason: str) -> Check:
    return lambda value, path, problems: _fail(value, path, problems, reason)


def _sequence(checks: list[Check]) -> Check:
    def check(value: Any, path: str, problems: list[Problem]) -> Any:
        for one in checks:
            value = one(value, path, problems)
        return value

    return check


def _any_of(alternatives: list[tuple[Check, Any]]) -> Check:
    """An alternative that takes the value unchanged wins over one that has to convert it."""

    def check(value: Any, path: str, problems: list[Problem]) -> Any:
        converted: list[Any] = []
        reasons: list[str] = []
        for one, _ in alternatives:
            found: list[Problem] = []
            result = one(value, path, found)
            if found:
                reasons.append(found[0].reason)
            elif _same(result, value):
                return result
            else:
                converted.append(result)
        if converted:
            return converted[0]
        return _fail(value, path, problems, " or ".join(dict.fromkeys(reasons)) or "matches no alternative")

    return check


def _same(one: Any, other: Any) -> bool:
    """Equality that tells `1` from `True` and from `1.0`, at any depth."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(item, other[key]) for key, item in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _enum(values: list[Any]) -> Check:
    by_text = {str(value).casefold(): value for value in values}
    listed = ", ".join(json.dumps(value) for value in values[:12]) + (", …" if len(values) > 12 else "")

    def check(value: Any, path: str, problems: list[Problem]) -> Any:
        for candidate in values:
            if candidate == value and isinstance(candidate, bool) == isinstance(value, bool):
                return candidate
        if isinstance(value, str | int | float):
            key = _text(value).strip().casefold()
            if key in by_text:
                return by_text[key]
        return _fail(value, path, problems, f"must be one of {listed}, not {_describe(value)}")

    return check


def _to_integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            number = _to_number(value)
            return int(number) if number is not None and float(number).is_integer() else None
    return None


def _to_number(value: Any) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        try:
            number = float(value.strip())
        except ValueError:
            return None
        return number if math.isfinite(number) else None
    return None


def _number(schema: Mapping[str, Any], convert: Callable[[Any], Any], noun: str) -> Check:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    step = schema.get("multipleOf")

    def check(value: Any, path: str, problems: list[Problem]) -> Any:
        number = convert(value)
        if number is None:
            return _fail(value, path, problems, f"must be {noun}, not {_describe(value)}")
        if low is not None and number < low:
            return _fail(value, path, problems, f"must be at least {low}, not {_describe(number)}")
        if high is not None and number > high:
            return _fail(value, path, problems, f"must be at most {high}, not {_describe(number)}")
        if above is not None and number <= above:
            return _fail(value, path, problems, f"must be above {above}, not {_describe(number)}")
        if below is not None and number >= below:
            return _fail(value, path, problems, f"must be below {below}, not {_describe(number)}")
        if step and not _is_multiple(number, step):
            return _fail(value, path, problems, f"must be a multiple of {step}, not {_describe(number)}")
        return number

    return check


def _is_multiple(number: float, step: float) -> bool:
    if isinstance(number, int) and isinstance(step, int):
        return number % step == 0
    try:
        quotient = number / step
    except OverflowError:
        return False
    return math.isfinite(quotient) and math.isclose(quotient, round(quotient), abs_tol=1e-9)


def _boolean(value: Any, path: str, problems: list[Problem]) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    text = value.strip().casefold() if isinstance(value, str) else None
    if text in {"true", "yes", "on", "1"}:
        return True
    if text in {"false", "no", "off", "0"}:
        return False
    return _fail(value, path, problems, f"must be true or false, not {_describe(value)}")


def _null(value: Any, path: str, problems: list[Problem]) -> Any:
    if value is None or value in ("", "null", "None"):
        return None
    return _fail(value, path, problems, f"must be empty, not {_describe(value)}")


def _string(schema: Mapping[str, Any]) -> Check:
    low, high = schema.get("minLength"), schema.get("maxLength")
    pattern = _pattern(schema.get("pattern"))

    def check(value: Any, path: str, problems: list[Problem]) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = _text(value)
        if not isinstance(value, str):
            return _fail(value, path, problems, f"must be text, not {_describe(value)}")
        if low is not None and len(value) < low:
            return _fail(value, path, problems, "must not be empty" if low == 1 else f"needs at least {low} characters")
        if high is not None and len(value) > high:
            return _fail(value, path, problems, f"may have at most {high} characters, has {len(value)}")
        if pattern is not None and not pattern.search(value):
            return _fail(value, path, problems, f"must match {pattern.pattern}")
        return value

    return check


def _pattern(text: str | None) -> re.Pattern[str] | None:
    """The pattern, or None for one of another dialect (`\\p{L}`), which the tool itself has to check."""
    try:
        return None if text is None else re.compile(text)
    except re.error:
        return None


def _text(value: float | str) -> str:
    try:
        return str(value)
    except ValueError:  # Python writes no integer of more than 4300 digits in decimals
        return hex(int(value))


def _from_json_text(value: Any, kind: type) -> Any:
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return parsed if isinstance(parsed, kind) else value


def _describe(value: Any) -> str:
    try:
        text = json.dumps(value, default=repr)
    except (TypeError, ValueError, RecursionError):  # keys that are no text, circles, endless numbers
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 40 else f"{text[:37]}…"
