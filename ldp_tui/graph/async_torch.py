"""torch modules in coroutines: with or without gradients, and in batches."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ldp_tui.core.errors import MissingExtra

if TYPE_CHECKING:
    import torch

__all__ = ["AsyncBufferedWorker", "AsyncTorchModule", "async_protect_torch_call"]

_AUTOCAST_DEVICES: Final = frozenset({"cpu", "cuda", "hpu", "xpu"})


def import_torch(what: str) -> Any:
    """The torch module; raises MissingExtra, saying that `what` needs it."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra(what, "local") from error
    return torch


def _get_autocast_context(dtype: torch.dtype | None, device_type: str | None) -> AbstractContextManager[Any]:
    if dtype is None or device_type not in _AUTOCAST_DEVICES:
        return nullcontext()
    context: AbstractContextManager[Any] = import_torch("Autocast").autocast(dtype=dtype, device_type=device_type)
    return context


def _call(module: Any, *args: Any, **kwargs: Any) -> Any:
    return module(*args, **kwargs)


def async_protect_torch_call(
    module: Callable[..., Any],
    module_call_fn: Callable[..., Any] = _call,
    no_grad: bool = False,
    autocast_dtype: torch.dtype | None = None,
    autocast_device_type: str | None = None,
) -> Callable[..., Any]:
    """Coroutine function that calls `module_call_fn(module, …)` under these settings.

    Nothing else runs on the thread meanwhile, and torch keeps the settings per thread: no other coroutine sees them.
    """

    async def protected(*args: Any, **kwargs: Any) -> Any:
        with ExitStack() as settings:
            if no_grad:
                settings.enter_context(import_torch("Calling a module").no_grad())
            settings.enter_context(_get_autocast_context(autocast_dtype, autocast_device_type))
            return module_call_fn(module, *args, **kwargs)

    return protected


@dataclass(eq=False, slots=True)
class _Request:
    """One call that waits for its batch."""

    kwargs: dict[str, Any]
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class AsyncBufferedWorker(ABC):
    """Collects concurrent calls and answers them batch by batch, oldest first. For one event loop."""

    def __init__(
        self,
        batch_size: int,
        max_wait_interval: float,
        collate_fn: Callable[[list[dict[str, Any]]], Any] = lambda calls: calls,
        decollate_fn: Callable[[Any], Sequence[Any]] = lambda answers: answers,
    ) -> None:
        """Worker with nothing to do.

        Args:
            batch_size: Calls that make a batch; it runs at once when they are there.
            max_wait_interval: Seconds after which a smaller batch runs.
            collate_fn: Makes the batch of the keyword arguments of its calls.
            decollate_fn: Makes answers, one for each call in order, of what the batch gave.
        """
        self.batch_size = batch_size
        self.timeout = max_wait_interval
        self.collate_fn = collate_fn
        self.decollate_fn = decollate_fn
        self._work_buffer: list[_Request] = []
        self._timer: asyncio.TimerHandle | None = None
        self._batches: set[asyncio.Task[None]] = set()

    async def __call__(self, **kwargs: Any) -> Any:
        """The answer to one call. What its batch raised is raised in each of its calls."""
        request = _Request(kwargs)
        self._work_buffer.append(request)
        if len(self._work_buffer) >= self.batch_size:
            self._start_batch()
        else:
            self._set_timer()
        try:
            return await request.answer
        finally:
            if request in self._work_buffer:  # cancelled while it waited
                self._work_buffer.remove(request)
                self._set_timer()

    def _set_timer(self) -> None:
        """A timer runs while calls wait, and only then."""
        if not self._work_buffer and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif self._work_buffer and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.timeout, self._start_batch)

    def _start_batch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._work_buffer = self._work_buffer[: self.batch_size], self._work_buffer[self.batch_size :]
        self._set_timer()
        task = asyncio.get_running_loop().create_task(self._answer(batch))
        self._batches.add(task)
        task.add_done_callback(self._batches.discard)
        for request in batch:  # a batch that nobody waits for any more is not run to its end
            request.answer.add_done_callback(lambda _: task.cancel() if _all_cancelled(batch) else None)

    async def _answer(self, batch: list[_Request]) -> None:
        try:
            answers = self.decollate_fn(await self._batched_call(self.collate_fn([each.kwargs for each in batch])))
            for request, answer in zip(batch, answers, strict=True):
                if not request.answer.done():
                    request.answer.set_result(answer)
        except Exception as error:  # noqa: BLE001 (each caller raises it)
            for request in batch:
                if not request.answer.done():
                    request.answer.set_exception(error)

    @abstractmethod
    async def _batched_call(self, batch_kwargs: Any) -> Any:
        """What the collated batch gives."""


def _all_cancelled(batch: list[_Request]) -> bool:
    return all(request.answer.cancelled() for request in batch)


class AsyncTorchModule(AsyncBufferedWorker):
    """A torch module whose concurrent calls run as batches, without gradients.

    `await asyncio.gather(*[AsyncTorchModule(model, 4, 0.01)(input=row) for row in rows])` runs four rows at a time.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        batch_size: int,
        max_wait_interval: float,
        collate_fn: Callable[[list[dict[str, Any]]], Any] | None = None,
        decollate_fn: Callable[[Any], Sequence[Any]] = list,
        module_call_fn: Callable[..., Any] = _call,
    ) -> None:
        """Worker around `module`; `collate_fn` is torch's `default_collate` if None."""
        super().__init__(batch_size, max_wait_interval, collate_fn or _default_collate(), decollate_fn)
        self.module = module
        self.module_call_fn = module_call_fn

    async def _batched_call(self, batch_kwargs: dict[str, Any]) -> Any:
        parameter = next(self.module.parameters())
        half = parameter.dtype.itemsize == 2  # autocast is to 16 bits or not at all
        protected = async_protect_torch_call(
            self.module,
            self.module_call_fn,
            no_grad=True,
            autocast_dtype=parameter.dtype if half else None,
            autocast_device_type=parameter.device.type,
        )
        return await protected(**batch_kwargs)


def _default_collate() -> Callable[[list[dict[str, Any]]], Any]:
    collate: Callable[[list[dict[str, Any]]], Any] = import_torch("AsyncTorchModule").utils.data.default_collate
    return collate
