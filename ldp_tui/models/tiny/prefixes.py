"""Keys and values of what was read lately: the common beginning of prompts is read once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np

from ldp_tui.models.tiny.network import Cache, Integers
from ldp_tui.models.tiny.safetensors import Floats

_MOST_TOKENS: Final = 16_384
_MOST_ENTRIES: Final = 32
_WORTH_IT: Final = 4


class Prefixes:
    """The newest sequences, as far as they fit. Used by one thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[Integers, Floats, Floats]] = OrderedDict()
        self._tokens = 0

    def restore(self, ids: Integers, cache: Cache, row: int) -> int:
        """Put what is known of the beginning of `ids` into a row; how many tokens that is, fewer than `ids` has."""
        best, found = 0, None
        for key, (known, _, _) in self._kept.items():
            most = min(len(known), len(ids) - 1)
            differs = np.flatnonzero(known[:most] != ids[:most])
            common = int(differs[0]) if len(differs) else most
            if common > best:
                best, found = common, key
        if found is None or best < _WORTH_IT:
            cache.lengths[row] = 0
            return 0
        self._kept.move_to_end(found)
        _, keys, values = self._kept[found]
        cache.keys[:, row, :, :best] = keys[:, :, :best]
        cache.values[:, row, :, :best] = values[:, :, :best]
        cache.lengths[row] = best
        return best

    def keep(self, ids: Sequence[int], cache: Cache, row: int) -> None:
        """Remember the first tokens of a row, which are `ids`, as far as the row has read them."""
        known = np.asarray(ids, dtype=np.int64)[: int(cache.lengths[row])]
        key = known.tobytes()
        if key in self._kept:
            self._kept.move_to_end(key)
            return
        span = np.s_[:, row, :, : len(known)]
        self._kept[key] = (known, cache.keys[span].copy(), cache.values[span].copy())
        self._tokens += len(known)
        while self._tokens > _MOST_TOKENS or len(self._kept) > _MOST_ENTRIES:
            _, (oldest, _, _) = self._kept.popitem(last=False)
            self._tokens -= len(oldest)
