"""What was read lately: the common beginning of prompts is read once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Kept = TypeVar("Kept")
Ids = NDArray[np.int64]

MOST_TOKENS: Final = 16_384
_MOST_ENTRIES: Final = 64
_WORTH_IT: Final = 4


class Prefixes(Generic[Kept]):
    """The newest sequences with what was computed for them, as far as they fit. Used by one thread."""

    def __init__(self, *, most_tokens: int = MOST_TOKENS) -> None:
        self._most_tokens = most_tokens
        self._kept: OrderedDict[bytes, tuple[Ids, Kept]] = OrderedDict()
        self._tokens = 0

    def find(self, ids: Sequence[int]) -> tuple[int, Kept | None]:
        """How many of the first tokens are known, fewer than `ids` has, and what holds them; 0 and None for too few."""
        wanted, best, found = np.asarray(ids, dtype=np.int64), 0, None
        for key, (known, _) in self._kept.items():
            common = common_length(known, wanted)
            if common > best:
                best, found = min(common, len(wanted) - 1), key
        if found is None or best < _WORTH_IT:
            return 0, None
        self._kept.move_to_end(found)
        return best, self._kept[found][1]

    def keep(self, ids: Sequence[int], take: Callable[[], Kept]) -> None:
        """Remember a sequence; `take` is called for what belongs to it, unless it is the beginning of a kept one."""
        known = np.asarray(ids, dtype=np.int64)
        for key, (longer, _) in self._kept.items():
            if len(longer) >= len(known) and np.array_equal(longer[: len(known)], known):
                self._kept.move_to_end(key)
                return
        kept = take()
        for key in [key for key, (one, _) in self._kept.items() if np.array_equal(known[: len(one)], one)]:
            self._forget(key)  # the longer one serves for both
        self._kept[known.tobytes()] = (known, kept)
        self._tokens += len(known)
        while self._tokens > self._most_tokens or len(self._kept) > _MOST_ENTRIES:
            self._forget(next(iter(self._kept)))

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._tokens = 0

    def _forget(self, key: bytes) -> None:
        ids, _ = self._kept.pop(key)
        self._tokens -= len(ids)


def common_length(one: NDArray[Any], other: NDArray[Any]) -> int:
    """How many first numbers are the same."""
    most = min(len(one), len(other))
    differs = np.flatnonzero(one[:most] != other[:most])
    return int(differs[0]) if len(differs) else most


def shared_beginning(sequences: Sequence[Sequence[int]]) -> int:
    """How many first tokens all sequences have in common."""
    shared = 0
    for column in zip(*sequences, strict=False):
        if len(set(column)) > 1:
            break
        shared += 1
    return shared
