"""Keys and values of many sequences side by side, each of its own length, for any model of full attention.

Shapes: `R` rows, `K` heads of keys and values, `C` capacity in tokens, `D` size of a head; of one call `B` rows with
`T` new tokens each.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

Reading = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of one sequence: for each layer two tensors `[tokens, K, D]`."""


class Rows:
    """Which rows there are, how long they are, and where the tokens of the present call go."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.capacity = 0
        self.visible = slice(0), slice(0)
        """Rows and slots that the present call looks at."""
        self.before = 0
        """Slots before those of its new tokens."""
        self.at = torch.zeros(0, dtype=torch.long)
        """Where its new tokens go, among all slots of all rows: `[B * T]`"""

    def place(self, first: int, slots: torch.Tensor, seen: int) -> None:
        """The next call is for the rows from `first` on; `slots` `[B, T]` are those of its new tokens in their rows."""
        count, width = slots.shape
        rows = torch.arange(first, first + count, device=slots.device)[:, None]
        self.at = (rows * self.capacity + slots).flatten()
        self.visible, self.before = (slice(first, first + count), slice(seen)), seen - width


class RowLayer(DynamicLayer):  # type: ignore[misc]
    """One layer: tensors `[R, C, K, D]`, which models write to and read from by their usual `update`."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self._rows = rows

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Allocate, now that the heads' sizes are known."""
        self.dtype, self.device = key_states.dtype, key_states.device
        size = (len(self._rows.lengths), self._rows.capacity, key_states.shape[1])
        self.keys = key_states.new_zeros(*size, key_states.shape[-1])
        self.values = value_states.new_zeros(*size, value_states.shape[-1])
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Put `[B, K, T, D]` in their slots; all that the call's rows hold, `[B, K, seen, D]`."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        at, visible = self._rows.at.to(self.keys.device), self._rows.visible
        for store, states in ((self.keys, key_states), (self.values, value_states)):
            store.view(-1, *store.shape[2:]).index_copy_(0, at, states.transpose(1, 2).flatten(0, 1))
        return self.keys[visible].transpose(1, 2), self.values[visible].transpose(1, 2)

    def get_seq_length(self) -> int:
        """Tokens before those of the present call; models ask where no positions are given."""
        return self._rows.before

    def grow(self) -> None:
        """Take the size that the rows have now; what is there stays."""
        if self.is_initialized:
            self.keys, self.values = self._grown(self.keys), self._grown(self.values)

    def move(self, source: int, target: int, length: int) -> None:
        """The first tokens of a row become those of another."""
        for store in (self.keys, self.values):
            store[target, :length] = store[source, :length]

    def _grown(self, store: torch.Tensor) -> torch.Tensor:
        rows, capacity = store.shape[:2]
        grown = store.new_zeros(len(self._rows.lengths), self._rows.capacity, *store.shape[2:])
        grown[:rows, :capacity] = store
        return grown


class RowCache(Cache):  # type: ignore[misc]
    """All layers. transformers' models take it as `past_key_values`."""

    def __init__(self, layers: int) -> None:
        self.rows = Rows()
        super().__init__(layers=[RowLayer(self.rows) for _ in range(layers)])

    @property
    def lengths(self) -> list[int]:
        """Tokens that each row holds."""
        return self.rows.lengths

    def reserve(self, *, rows: int, capacity: int) -> None:
        """Make room for at least so many rows and tokens; what is there stays."""
        have_rows, have_capacity = len(self.lengths), self.rows.capacity
        if rows <= have_rows and capacity <= have_capacity:
            return
        if rows > have_rows:
            self.lengths.extend([0] * (max(rows, 2 * have_rows) - have_rows))
        if capacity > have_capacity:
            self.rows.capacity = max(capacity, have_capacity * 3 // 2, 64)
        for layer in self.layers:
            layer.grow()

    def move(self, source: int, target: int) -> None:
        """Row `target` becomes what row `source` is."""
        length = self.lengths[target] = self.lengths[source]
        for layer in self._filled():
            layer.move(source, target, length)

    def swap(self, one: int, other: int) -> None:
        """Exchange two rows."""
        if one == other:
            return
        held, length = self.reading(one, self.lengths[one]), self.lengths[one]
        self.move(other, one)
        self.restore(other, held, length)

    def reading(self, row: int, length: int) -> Reading:
        """Keys and values of a row's first tokens, copied."""
        return [(layer.keys[row, :length].clone(), layer.values[row, :length].clone()) for layer in self._filled()]

    def restore(self, row: int, reading: Reading | None, length: int) -> None:
        """A row begins with the first `length` tokens of a reading, and nothing else."""
        self.lengths[row] = length
        for layer, (keys, values) in zip(self.layers, reading or (), strict=False):
            if not layer.is_initialized:
                layer.lazy_initialization(keys[None].transpose(1, 2), values[None].transpose(1, 2))
            layer.keys[row, :length] = keys[:length]
            layer.values[row, :length] = values[:length]

    def _filled(self) -> list[RowLayer]:
        return [layer for layer in self.layers if layer.is_initialized]
