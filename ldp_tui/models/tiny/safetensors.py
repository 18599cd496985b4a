"""Reads safetensors files: a length, a JSON header that says where each tensor lies, and the tensors' bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ldp_tui.models.tiny.errors import ModelFolderError

Floats = NDArray[np.float32]

_TYPES: Final[dict[str, np.dtype[Any]]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
_LARGEST_HEADER: Final = 16 * 2**20


def read_tensors(path: Path) -> dict[str, Floats]:
    """All tensors by name, as 32-bit floats.

    Raises:
        ModelFolderError: If the file is missing, cut, or holds something other than floats; one line says which.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be read: {error.strerror}.") from error
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > min(len(content) - 8, _LARGEST_HEADER):
        raise ModelFolderError(f"{path} is no whole safetensors file.")
    try:
        header: dict[str, Any] = json.loads(content[8 : 8 + size])
        body = memoryview(content)[8 + size :]
        return {name: _tensor(entry, body) for name, entry in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFolderError(f"{path} is no safetensors file that can be read: {error}.") from error


def _tensor(entry: dict[str, Any], body: memoryview) -> Floats:
    start, stop = entry["data_offsets"]
    values: NDArray[np.generic] = np.frombuffer(body[start:stop], dtype=_TYPES[entry["dtype"]])
    return values.reshape(entry["shape"]).astype(np.float32)
