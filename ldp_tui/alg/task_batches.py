"""Batches of environments from a task dataset, round after round, in an order that a seed repeats."""

from __future__ import annotations

import inspect
import itertools
import math
import random
from collections.abc import Iterator
from typing import Any

from ldp_tui.core.environment import Environment
from ldp_tui.core.tasks import TaskDataset, size_of


def batches_per_round(dataset: TaskDataset[Any], batch_size: int) -> int | None:
    """Batches until all tasks have come; None for an endless dataset."""
    size = size_of(dataset)
    return None if size is None else math.ceil(size / batch_size)


def task_batches(
    dataset: TaskDataset[Any], batch_size: int, *, shuffle: bool, seed: int | None = None, start: int = 0
) -> Iterator[list[Environment[Any]]]:
    """Batches without end: a finite dataset begins anew, shuffled in another order each round.

    The same seed gives the same batches; `start` leaves out that many at the beginning, without making their
    environments where the tasks are numbered.

    Raises:
        ValueError: For a dataset without tasks.
    """
    size = size_of(dataset)
    if size is not None and type(dataset).iter_batches is TaskDataset.iter_batches:
        return _numbered(dataset, size, batch_size, shuffle=shuffle, seed=seed, start=start)
    return itertools.islice(_by_the_dataset(dataset, batch_size, shuffle=shuffle, seed=seed), start, None)


def _numbered(
    dataset: TaskDataset[Any], size: int, batch_size: int, *, shuffle: bool, seed: int | None, start: int
) -> Iterator[list[Environment[Any]]]:
    if not size:
        raise ValueError(f"{type(dataset).__name__} has no tasks.")
    rounds = math.ceil(size / batch_size)
    for number in itertools.count(start // rounds):
        order = list(range(size))
        if shuffle:
            random_of(seed, number).shuffle(order)
        for batch in range(start % rounds if number == start // rounds else 0, rounds):
            yield [dataset.get_new_env_by_idx(task) for task in order[batch * batch_size : (batch + 1) * batch_size]]


def _by_the_dataset(
    dataset: TaskDataset[Any], batch_size: int, *, shuffle: bool, seed: int | None
) -> Iterator[list[Environment[Any]]]:
    """What `iter_batches` gives, which the dataset defines itself, or which is endless."""
    seeded = seed is not None and "seed" in inspect.signature(dataset.iter_batches).parameters
    for number in itertools.count():
        own = {"seed": random_of(seed, number).getrandbits(31)} if seeded else {}
        empty = True
        for batch in dataset.iter_batches(batch_size, shuffle=shuffle, **own):
            empty = False
            yield batch
        if empty:
            raise ValueError(f"{type(dataset).__name__} has no tasks.")


def random_of(seed: int | None, number: int) -> random.Random:
    """The random numbers of round `number`; unpredictable ones without a seed."""
    return random.Random(None if seed is None else f"{seed}:{number}")
