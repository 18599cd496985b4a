"""Seeds for code that draws from the process's own generators, because it takes none."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

_MAX_NUMPY_SEED = 2**32


class GlobalDraws:
    """Python's and NumPy's global generators as one environment sees them; outside of its calls they are as before.

    A best effort: calls of several environments that overlap in one process draw from each other's numbers.
    """

    def __init__(self) -> None:
        self._mine: tuple[Any, Any] | None = None

    def seed(self, seed: int | None) -> None:
        """Start from `seed`; None: leave the generators alone."""
        self._mine = None if seed is None else _state_of(seed)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Within the block the generators go on where this environment's last block left them."""
        if self._mine is None:
            yield
            return
        before = _state()
        _set_state(self._mine)
        try:
            yield
        finally:
            self._mine = _state()
            _set_state(before)


def _state() -> tuple[Any, Any]:
    return random.getstate(), np.random.get_state()


def _set_state(state: tuple[Any, Any]) -> None:
    random.setstate(state[0])
    np.random.set_state(state[1])


def _state_of(seed: int) -> tuple[Any, Any]:
    return random.Random(seed).getstate(), np.random.RandomState(seed % _MAX_NUMPY_SEED).get_state()
