"""Models made from values that are known to be valid, without validating them again: the hot path's constructor."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

AnyModel = TypeVar("AnyModel", bound=BaseModel)

_set = object.__setattr__


def with_fields(model: AnyModel, fields: dict[str, Any]) -> AnyModel:
    """A model of the same type whose fields are `fields`: all of them, valid, and not shared with anything."""
    kind = model.__class__
    made = kind.__new__(kind)
    _set(made, "__dict__", fields)
    _set(made, "__pydantic_fields_set__", model.__pydantic_fields_set__.copy())
    _set(made, "__pydantic_extra__", model.__pydantic_extra__)
    _set(made, "__pydantic_private__", model.__pydantic_private__)
    return made
