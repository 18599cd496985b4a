"""JSON Schemas of the shapes that Gymnasium spaces are made of."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_EXACT_LIMIT: Final = 64


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """An object with exactly these properties."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def list_schema(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """A list with one element per part."""
    schema: dict[str, Any] = {"type": "array", "minItems": len(parts), "maxItems": len(parts)}
    if parts and all(part == parts[0] for part in parts):
        return {**schema, "items": parts[0]}
    return {**schema, "prefixItems": parts}


def nullable_list(items: dict[str, Any] | None) -> dict[str, Any]:
    """A list of any length or null; null alone where `items` is None."""
    null = {"type": "null"}
    return null if items is None else {"anyOf": [{"type": "array", "items": items}, null]}


def packed_or(nested: dict[str, Any]) -> dict[str, Any]:
    """The compressed form that `plain.packed` writes, or the nested one."""
    text, sizes = {"type": "string"}, {"type": "array", "items": {"type": "integer"}}
    return {"anyOf": [object_schema({"shape": sizes, "dtype": text, "zlib": text}), nested]}


def array_schema(low: NDArray[Any], high: NDArray[Any], kind: str) -> dict[str, Any]:
    """Nested arrays with each element's own bounds, or with the common ones where that would be long."""
    if low.ndim == 0:
        bounds = {"minimum": _shortest(low), "maximum": _shortest(high)}
        return {"type": kind, **{key: bound for key, bound in bounds.items() if np.isfinite(bound)}}
    uniform = low.size == 0 or ((low == low.flat[0]).all() and (high == high.flat[0]).all())
    if uniform or low.size > _EXACT_LIMIT:
        schema = array_schema(np.asarray(low.min()), np.asarray(high.max()), kind) if low.size else {"type": kind}
        for length in reversed(low.shape):
            schema = {"type": "array", "items": schema, "minItems": length, "maxItems": length}
        return schema
    return list_schema([array_schema(a, b, kind) for a, b in zip(low, high, strict=True)])


def _shortest(number: NDArray[Any]) -> float | int:
    """The number with the fewest digits that name it in its own precision, as elements are written."""
    return float(str(number[()])) if number.dtype.kind == "f" else int(number)
