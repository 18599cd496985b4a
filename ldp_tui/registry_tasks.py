"""Anything that the registry names, as a task dataset: for servers, trainers and evaluators."""

from __future__ import annotations

from typing import Any

from ldp_tui.adapters.aviary_make import tasks_of
from ldp_tui.adapters.dataset_tasks import DatasetTasks
from ldp_tui.adapters.serving.seeded_tasks import SeededTaskDataset
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import UsageError
from ldp_tui.core.tasks import TaskDataset, size_of
from ldp_tui.registry import make_environment


class RegistryTaskDataset(SeededTaskDataset):
    """Task i is the environment `text` (`NAME[,key=value…]`) with seed i; `size` is None for tasks without end.

    Raises:
        UsageError: If there is no such environment, when its first task is made.
    """

    def __init__(self, text: str, *, size: int | None = None) -> None:
        super().__init__(lambda: make_environment(text)[0], size=size)
        self.text = text


def task_dataset(text: str, made: Environment[Any], *, size: int | None = None) -> TaskDataset[Any]:
    """The tasks of `text`, which made `made`: those of the dataset that it plays, else `size` seeds.

    Raises:
        UsageError: If a dataset is to have another number of tasks than it has.
    """
    dataset = made.dataset if isinstance(made, DatasetTasks) else tasks_of(made)
    if dataset is None:
        return RegistryTaskDataset(text, size=size)
    if size is not None:
        raise UsageError(f"{type(dataset).__name__} has tasks of its own, so their number cannot be chosen.")
    return dataset if isinstance(dataset, TaskDataset) else RegistryTaskDataset(text, size=size_of(dataset))
