"""Collections of tasks: each makes an environment, by number, by arguments, or without end."""

from __future__ import annotations

import random
from abc import ABC
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from ldp_tui.core.environment import Environment

AnyEnvironment = TypeVar("AnyEnvironment", bound=Environment[Any])


class TaskDataset(ABC, Generic[AnyEnvironment]):
    """Tasks of one kind. Finite ones implement `__len__` and `get_new_env_by_idx`, endless ones `get_new_env`."""

    def __len__(self) -> int:
        raise TypeError(f'"Object of type {self.__class__.__name__}" has no len()')

    def get_new_env_by_idx(self, idx: int) -> AnyEnvironment:
        """Environment of task number `idx`; raises NotImplementedError where tasks are not numbered."""
        raise NotImplementedError(f"{type(self).__name__} has no numbered tasks.")

    def get_new_env(self) -> AnyEnvironment:
        """Environment of the next task; raises NotImplementedError for finite task sets."""
        raise NotImplementedError(f"{type(self).__name__} has no endless supply of tasks; use get_new_env_by_idx.")

    def get_new_env_by_args(self, **kwargs: Any) -> AnyEnvironment:
        """Environment of the task that `kwargs` describe; raises NotImplementedError where that is not possible."""
        raise NotImplementedError(f"{type(self).__name__} does not make tasks from arguments.")

    def iter_batches(
        self,
        batch_size: int,
        shuffle: bool = False,
        *,
        seed: int | None = None,
    ) -> Iterator[list[AnyEnvironment]]:
        """Batches of new environments; the last one of a finite set may be smaller, an endless set never ends.

        `seed` makes the shuffled order repeatable.
        """
        try:
            order = list(range(len(self)))
        except TypeError:
            while True:
                yield [self.get_new_env() for _ in range(batch_size)]
        if shuffle:
            random.Random(seed).shuffle(order)
        for start in range(0, len(order), batch_size):
            yield [self.get_new_env_by_idx(index) for index in order[start : start + batch_size]]
