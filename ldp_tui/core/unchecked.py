"""Models made from values that are known to be valid, without validating them again: the hot path's constructor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

AnyModel = TypeVar("AnyModel", bound=BaseModel)


def _setter(slot: str) -> Callable[[BaseModel, Any], None]:
    """The C function behind a slot of pydantic's models, which declare these four and nothing else."""
    setter: Callable[[BaseModel, Any], None] = BaseModel.__dict__[slot].__set__
    return setter


_set_fields = _setter("__dict__")
_set_given = _setter("__pydantic_fields_set__")
_set_extra = _setter("__pydantic_extra__")
_set_private = _setter("__pydantic_private__")


def with_fields(model: AnyModel, fields: dict[str, Any]) -> AnyModel:
    """A model of the same type whose fields are `fields`: all of them, valid, and not shared with anything."""
    made = object.__new__(model.__class__)
    _set_fields(made, fields)
    _set_given(made, model.__pydantic_fields_set__.copy())
    _set_extra(made, model.__pydantic_extra__)
    _set_private(made, model.__pydantic_private__)
    return made
