"""Options that a person gives to a factory, checked against its annotations before it is called.

They arrive as JSON values and text (`size=7`, `mode=fast`) and are converted where that loses nothing, as arguments of
tools are. A parameter without an annotation, or with one that no JSON Schema can say, takes anything; values of other
kinds than JSON has come from code, and are left as they are.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from ldp_tui.core.arguments import ArgumentError, ArgumentSchema
from ldp_tui.core.errors import UsageError, did_you_mean


def fitted(factory: Callable[..., Any], options: Mapping[str, Any], *, of: str) -> dict[str, Any]:
    """`options` as the annotations of `factory` take them; names that it does not declare are left as they are.

    Raises:
        UsageError: Names the option, what it takes and what was given; `of` says whose option it is.
    """
    parameters = _parameters(factory) if options else {}
    return {
        name: _fitted(name, value, parameters[name].annotation, of)
        if name in parameters and not (value is None and parameters[name].default is None)
        else value
        for name, value in options.items()
    }


def loosely_fitted(factory: Callable[..., Any], options: Mapping[str, Any], *, of: str) -> dict[str, Any]:
    """The same for code of others, whose annotations are often missing or stricter than it is.

    Any number will do for a whole one, and null for everything; what is true or false by default has to be one of them.
    Values stay JSON values.

    Raises:
        UsageError: As `fitted` does.
    """
    parameters = _parameters(factory) if options else {}
    return {
        name: _fitted(name, value, _loose_annotation(parameters[name]), of, convert=False)
        if name in parameters and value is not None
        else value
        for name, value in options.items()
    }


@dataclass(frozen=True, slots=True)
class _Fit:
    """What one annotation takes; `choices` holds the texts among which one has to be."""

    adapter: TypeAdapter[Any]
    schema: ArgumentSchema
    takes_none: bool
    choices: tuple[str, ...]

    def coerced(self, value: Any) -> Any:
        """The value as a JSON value that fits; raises ArgumentError."""
        return None if value is None and self.takes_none else self.schema.coerce({_VALUE: value})[_VALUE]


_VALUE = "value"
"""Name of the one property that an option is checked under."""


def _fitted(name: str, value: Any, annotation: Any, of: str, *, convert: bool = True) -> Any:
    fit = _fit_of(annotation) if _is_json(value) else None
    if fit is None:
        return value
    try:
        coerced = fit.coerced(value)
        return fit.adapter.validate_python(coerced) if convert else coerced
    except ArgumentError as error:
        problem = error.problems[0]
        place = name + problem.path.removeprefix(_VALUE)
        hint = did_you_mean(value, fit.choices) if isinstance(value, str) else ""
        raise UsageError(f"Option {place!r} of {of} {problem.reason}.{hint}") from error
    except ValidationError as error:
        raise UsageError(f"Option {name!r} of {of} cannot be {value!r}: {error.errors()[0]['msg']}.") from error


def _is_json(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    return type(value) in (str, int, float, bool, type(None))


def _parameters(factory: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(factory, eval_str=True).parameters
    except Exception:  # noqa: BLE001 (no signature, or annotations of names that only type checkers see)
        return {}


def _fit_of(annotation: Any) -> _Fit | None:
    """What `annotation` takes; None if it says nothing that can be checked."""
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return None
    try:
        return _cached_fit(annotation)
    except Exception:  # noqa: BLE001 (annotations are any object at all)
        return None


@lru_cache(maxsize=256)
def _cached_fit(annotation: Any) -> _Fit:
    adapter = TypeAdapter(annotation)
    schema = adapter.json_schema()
    definitions = schema.pop("$defs", {})
    others = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    takes_none = len(others) < len(schema.get("anyOf", ()))
    if takes_none:
        schema = others[0] if len(others) == 1 else {"anyOf": others}
    named = definitions.get(schema.get("$ref", "").removeprefix("#/$defs/"), schema)
    choices = tuple(choice for choice in named.get("enum", ()) if isinstance(choice, str))
    parameters = {"type": "object", "properties": {_VALUE: schema}, "$defs": definitions}
    return _Fit(adapter, ArgumentSchema(parameters), takes_none, choices)


def _loose_annotation(parameter: inspect.Parameter) -> Any:
    if parameter.annotation is parameter.empty and isinstance(parameter.default, bool):
        return bool
    return _loose(parameter.annotation)


def _loose(annotation: Any) -> Any:
    """The annotation with any number in place of a whole one, at any depth."""
    if annotation is int:
        return float
    inside = get_args(annotation)
    if not inside or get_origin(annotation) is typing.Literal:
        return annotation
    loosened = tuple(_loose(argument) for argument in inside)
    origin = get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return typing.Union[loosened]  # noqa: UP007 (made at run time)
    return types.GenericAlias(origin, loosened) if isinstance(origin, type) else annotation
