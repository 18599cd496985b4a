"""aviary's environments and task datasets by name or by class. aviary is imported once one of them is asked for."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeGuard

from ldp_tui.adapters.aviary_names import AVIARY_NAMES, BY_NAME, PREFIX
from ldp_tui.adapters.dataset_tasks import check_task
from ldp_tui.adapters.real_packages import importing, importing_any_of, loaded, unseen_output, versions
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import UnknownName, UsageError
from ldp_tui.core.tasks import size_of

if TYPE_CHECKING:
    from ldp_tui.adapters.aviary_env import AviaryEnvironment

Call = Callable[[Callable[..., Any], Mapping[str, Any]], Any]
"""Calls a factory with a person's options; what it cannot take becomes a UsageError."""

_TASK = "task"
_KEPT_DATASETS = 4
"""Datasets that stay loaded for the next episode: making one may read a file or ask the network for seconds."""


def is_adopted(made: object) -> TypeGuard[AviaryEnvironment]:
    """Whether `made` plays an environment of aviary's; imports nothing."""
    adapter = loaded("ldp_tui.adapters.aviary_env", "AviaryEnvironment")
    return adapter is not None and isinstance(made, adapter)


def made_by(factory: Callable[..., Any], options: Mapping[str, Any], call: Call) -> Any:
    """What `factory` makes; an environment or a task dataset of aviary's as one of ours.

    Raises:
        UsageError: For an unknown option or task.
    """
    dataset = loaded("aviary.env", "TaskDataset")
    if dataset is not None and inspect.isclass(factory) and issubclass(factory, dataset):
        return _tasks(factory, options, call)
    with importing_any_of(f"What {getattr(factory, '__name__', factory)} makes"):
        made = call(factory, options)
    if isinstance(made, Environment):
        return made
    kinds = (loaded("aviary.env", "Environment"), loaded("aviary.env", "TaskDataset"))
    return _adopted(made, None) if any(kind is not None and isinstance(made, kind) for kind in kinds) else made


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
        if task is not None and _TASK not in inspect.signature(factory).parameters:
            factory = factory.from_task
        if name not in TASK_DATASET_REGISTRY or _takes(factory, options):
            with unseen_output():
                return _adopted(call(factory, options), None)
    return _tasks(_kept(_class(TASK_DATASET_REGISTRY[name], name)), options, call)


def _tasks(factory: Callable[..., Any], options: Mapping[str, Any], call: Call) -> AviaryEnvironment:
    own = {name: value for name, value in options.items() if name != _TASK}
    with unseen_output():
        made = call(factory, own)
    return _adopted(made, options.get(_TASK))


def _adopted(made: Any, task: Any) -> AviaryEnvironment:
    """An environment or task dataset as one of ours; `task` numbers the dataset's task, None: any.

    Raises:
        UsageError: If there is no such task.
    """
    from ldp_tui.adapters.aviary_core import TaskDataset
    from ldp_tui.adapters.aviary_env import AviaryEnvironment, AviaryTasks

    if not isinstance(made, TaskDataset):
        return AviaryEnvironment(made)
    if task is None:
        return AviaryTasks(made)
    check_task(task, size_of(made), type(made).__name__)
    return AviaryTasks(made, task)


def tasks_of(environment: Environment[Any]) -> Any:
    """The task dataset of aviary's whose tasks `environment` plays; None if it plays none, or one of them."""
    if not is_adopted(environment):
        return None
    from ldp_tui.adapters.aviary_env import AviaryTasks

    return environment.dataset if isinstance(environment, AviaryTasks) and environment.task is None else None


def packages_of(environment: AviaryEnvironment) -> dict[str, str]:
    """Versions of what decides how `environment` behaves."""
    from ldp_tui.adapters.aviary_env import AviaryTasks

    played = environment.dataset if isinstance(environment, AviaryTasks) else environment.aviary_env
    return versions("aviary", type(played).__module__)


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
