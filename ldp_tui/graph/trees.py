"""Nested structures of gradients: dicts, lists and tuples whose leaves are anything else. LDP uses dm-tree for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Structure: TypeAlias = Any
"""A leaf, or a dict, list or tuple of structures."""
Path: TypeAlias = tuple[Any, ...]
"""Keys and indices from the root to a leaf."""


def map_structure(function: Callable[..., Any], *structures: Structure) -> Structure:
    """Structure of `function(leaf of each)`; all structures have the shape of the first.

    Raises:
        ValueError: If the structures differ.
    """
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    return _map(lambda _, *leaves: function(*leaves), (), structures)


def map_structure_with_path(function: Callable[..., Any], *structures: Structure) -> Structure:
    """Like `map_structure`; the function is also told where it is: `function(path, *leaves)`."""
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    return _map(function, (), structures)


def assert_same_structure(first: Structure, second: Structure, *, check_types: bool = True) -> None:
    """Raise ValueError, saying where, unless both nest in the same way.

    With `check_types`, a list is no tuple; two kinds of mapping are the same.
    """
    if difference := _difference(first, second, (), check_types=check_types):
        raise ValueError(difference)


def _map(function: Callable[..., Any], path: Path, structures: tuple[Structure, ...]) -> Structure:
    first = structures[0]
    if isinstance(first, Mapping):
        return {key: _map(function, (*path, key), tuple(each[key] for each in structures)) for key in first}
    if isinstance(first, list | tuple):
        parts = [
            _map(function, (*path, index), tuple(each[index] for each in structures)) for index in range(len(first))
        ]
        if isinstance(first, list):
            return parts
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    return function(path, *structures)


def _difference(first: Structure, second: Structure, path: Path, *, check_types: bool) -> str:
    where = f"at {'.'.join(map(str, path))}" if path else "at the top"
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        if first.keys() != second.keys():
            return f"{where}, the keys are {_listed(first)} and {_listed(second)}"
        pairs = ((key, first[key], second[key]) for key in first)
    elif isinstance(first, list | tuple) and isinstance(second, list | tuple):
        if check_types and isinstance(first, list) != isinstance(second, list):
            return f"{where}, one is a {type(first).__name__}, the other a {type(second).__name__}"
        if len(first) != len(second):
            return f"{where}, the lengths are {len(first)} and {len(second)}"
        pairs = ((index, first[index], second[index]) for index in range(len(first)))
    elif isinstance(first, Mapping | list | tuple) or isinstance(second, Mapping | list | tuple):
        return f"{where}, one is a {type(first).__name__}, the other a {type(second).__name__}"
    else:
        return ""
    for key, one, other in pairs:
        if found := _difference(one, other, (*path, key), check_types=check_types):
            return found
    return ""


def _listed(mapping: Mapping[Any, Any]) -> str:
    return ", ".join(map(str, mapping)) or "none"
