"""What PyTorch raises, as what the client knows."""

from __future__ import annotations

import torch

from ldp_tui.models.errors import OutOfMemory


def translated(error: Exception) -> Exception:
    """OutOfMemory for whatever says so, every other error as it is."""
    if not is_out_of_memory(error):
        return error
    told = OutOfMemory("memory ran out; shorter prompts, fewer lanes, a smaller dtype or quantization need less")
    told.__cause__ = error
    return told


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the GPU or off it."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "not enough memory" in str(error)
