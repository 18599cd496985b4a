"""A task dataset as one environment, for people: `module:Dataset`, or `module:Dataset,task=3`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ldp_tui.adapters.serving.seeded_tasks import SeededTask
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import UsageError
from ldp_tui.core.tasks import TaskDataset, size_of, task_drawn
from ldp_tui.core.tool_calls import Messages
from ldp_tui.core.tools import Tool
from ldp_tui.engine.rollout import close_bounded

TASK = "task"
"""The option that numbers the task to play."""


class DatasetTasks(SeededTask):
    """Plays the tasks of a dataset, a new environment for each episode.

    `task` is the number of the one to play. Without it the seed chooses: seed s plays task s, beginning again behind
    the last one; without a seed any task is drawn. An endless dataset gives whatever task comes next.
    """

    def __init__(self, dataset: TaskDataset[Any], task: int | None = None) -> None:
        super().__init__(_NotBegun())
        self._all, self._task = dataset, task
        self._index: int | None = None

    @property
    def dataset(self) -> TaskDataset[Any] | None:
        """The dataset whose tasks are played; None if it is but one of them."""
        return self._all if self._task is None else None

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Close the last episode's environment, make one for the task and start it."""
        await close_bounded(self.env)
        self._index = task_drawn(self._all, seed) if self._task is None else self._task
        self.env = await asyncio.to_thread(self._made)  # it may read files or ask a server
        return await super().reset(seed=seed, options=options)

    async def get_id(self) -> str:
        """The task's name, or its number in the dataset."""
        try:
            return await super().get_id()
        except NotImplementedError:
            if self._index is None:
                raise
            return str(self._index)

    def _made(self) -> Environment[Any]:
        made: Environment[Any] = (
            self._all.get_new_env() if self._index is None else self._all.get_new_env_by_idx(self._index)
        )
        return made


class _NotBegun(Environment[None]):
    """Stands where the first episode's environment will."""

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        raise NotImplementedError

    async def step(self, action: Any) -> tuple[Messages, float, bool, bool]:
        raise NotImplementedError


def is_dataset_class(factory: object) -> bool:
    """Whether calling `factory` makes a task dataset of ours for certain."""
    return inspect.isclass(factory) and issubclass(factory, TaskDataset)


def made_by(
    factory: Callable[..., Any],
    options: Mapping[str, Any],
    call: Callable[[Callable[..., Any], Mapping[str, Any]], Any],
) -> DatasetTasks:
    """The tasks of the dataset class `factory`, made with the options other than `task`.

    Raises:
        UsageError: For an unknown option or task.
    """
    return played(call(factory, {name: options[name] for name in options if name != TASK}), options.get(TASK))


def played(dataset: TaskDataset[Any], task: Any = None) -> DatasetTasks:
    """The tasks of `dataset`; `task` numbers the one to play, None: any.

    Raises:
        UsageError: If there is no such task.
    """
    if task is not None:
        check_task(task, size_of(dataset), type(dataset).__name__)
    return DatasetTasks(dataset, task)


def check_task(task: Any, size: int | None, name: str) -> None:
    """Raise UsageError unless `task` numbers one of `size` tasks; None is a dataset without end."""
    if not isinstance(task, int) or isinstance(task, bool):
        raise UsageError(f"task={task!r} is no number of a task; a dataset's tasks are numbered from 0.")
    if size is None:
        raise UsageError(f"{name} makes tasks without end and has no task {task}; leave it out.")
    if not 0 <= task < size:
        raise UsageError(f"{name} has {size} tasks, numbered from 0; there is no task {task}.")
