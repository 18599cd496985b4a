r"""A tool's schema, read from a typed Python function with a docstring. Built once per function and set of options.

Google, NumPy, ReST and Epydoc docstrings are understood. `state` and `tool_call_id` are given by the environment and
never shown to a player. Text after `\f` (a form feed, or the two characters in a raw docstring) is for human readers
only.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
import weakref
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache, partial
from typing import Any, Literal, get_args, get_origin

from docstring_parser import DocstringStyle, parse
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from ldp_tui.core.arguments import ArgumentError, ArgumentSchema, Problem
from ldp_tui.core.formatting import partial_format

HIDDEN_PARAMETERS = frozenset({"state", "tool_call_id"})
"""Parameters that the environment injects; players neither see nor set them."""

_PLAIN_TYPES = (str, int, float, bool, type(None))
_MAX_CACHED_OPTIONS = 64


@dataclass(slots=True)
class Pace:
    """How long the function's newest call kept its thread, in seconds; decides where the next call runs."""

    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Signature:
    """What can be known of a tool function without calling it."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema of the visible parameters (type, properties, required, $defs)."""
    hidden: frozenset[str]
    """Injected parameters that the function declares."""
    takes_any: bool
    """Whether the function takes arbitrary keyword arguments."""
    is_async: bool
    schema: ArgumentSchema
    model: type[BaseModel] | None
    """Builds Python objects (enums, models, dates) from JSON; None when the parameters are plain JSON anyway.

    Its fields are numbered and have the parameters' names as aliases: a parameter may be called `schema` or `_x`.
    """
    pace: Pace = field(default_factory=Pace, compare=False)

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """Keyword arguments for the function: coerced, completed, converted to the annotated types.

        Raises:
            ArgumentError: If the arguments violate the schema.
        """
        coerced = self.schema.coerce(given)
        if self.model is None:
            return coerced
        try:  # defaults stay out: they are what the author wrote, and need not be of the annotated type
            built = self.model.model_validate({name: value for name, value in coerced.items() if name in given})
        except ValidationError as error:
            raise ArgumentError([Problem(_path(item["loc"]), item["msg"]) for item in error.errors()]) from error
        for attribute, parameter in self.model.model_fields.items():
            if parameter.alias in coerced:
                coerced[parameter.alias] = getattr(built, attribute)
        return coerced


@dataclass(frozen=True, slots=True)
class SignatureOptions:
    """How to read a docstring."""

    style: DocstringStyle = DocstringStyle.AUTO
    allow_empty_param_descriptions: bool = False
    types_in_param_descriptions: bool = False
    formats: tuple[tuple[str, str, Any], ...] = ()
    """Name, type and value of each; the type, since 1 and True are equal and read differently."""


_CacheKey = tuple[SignatureOptions, bool, str | None, str | None]
_cache: weakref.WeakKeyDictionary[Callable[..., Any], dict[_CacheKey, Signature]] = weakref.WeakKeyDictionary()


def signature_of(function: Callable[..., Any], options: SignatureOptions = SignatureOptions()) -> Signature:
    """Signature of `function`; bound methods of one class share theirs.

    Raises:
        ValueError: If the docstring, or the description of a parameter, is missing.
        TypeError: If a parameter has no annotation, has no name to pass it by, or cannot be put in a schema.
    """
    owner = getattr(function, "__func__", function)
    try:
        by_options = _cache.get(owner)
        if by_options is None:
            by_options = _cache.setdefault(owner, {})
    except TypeError:  # a callable object that cannot be hashed or weakly referenced: read anew each time
        return _read(function, options)
    # Docstring and name may be assigned after the first reading; a function may also be bound as a method.
    key = (options, owner is function, owner.__doc__, getattr(owner, "__name__", None))
    try:
        found = by_options.get(key)
    except TypeError:  # a format's value that cannot be hashed
        return _read(function, options)
    if found is None:
        found = _read(function, options)
        if len(by_options) < _MAX_CACHED_OPTIONS:
            by_options[key] = found
    return found


def _read(function: Callable[..., Any], options: SignatureOptions) -> Signature:
    name = _name_of(function)
    # The parser would take a form feed for white space at the end of a line.
    docstring = parse((inspect.getdoc(function) or "").replace("\f", "\\f"), style=options.style)
    if not docstring.description:
        raise ValueError(f"Missing docstring for function {name}.")
    formats = {format_name: value for format_name, _, value in options.formats}
    described = {parameter.arg_name: parameter for parameter in docstring.params}
    declared = inspect.signature(function).parameters
    hints = _type_hints(function, declared.keys() - HIDDEN_PARAMETERS)
    fields: dict[str, tuple[Any, FieldInfo]] = {}
    hidden: set[str] = {"state"} if getattr(function, "requires_state", False) else set()
    takes_any = False
    for parameter in declared.values():
        if parameter.name in HIDDEN_PARAMETERS:
            hidden.add(parameter.name)
            continue
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            takes_any = True
            continue
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            raise TypeError(f"Tool {name}: *{parameter.name} cannot be described to a player; name each parameter.")
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise TypeError(f"Tool {name}: {parameter.name!r} cannot be given by name; move it behind the slash.")
        text = _describe(described.get(parameter.name), include_type=options.types_in_param_descriptions)
        if not text and not options.allow_empty_param_descriptions:
            raise ValueError(f"Missing description for parameter {parameter.name}.")
        fields[f"p{len(fields)}"] = _field(name, parameter, hints.get(parameter.name), partial_format(text, **formats))
    model = create_model(f"{name}_arguments", __config__=ConfigDict(arbitrary_types_allowed=False), **fields)  # type: ignore[call-overload]
    parameters = model.model_json_schema()
    parameters.pop("title", None)
    parameters.setdefault("properties", {})
    parameters.setdefault("required", [])
    return Signature(
        name=name,
        description=partial_format(_visible(docstring.description), **formats),
        parameters=parameters,
        hidden=frozenset(hidden),
        takes_any=takes_any,
        is_async=is_coroutine_callable(function),
        schema=ArgumentSchema({**parameters, "additionalProperties": takes_any}),
        model=None if all(_is_plain(annotation) for annotation, _ in fields.values()) else model,
    )


def _path(location: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _name_of(function: Callable[..., Any]) -> str:
    target: Any = function
    while isinstance(target, partial):
        target = target.func
    return str(getattr(target, "__name__", None) or type(target).__name__)


def _type_hints(function: Callable[..., Any], wanted: Set[str]) -> dict[str, Any]:
    """Resolved annotations of the parameters `wanted`; others may name types that exist for type checkers only."""
    target: Any = function
    while isinstance(target, partial):
        target = target.func
    if not inspect.isroutine(target) and not inspect.isclass(target):
        target = target.__call__
    annotations = {name: hint for name, hint in getattr(target, "__annotations__", {}).items() if name in wanted}
    holder = types.SimpleNamespace(__annotations__=annotations)
    names = getattr(inspect.unwrap(target), "__globals__", {})
    try:
        return typing.get_type_hints(holder, names, include_extras=True)
    except NameError:
        pass
    try:
        return typing.get_type_hints(holder, names, _locals_of_callers(), include_extras=True)
    except NameError as error:
        raise TypeError(f"Tool {_name_of(function)}: an annotation cannot be read: {error}.") from error


def _locals_of_callers() -> dict[str, Any]:
    """Names visible where the tool is made: its types may be local to that function."""
    names: dict[str, Any] = {}
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        names = {**frame.f_locals, **names}
        frame = frame.f_back
    return names


def _field(tool: str, parameter: inspect.Parameter, hint: Any, text: str) -> tuple[Any, FieldInfo]:
    if hint is None:
        if parameter.annotation is inspect.Parameter.empty:
            raise TypeError(f"Tool {tool}: parameter {parameter.name!r} needs a type annotation.")
        hint = type(None) if parameter.annotation is None else parameter.annotation
    config: dict[str, Any] = {"alias": parameter.name}
    if text:
        config["description"] = text
    if parameter.default is not inspect.Parameter.empty:
        config["default"] = parameter.default
    return hint, Field(**config)


def _describe(parameter: Any, *, include_type: bool) -> str:
    if parameter is None:
        return ""
    text = _visible(parameter.description or "")
    if include_type and parameter.type_name:
        return f"({parameter.type_name}): {text}"
    return text


def _visible(text: str) -> str:
    return text.split("\\f", 1)[0].strip()


@lru_cache(maxsize=1024)
def _is_plain_hashable(annotation: Any) -> bool:
    if annotation is Any or annotation in _PLAIN_TYPES:
        return True
    origin = get_origin(annotation)
    if origin is Literal:
        return not any(isinstance(value, Enum) for value in get_args(annotation))
    if origin is dict and get_args(annotation)[0] not in (str, Any):
        return False
    if origin in (typing.Union, types.UnionType, list, dict):
        return all(_is_plain(argument) for argument in get_args(annotation))
    return annotation in (list, dict)


def _is_plain(annotation: Any) -> bool:
    try:
        return _is_plain_hashable(annotation)
    except TypeError:
        return False


def is_coroutine_callable(function: Any) -> bool:
    """Whether calling `function` gives a coroutine, seen through partials and objects with an async `__call__`."""
    while isinstance(function, partial):
        function = function.func
    if inspect.iscoroutinefunction(function):
        return True
    return not inspect.isroutine(function) and inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004
