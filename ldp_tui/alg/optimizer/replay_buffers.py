"""Samples to train on again and again: which are kept, and in what order they come."""

from __future__ import annotations

import asyncio
import math
from collections import UserList
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ldp_tui.graph import eval_mode

Sample = dict[str, Any]


class ReplayBuffer(UserList[Sample]):
    """A list of samples that gives batches. Samples of one buffer have the same keys. `seed` fixes every draw."""

    def __init__(self, samples: Iterable[Sample] = (), *, seed: int | None = None) -> None:
        super().__init__(samples)
        self.random = Random(seed)

    def batched_iter(
        self, batch_size: int, shuffle: bool = True, infinite: bool = False
    ) -> Iterator[dict[str, list[Any]]]:
        """Batches as columns: for each key the values of its samples. Nothing comes of an empty buffer.

        Args:
            batch_size: Samples in a batch; the last one may have fewer.
            shuffle: In random order, another one for each round.
            infinite: Begin again when all have come.

        Raises:
            RuntimeError: If samples differ in their keys.
        """
        return _batches(self.data, batch_size, shuffle, infinite, self.random)

    def resize(self, size: int) -> None:
        """Keep at most `size` samples; this kind of buffer keeps all."""

    async def prepare_for_sampling(self) -> None:
        """Compute what sampling needs; this kind of buffer needs nothing."""

    @staticmethod
    def sample_from(
        *buffers: ReplayBuffer, batch_size: int, shuffle: bool = True, infinite: bool = False, seed: int | None = None
    ) -> Iterator[dict[str, list[Any]]]:
        """Batches of the samples of all buffers together.

        Raises:
            RuntimeError: For a prioritized buffer, which chooses its samples itself.
        """
        if any(isinstance(buffer, PrioritizedReplayBuffer) for buffer in buffers):
            raise RuntimeError("sample_from does not support prioritized replay buffers.")
        samples = [sample for buffer in buffers for sample in buffer]
        return _batches(samples, batch_size, shuffle, infinite, Random(seed))


def _batches(
    samples: Sequence[Sample], batch_size: int, shuffle: bool, infinite: bool, random: Random
) -> Iterator[dict[str, list[Any]]]:
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1.")
    while samples:
        order = list(range(len(samples)))
        if shuffle:
            random.shuffle(order)
        for start in range(0, len(order), batch_size):
            chosen = [samples[index] for index in order[start : start + batch_size]]
            keys = samples[0].keys()
            if any(sample.keys() != keys for sample in chosen):
                raise RuntimeError("Found buffer element with inconsistent keys")
            yield {key: [sample[key] for sample in chosen] for key in keys}
        if not infinite:
            return


class CircularReplayBuffer(ReplayBuffer):
    """Keeps the newest samples."""

    def resize(self, size: int) -> None:
        """Keep the newest `size`."""
        if len(self) > size:
            self.data = self.data[len(self) - size :]


class RandomizedReplayBuffer(ReplayBuffer):
    """Keeps samples at random."""

    def resize(self, size: int) -> None:
        """Keep `size` of them, drawn without replacement."""
        if len(self) > size:
            self.data = self.random.sample(self.data, size)


class PrioritizedReplayBuffer(ReplayBuffer):
    """Draws samples by how wrong a value function is about them (a variant of https://arxiv.org/abs/1511.05952).

    Samples hold `input_args` and `input_kwargs` for the function, and `discounted_return`, from which the error is
    taken. All errors are computed before sampling, so that samples are drawn without replacement.

    Args:
        alpha: Exponent of the priorities; 0 draws uniformly.
        ranked: The priority is one over the rank of the error, the largest first; else the error itself.
        q_function: Value of a sample: a number, or something with `item()`, or a tuple that ends in one.
        samples: To start with.
        seed: Fixes every draw.
    """

    def __init__(
        self,
        alpha: float,
        ranked: bool,
        q_function: Callable[..., Awaitable[Any]],
        samples: Iterable[Sample] = (),
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(samples, seed=seed)
        self.alpha, self.ranked, self.q_function = alpha, ranked, q_function
        self.buf_size: int | None = None
        self._errors: dict[int, tuple[Sample, float]] = {}

    def resize(self, size: int) -> None:
        """Draw `size` samples for each iteration; all are kept."""
        self.buf_size = size

    async def prepare_for_sampling(self) -> None:
        """Compute the errors of all samples, in evaluation mode."""
        if self.buf_size is None:
            return
        async with eval_mode:
            values = await asyncio.gather(*(self._value(sample) for sample in self.data))
        errors = (sample["discounted_return"] - value for sample, value in zip(self.data, values, strict=True))
        self._errors = {id(sample): (sample, error) for sample, error in zip(self.data, errors, strict=True)}

    async def _value(self, sample: Sample) -> float:
        value = await self.q_function(*sample["input_args"], **sample["input_kwargs"])
        if isinstance(value, tuple):
            value = value[-1]
        return float(value.item() if hasattr(value, "item") else value)

    def batched_iter(
        self, batch_size: int, shuffle: bool = True, infinite: bool = False
    ) -> Iterator[dict[str, list[Any]]]:
        """Batches of the samples that were drawn; of all as long as there are no more than the size.

        Raises:
            RuntimeError: If the errors of some samples are not known: call `prepare_for_sampling` first.
        """
        samples: Sequence[Sample] = self.data
        if self.buf_size is not None and len(self.data) > self.buf_size:
            samples = self._draw(self.buf_size)
        return _batches(samples, batch_size, shuffle, infinite, self.random)

    def _draw(self, size: int) -> list[Sample]:
        """`size` samples without replacement, by weight (Efraimidis and Spirakis 2006); those of weight 0 last."""
        try:
            errors = [abs(self._errors[id(sample)][1]) for sample in self.data]
        except KeyError:
            raise RuntimeError(
                "TD errors not available for all samples in the buffer: prepare_for_sampling() comes after adding them."
            ) from None
        keys = [self._key(priority**self.alpha) for priority in self._priorities(errors)]
        order = sorted(range(len(keys)), key=keys.__getitem__, reverse=True)
        return [self.data[index] for index in order[:size]]

    def _priorities(self, errors: Sequence[float]) -> list[float]:
        if not self.ranked:
            return list(errors)
        priorities = [0.0] * len(errors)
        for rank, index in enumerate(sorted(range(len(errors)), key=errors.__getitem__, reverse=True), start=1):
            priorities[index] = 1.0 / rank
        return priorities

    def _key(self, weight: float) -> tuple[bool, float]:
        drawn = 1.0 - self.random.random()
        return (True, math.log(drawn) / weight) if weight > 0 else (False, drawn)


class ReplayBufferType(StrEnum):
    """The kinds of buffers."""

    APPEND_ONLY = "append_only"
    CIRCULAR = "circular"
    RANDOMIZED = "randomized"
    PRIORITIZED = "prioritized"


class ReplayBufferConfig(BaseModel):
    """A buffer as an entry of a configuration file."""

    model_config = ConfigDict(extra="forbid")

    buf_type: ReplayBufferType = Field(default=ReplayBufferType.CIRCULAR, description="Circular is a good default.")
    size: int | None = Field(default=None, ge=1, description="What whoever trains resizes the buffer to; None: never.")
    kwargs: dict[str, Any] = Field(default_factory=dict, description="Further arguments of the buffer.")

    def make_buffer(self, **kwargs: Any) -> ReplayBuffer:
        """A new buffer; keyword arguments are added to the configured ones."""
        kinds: dict[ReplayBufferType, Callable[..., ReplayBuffer]] = {
            ReplayBufferType.APPEND_ONLY: ReplayBuffer,
            ReplayBufferType.CIRCULAR: CircularReplayBuffer,
            ReplayBufferType.RANDOMIZED: RandomizedReplayBuffer,
            ReplayBufferType.PRIORITIZED: PrioritizedReplayBuffer,
        }
        return kinds[self.buf_type](**(self.kwargs | kwargs))
