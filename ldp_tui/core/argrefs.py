"""Tools whose arguments are names: a model passes the key of an object instead of the object.

    @argref_by_name()
    def add(a: float, b: float) -> float: ...

    add("x", "y", state=state)      # adds state.refs["x"] and state.refs["y"], keeps the sum in state.refs

`state.refs` is a dictionary of the environment's own. Results are kept there under new names, and the model is told
those. A name is made from the number of objects that are kept, so that equal episodes name alike.
"""

from __future__ import annotations

import hashlib
import inspect
import types
import typing
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, get_args, get_origin

from docstring_parser import compose, parse

from ldp_tui.core.signatures import HIDDEN_PARAMETERS, is_coroutine_callable

KEY_NOTE = "(Pass a string key instead of the full object)"
KEYS_NOTE = "(Pass comma-separated string keys instead of the full object)"


def argref_by_name(
    fxn_requires_state: bool = False,
    prefix: str = "",
    return_direct: bool = False,
    type_check: bool = False,
    args_to_skip: set[str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: arguments are keys of `state.refs`, and the result is kept there.

    A keyword argument must be a key, or the parameter's default. A positional argument that is no key is passed as it
    is, unless it is the first and a text: that is a mistyped key, and raises KeyError. Several keys, separated by
    commas, are a list. Each element of a list that the function returns is kept by itself. The decorated function takes
    `state` by keyword; asynchronous functions stay asynchronous.

    Args:
        fxn_requires_state: Pass `state` on to the function.
        prefix: Leads the names of results: `prefix-1f2e3d4c`.
        return_direct: Return the result as it is instead of keeping it.
        type_check: Check the objects against the function's annotations before the call; raises TypeError.
        args_to_skip: Parameters that are plain values, not keys.
    """
    plain = frozenset(args_to_skip or ()) | HIDDEN_PARAMETERS

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        by_name = _ByName(function, plain, fxn_requires_state, type_check, prefix, return_direct)

        def call(*args: Any, **kwargs: Any) -> Any:
            found, named, state = by_name.arguments(args, kwargs)
            return by_name.told(state, function(*found, **named))

        async def call_and_wait(*args: Any, **kwargs: Any) -> Any:
            found, named, state = by_name.arguments(args, kwargs)
            return by_name.told(state, await function(*found, **named))

        return _described(call_and_wait if is_coroutine_callable(function) else call, function, plain)

    return decorate


@dataclass(frozen=True, slots=True)
class _ByName:
    """One decorated function: how its arguments are found and its results are kept."""

    function: Callable[..., Any]
    plain: frozenset[str]
    pass_state: bool
    type_check: bool
    prefix: str
    return_direct: bool

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any], Any]:
        """The objects that positional and keyword arguments name, and the state they were found in."""
        if "state" not in kwargs:
            raise ValueError(f"{self.function.__name__} takes its arguments by name and needs the keyword 'state'.")
        state = kwargs["state"]
        refs = _refs(state)
        parameters = inspect.signature(self.function).parameters
        places = dict(enumerate(parameters))
        found = [
            value
            for place, arg in enumerate(args)
            for value in ([arg] if places.get(place) in self.plain else _positional(refs, arg, first=place == 0))
        ]
        named = {
            name: arg if name in self.plain or _is_default(parameters.get(name), arg) else _keyword(refs, arg)
            for name, arg in kwargs.items()
            if self.pass_state or name != "state"
        }
        if self.type_check:
            _check_types(self.function, found, named)
        return found, named, state

    def told(self, state: Any, result: Any) -> Any:
        """What the model is told: the result itself, or the names it is kept under."""
        if self.return_direct:
            return result
        results = result if isinstance(result, list) else [result]
        return "\n".join(_keep(_refs(state), self.prefix, item) for item in results)


def _is_default(parameter: inspect.Parameter | None, arg: Any) -> bool:
    if parameter is None:
        return False
    default = parameter.default
    return arg is default or (isinstance(default, str | int | float) and bool(arg == default))


def _described(wrapper: Callable[..., Any], function: Callable[..., Any], plain: frozenset[str]) -> Callable[..., Any]:
    """`wrapper` with the name, signature and docstring of `function`, in which keys stand for objects."""
    update_wrapper(wrapper, function)
    wrapper.requires_state = True  # type: ignore[attr-defined]  # how a tool whose signature hides it asks for the state
    wrapper.__annotations__ = {
        name: hint for name, hint in function.__annotations__.items() if name in plain or name == "return"
    }
    by_name = {name for name, kind in _kinds(function).items() if name not in plain and kind not in _VARIADIC}
    wrapper.__annotations__.update(dict.fromkeys(by_name, str))
    if not function.__doc__:
        return wrapper
    docstring, hints = parse(function.__doc__), _hints(function)
    for parameter in docstring.params:
        if parameter.arg_name not in by_name:
            continue
        hint = hints.get(parameter.arg_name)
        note = KEYS_NOTE if list in (hint, get_origin(hint)) else KEY_NOTE
        if parameter.type_name is None and hint is not None:
            parameter.type_name = _type_text(hint)
        parameter.description = f"{parameter.description or ''} {note}"
    wrapper.__doc__ = compose(docstring)
    return wrapper


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _kinds(function: Callable[..., Any]) -> dict[str, Any]:
    return {name: parameter.kind for name, parameter in inspect.signature(function).parameters.items()}


def _refs(state: Any) -> MutableMapping[str, Any]:
    try:
        refs: MutableMapping[str, Any] = state.refs
    except AttributeError as error:
        raise AttributeError(
            "The state object must have a 'refs' attribute to use the argref_by_name decorator."
        ) from error
    return refs


def _positional(refs: Mapping[str, Any], arg: Any, *, first: bool) -> list[Any]:
    keys = _keys(refs, arg)
    if keys and all(key in refs for key in keys):
        return [refs[key] for key in keys]
    if first and isinstance(arg, str):
        raise KeyError(f"The key {arg} is not found in state.")
    return [arg]


def _keyword(refs: Mapping[str, Any], arg: Any) -> Any:
    keys = _keys(refs, arg)
    missing = [key for key in keys if key not in refs]
    if not keys or (missing and len(keys) == 1):
        raise KeyError(f"Key is not present in the current key-value store: {arg!r}")
    if missing:
        raise KeyError(f'The following keys are not present in the current key-value store: "{", ".join(missing)}"')
    values = [refs[key] for key in keys]
    return values if len(values) > 1 else values[0]


def _keys(refs: Mapping[str, Any], arg: Any) -> list[str]:
    """The keys that `arg` may name, present or not; empty if it cannot be a key. A key may hold a comma itself."""
    if not isinstance(arg, str):
        return []
    return [arg] if arg in refs or "," not in arg else [part.strip() for part in arg.split(",")]


def _keep(refs: MutableMapping[str, Any], prefix: str, item: Any) -> str:
    """Keep `item` under a new name, also while other threads do so; tells the name, the type and the value."""
    taken = object()
    number = len(refs)
    while refs.setdefault(name := _name(prefix, number), taken) is not taken:
        number += 1
    refs[name] = item
    return f"{name} ({type(item).__name__}): {item!s}"


def _name(prefix: str, number: int) -> str:
    key = hashlib.blake2b(f"{prefix}:{number}".encode(), digest_size=4).hexdigest()
    return f"{prefix}-{key}" if prefix else key


def _check_types(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    hints = {name: hint for name, hint in _hints(function).items() if name not in {"return", "state"}}
    names = list(inspect.signature(function).parameters)
    given = [*zip(names, args, strict=False), *kwargs.items()]
    wrong = [
        f"- {name}: expected {_type_text(hints[name])}, got {_type_text(type(value))}"
        for name, value in given
        if name in hints and not _is_instance(value, hints[name])
    ]
    if wrong:
        raise TypeError("\n".join(["The following arguments have incorrect types:", *wrong]))


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except NameError:  # a type that exists for type checkers only cannot be checked here either
        return {name: hint for name, hint in function.__annotations__.items() if not isinstance(hint, str)}


def _is_instance(value: Any, expected: Any) -> bool:
    """`isinstance` for annotations: unions, and the elements of sequences, mappings and tuples."""
    origin, arguments = get_origin(expected), get_args(expected)
    if expected is Any:
        return True
    if origin in (types.UnionType, typing.Union):
        return any(_is_instance(value, option) for option in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is typing.Annotated:
        return _is_instance(value, arguments[0])
    if origin is None:
        kinds = (float, int) if expected is float else expected
        return not isinstance(expected, type) or isinstance(value, kinds)
    if not isinstance(value, origin):
        return False
    if origin is tuple and Ellipsis not in arguments:
        return len(value) == len(arguments) and all(map(_is_instance, value, arguments))
    if issubclass(origin, Mapping):
        key, item = arguments
        return all(_is_instance(k, key) and _is_instance(v, item) for k, v in value.items())
    if issubclass(origin, Sequence | set | frozenset):
        return all(_is_instance(item, arguments[0]) for item in value)
    return True


def _type_text(hint: Any) -> str:
    """A type as people write it: `list[int]`, `int | None`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " | ".join(_type_text(argument) for argument in arguments)
    if hint is type(None):
        return "None"
    if origin is not None:
        name = getattr(origin, "__name__", str(origin))
        return f"{name}[{', '.join(_type_text(argument) for argument in arguments)}]"
    return "..." if hint is Ellipsis else str(getattr(hint, "__name__", hint))
