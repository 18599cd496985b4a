"""Environments and task datasets by name for Python code: what their `from_name` asks the registry for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from ldp_tui.core.environment import Environment
from ldp_tui.core.specs import Spec
from ldp_tui.environment_files import environment_files, find_environment_file, load_factory
from ldp_tui.registry import environment_of


def make_named_environment(name: str, *, task: str | None, options: Mapping[str, Any]) -> Environment[Any]:
    """Environment of that name, made with `options`, or by the `from_task` of its class for a task as text.

    Raises:
        UsageError: As `make_environment` does.
        NotImplementedError: If the environment is not made from text.
    """
    spec = Spec.parse(name)
    if task is None:
        return environment_of(replace(spec, options={**spec.options, **options}))[0]
    kind = _class_at(spec) or type(environment_of(spec)[0])
    return kind.from_task(task)


def named_task_dataset(name: str) -> Callable[..., Any] | None:
    """What makes the task dataset of the environment file `name`; None if there is no such file, or it has no tasks.

    Raises:
        EnvironmentFileError: If the file cannot be imported.
    """
    file = find_environment_file(name)
    return load_factory(file, "make_dataset") if file is not None and file.has_tasks else None


def task_dataset_files() -> list[str]:
    """Names of the environment files that have task datasets."""
    return [file.name for file in environment_files() if file.has_tasks]


def _class_at(spec: Spec) -> type[Environment[Any]] | None:
    """The class of a `module:Class`, which need not be made without arguments; None for every other name."""
    if not spec.model:
        return None
    try:
        found = getattr(import_module(spec.name), spec.model, None)
    except ImportError:
        return None
    return found if inspect.isclass(found) and issubclass(found, Environment) else None
