"""Training and evaluation mode, per task: in evaluation nothing of the graph is kept."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, TypeVar, cast, overload

from ldp_tui.core.signatures import is_coroutine_callable

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

_modes: ContextVar[tuple[bool, ...]] = ContextVar("ldp_tui_training_modes", default=(True,))
"""The modes of the blocks we are in, innermost last; True is training."""


def get_training_mode() -> bool:
    """Whether ops record their inputs and outputs. True until something says otherwise."""
    return _modes.get()[-1]


def set_training_mode(training_mode: bool) -> None:
    """Set the mode of this task, up to the end of the innermost `train_mode` or `eval_mode` block."""
    _modes.set((*_modes.get()[:-1], training_mode))


class TrainingMode:
    """Sets the mode within a block or a function, then restores the one before. Re-entrant, and safe to share."""

    __slots__ = ("training_mode",)

    def __init__(self, training_mode: bool) -> None:
        self.training_mode: Final = training_mode

    @overload
    def __call__(self, function: None = None) -> TrainingMode: ...
    @overload
    def __call__(self, function: AnyFunction) -> AnyFunction: ...
    def __call__(self, function: AnyFunction | None = None) -> AnyFunction | TrainingMode:
        """`with eval_mode():` is `with eval_mode:`; with a function, a decorator."""
        if function is None:
            return self
        if is_coroutine_callable(function):

            @functools.wraps(function)
            async def in_mode_async(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return cast("AnyFunction", in_mode_async)

        @functools.wraps(function)
        def in_mode(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return cast("AnyFunction", in_mode)

    def __enter__(self) -> None:
        _modes.set((*_modes.get(), self.training_mode))

    def __exit__(self, *exception: object) -> None:
        _modes.set(_modes.get()[:-1] or (True,))

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, *exception: object) -> None:
        self.__exit__()


train_mode: Final = TrainingMode(training_mode=True)
eval_mode: Final = TrainingMode(training_mode=False)
