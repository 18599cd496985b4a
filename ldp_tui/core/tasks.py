"""Collections of tasks: each makes an environment, by number, by arguments, or without end."""

from __future__ import annotations

import random
from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ldp_tui.core.above import borrow
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import MissingPackage, UnknownName, UsageError

AnyEnvironment = TypeVar("AnyEnvironment", bound=Environment[Any])

TASK_DATASET_GROUP: Final = "ldp_tui.task_datasets"
"""Entry-point group: `gsm8k = "my_package.tasks:GSM8kDataset"`."""


class TaskDataset(ABC, Generic[AnyEnvironment]):
    """Tasks of one kind. Finite ones implement `__len__` and `get_new_env_by_idx`, endless ones `get_new_env`."""

    @staticmethod
    def from_name(name: str, **env_kwargs: Any) -> TaskDataset[Any]:
        """Task set of that name, made with the keyword arguments.

        Args:
            name: One of `TASK_DATASET_REGISTRY`, an environment file with `make_dataset` (such as the bundled
                `calculator`), or `module:Class`.
            env_kwargs: For the class.

        Raises:
            UnknownName: Also a ValueError.
            MissingPackage: If its module cannot be imported; also an ImportError.
        """
        made = _class_of(name)(**env_kwargs)
        if not isinstance(made, TaskDataset):
            raise UsageError(f"{name!r} makes a {type(made).__name__}, not a TaskDataset.")
        return made

    def __len__(self) -> int:
        raise TypeError(f'"Object of type {self.__class__.__name__}" has no len()')

    def get_new_env_by_idx(self, idx: int) -> AnyEnvironment:
        """Environment of task number `idx`; raises NotImplementedError where tasks are not numbered."""
        raise NotImplementedError(f"{type(self).__name__} has no numbered tasks: no get_new_env_by_idx.")

    def get_new_env(self) -> AnyEnvironment:
        """Environment of the next task; raises NotImplementedError for finite task sets."""
        raise NotImplementedError(f"{type(self).__name__} has no endless supply of tasks: no get_new_env.")

    def get_new_env_by_args(self, **kwargs: Any) -> AnyEnvironment:
        """Environment of the task that `kwargs` describe; raises NotImplementedError where that is not possible."""
        raise NotImplementedError(f"{type(self).__name__} does not make tasks from arguments: no get_new_env_by_args.")

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


class EnvsTaskDataset(TaskDataset[AnyEnvironment]):
    """A task set of given environments, for trying things out; each is handed out itself, not a new one."""

    def __init__(self, envs: AnyEnvironment | Sequence[AnyEnvironment]) -> None:
        self._envs = envs if isinstance(envs, Sequence) else (envs,)

    def __len__(self) -> int:
        return len(self._envs)

    def get_new_env_by_idx(self, idx: int) -> AnyEnvironment:
        """The environment at that place."""
        return self._envs[idx]


class DummyTaskDataset(TaskDataset[DummyEnv]):
    """An endless supply of `DummyEnv`."""

    def get_new_env(self) -> DummyEnv:
        """Another one."""
        return DummyEnv()

    def __bool__(self) -> bool:
        return True  # having no length, it would not know


class TaskConfig(BaseModel):
    """A task set as an entry of a configuration file: its name, and what it is made with for each split."""

    model_config = ConfigDict(extra="forbid")

    name: str
    task_kwargs: dict[str, BaseModel | JsonValue] = Field(
        default_factory=dict, description="Arguments of the task set, whichever the split."
    )
    train_kwargs: dict[str, BaseModel | JsonValue] = Field(
        default_factory=dict, description="Further arguments for training; they win over `task_kwargs`."
    )
    eval_kwargs: dict[str, BaseModel | JsonValue] = Field(
        default_factory=dict, description="Further arguments for evaluation while training."
    )
    test_kwargs: dict[str, BaseModel | JsonValue] = Field(
        default_factory=dict, description="Further arguments for the final test."
    )

    def make_dataset(self, split: Literal["train", "eval", "test"]) -> TaskDataset[Any]:
        """The task set of one split.

        Raises:
            UnknownName: For another split, or a task set that does not exist.
        """
        further = {"train": self.train_kwargs, "eval": self.eval_kwargs, "test": self.test_kwargs}
        if split not in further:
            raise UnknownName("split", split, further)
        return TaskDataset.from_name(self.name, **{**self.task_kwargs, **further[split]})


class _TaskDatasetNames(Mapping[str, tuple[str, str]]):
    """Name → (module, class) of every task set that is installed; read from the entry points each time."""

    _OWN: Final = {"dummy": (__name__, "DummyTaskDataset")}

    def __getitem__(self, name: str) -> tuple[str, str]:
        if name in self._OWN:
            return self._OWN[name]
        for entry in entry_points(group=TASK_DATASET_GROUP, name=name):
            return _home(entry)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        yield from self._OWN
        yield from sorted(entry_points(group=TASK_DATASET_GROUP).names - self._OWN.keys())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"TASK_DATASET_REGISTRY({dict(self)})"


TASK_DATASET_REGISTRY: Final[Mapping[str, tuple[str, str]]] = _TaskDatasetNames()
"""Task sets by name. Packages add theirs by an entry point of the group `ldp_tui.task_datasets`."""


def _home(entry: EntryPoint) -> tuple[str, str]:
    return entry.module, entry.attr


def _class_of(name: str) -> Any:
    module_name, _, class_name = name.partition(":")
    if not class_name:
        if name not in TASK_DATASET_REGISTRY:
            if (made := borrow("named_task_dataset")(name)) is not None:
                return made
            raise UnknownName("task dataset", name, [*TASK_DATASET_REGISTRY, *borrow("task_dataset_files")()])
        module_name, class_name = TASK_DATASET_REGISTRY[name]
    try:
        return getattr(import_module(module_name), class_name)
    except ImportError as error:
        raise MissingPackage(f"The task dataset {name!r} needs a package that is not installed: {error}.") from error
    except AttributeError:
        raise UnknownName("task dataset", name, TASK_DATASET_REGISTRY) from None


def size_of(dataset: Any) -> int | None:
    """How many tasks a dataset has, ours or aviary's; None if they have no end."""
    try:
        return len(dataset)
    except TypeError:
        return None


def task_drawn(dataset: Any, seed: int | None) -> int | None:
    """Index of the task that a seed stands for, of any task without a seed; None where tasks have no end.

    Raises:
        ValueError: If the dataset holds no task.
    """
    size = size_of(dataset)
    if size is None:
        return None
    if not size:
        raise ValueError("The dataset holds no task.")
    return random.Random().randrange(size) if seed is None else seed % size
