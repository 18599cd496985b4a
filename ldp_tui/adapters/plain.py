"""Anything an environment hands out as plain JSON values: no numpy, no NaN, nothing shared with the original."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

PACK_ABOVE: Final = 1024
"""Arrays with more elements are written as compressed bytes instead of nested lists."""

_NON_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_SCALARS: Final = frozenset({str, int, bool, type(None)})
_KIND_OF_ARRAYS: Final = "biufSU"


def plain(value: Any) -> Any:
    """Python scalars, lists and dicts with text keys; what JSON has no form for becomes its `repr`."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is float:
        return value if math.isfinite(value) else word(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, np.ndarray):
        if value.size > PACK_ABOVE and value.dtype.kind in _KIND_OF_ARRAYS:
            return packed(value)
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, str | int | float):  # subclasses such as enums
        base = next(base for base in (bool, str, int, float) if isinstance(value, base))
        return plain(base(value))
    if hasattr(value, "__array__"):  # arrays of other libraries
        return plain(np.asarray(value))
    return repr(value)


def word(number: float) -> str:
    """The word for a float that JSON cannot write; `number_of` reads it back."""
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def number_of(value: Any) -> Any:
    """Nested lists with the words for non-finite floats read back; everything else unchanged."""
    if isinstance(value, list | tuple):
        return [number_of(item) for item in value]
    return _NON_FINITE.get(value, value) if isinstance(value, str) else value


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """`{"shape", "dtype", "zlib"}`: the row-major bytes of an array, compressed, as base64 text."""
    data = base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), level=1)).decode("ascii")
    return {"shape": list(array.shape), "dtype": array.dtype.str, "zlib": data}


def unpacked(value: Mapping[str, Any]) -> NDArray[Any]:
    """The array that `packed` wrote; raises ValueError or KeyError if it is something else."""
    data = zlib.decompress(base64.b64decode(value["zlib"]))
    return np.frombuffer(data, dtype=np.dtype(value["dtype"])).reshape(value["shape"]).copy()
