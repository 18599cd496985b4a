"""aviary's environments and task datasets by name or by class. Only `make_named` and `adopted` import aviary."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ldp_tui.adapters.aviary_names import AVIARY_NAMES, BY_NAME, PREFIX
from ldp_tui.adapters.real_packages import importing, loaded, unseen_output, versions
from ldp_tui.core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from ldp_tui.adapters.aviary_env import AviaryEnvironment

Call = Callable[[Callable[..., Any], Mapping[str, Any]], Any]
"""Calls a factory with a person's options; what it cannot take becomes a UsageError."""

_TASK = "task"
_KEPT_DATASETS = 4
"""Datasets that stay loaded for the next episode: making one may read a file or ask the network for seconds."""


def is_dataset_class(factory: object) -> bool:
    """Whether `factory` is a class of aviary's task datasets; imports nothing."""
    dataset = loaded("aviary.env", "TaskDataset")
    return dataset is not None and inspect.isclass(factory) and issubclass(factory, dataset)


def is_aviary(made: object) -> bool:
    """Whether `made` is an environment or a task dataset of aviary's; imports nothing."""
    kinds = (loaded("aviary.env", "Environment"), loaded("aviary.env", "TaskDataset"))
    return any(kind is not None and isinstance(made, kind) for kind in kinds)


def make_named(name: str, options: Mapping[str, Any], call: Call) -> AviaryEnvironment:
    """The environment or the task dataset that aviary knows as `name`.

    `task` is the number of a dataset's task, or a task's text for an environment. Where a name stands for both, a
    number and options that only the dataset takes ask for the dataset.

    Raises:
        MissingExtra: If aviary is not installed.
        UsageError: For an unknown name or option, or a package of aviary's that is not installed.
    """
    from ldp_tui.adapters.aviary_core import ENV_REGISTRY, TASK_DATASET_REGISTRY

    known = BY_NAME.get(name)
    if known is not None and known.module:
        _import(known.module, name)
    if name not in ENV_REGISTRY and name not in TASK_DATASET_REGISTRY:
        every = {*ENV_REGISTRY, *TASK_DATASET_REGISTRY, *(entry.name for entry in AVIARY_NAMES)}
        raise UnknownName("aviary environment", name, every)
    task = options.get(_TASK)
    if name in ENV_REGISTRY and not (isinstance(task, int) and name in TASK_DATASET_REGISTRY):
        factory = _class(ENV_REGISTRY[name], name)
        if task is not None and "task" not in inspect.signature(factory).parameters:
            factory = factory.from_task
        if name not in TASK_DATASET_REGISTRY or _takes(factory, options):
            return adopted(call(factory, options), None)
    factory = _class(TASK_DATASET_REGISTRY[name], name)
    with unseen_output():
        made = call(_kept(factory), without_task(options))
    return adopted(made, task)


def without_task(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a dataset is made with."""
    return {name: value for name, value in options.items() if name != _TASK}


def adopted(made: Any, task: Any) -> AviaryEnvironment:
    """An environment or task dataset of aviary's as one of ours; `task` numbers the dataset's task, None: any.

    Raises:
        UsageError: If there is no such task.
    """
    from ldp_tui.adapters.aviary_core import TaskDataset
    from ldp_tui.adapters.aviary_env import AviaryEnvironment, AviaryTasks

    if not isinstance(made, TaskDataset):
        return AviaryEnvironment(made)
    if task is None:
        return AviaryTasks(made)
    if not isinstance(task, int) or isinstance(task, bool):
        raise UsageError(f"task={task!r} is no number of a task; a dataset's tasks are numbered from 0.")
    size = _size(made)
    if size is None:
        raise UsageError(f"{type(made).__name__} makes tasks without end and has no task {task}; leave it out.")
    if not 0 <= task < size:
        raise UsageError(f"{type(made).__name__} has {size} tasks, numbered from 0; there is no task {task}.")
    return AviaryTasks(made, task)


def packages_of(environment: AviaryEnvironment) -> dict[str, str]:
    """Versions of what decides how `environment` behaves."""
    from ldp_tui.adapters.aviary_env import AviaryTasks

    played = environment.dataset if isinstance(environment, AviaryTasks) else environment.aviary_env
    return versions("aviary", type(played).__module__)


def _size(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except TypeError:
        return None


def _class(location: tuple[str, str], name: str) -> Any:
    module, attribute = location
    return getattr(_import(module, name), attribute)


def _import(module: str, name: str) -> Any:
    try:
        with importing(f"{PREFIX}:{name}"):
            return import_module(module)
    except ImportError as error:
        known = BY_NAME.get(name)
        remedy = f" Install it with: pip install 'fhaviary[{known.extra}]'" if known is not None and known.extra else ""
        raise UsageError(f"{PREFIX}:{name} needs a further package ({error}).{remedy}") from error


def _takes(factory: Callable[..., Any], options: Mapping[str, Any]) -> bool:
    try:
        inspect.signature(factory).bind(**options)
    except TypeError:
        return False
    return True


def _kept(factory: Callable[..., Any]) -> Callable[..., Any]:
    """`factory`, with what it has made lately."""

    @wraps(factory, updated=())
    def made(**options: Any) -> Any:
        return _made(factory, json.dumps(options, sort_keys=True))

    return made


@lru_cache(maxsize=_KEPT_DATASETS)
def _made(factory: Callable[..., Any], options: str) -> Any:
    return factory(**json.loads(options))
