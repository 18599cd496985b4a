"""Replay buffers: what they keep, and which batches they give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from ldp_tui.alg.optimizer.replay_buffers import (
    CircularReplayBuffer,
    PrioritizedReplayBuffer,
    RandomizedReplayBuffer,
    ReplayBuffer,
    ReplayBufferConfig,
    ReplayBufferType,
)
from ldp_tui.graph import get_training_mode


def samples(*numbers: int) -> list[dict[str, Any]]:
    return [{"t": number, "even": number % 2 == 0} for number in numbers]


def test_batches() -> None:
    """Columns of the samples, in order or shuffled; the last one holds what is left."""
    buffer = ReplayBuffer(samples(0, 1, 2, 3, 4), seed=1)
    ordered = list(buffer.batched_iter(2, shuffle=False))
    assert ordered[0] == {"t": [0, 1], "even": [True, False]}
    assert [batch["t"] for batch in ordered] == [[0, 1], [2, 3], [4]]
    shuffled = [number for batch in buffer.batched_iter(2) for number in batch["t"]]
    assert sorted(shuffled) == [0, 1, 2, 3, 4]


def test_seeds() -> None:
    """Equal seeds give equal orders, each round another one."""
    rounds = [
        list(islice(ReplayBuffer(samples(*range(9)), seed=s).batched_iter(9, infinite=True), 2)) for s in (3, 3, 4)
    ]
    assert rounds[0] == rounds[1] != rounds[2]
    assert rounds[0][0] != rounds[0][1]


@pytest.mark.parametrize("infinite", [True, False])
def test_empty_buffer(infinite: bool) -> None:
    """It gives nothing, and says so at once."""
    assert list(ReplayBuffer().batched_iter(2, infinite=infinite)) == []


def test_samples_of_different_keys() -> None:
    """They are an error in the batch that holds them."""
    buffer = ReplayBuffer([*samples(1, 2), {}])
    with pytest.raises(RuntimeError, match="inconsistent keys"):
        list(buffer.batched_iter(3))
    with pytest.raises(ValueError, match="batch_size"):
        next(buffer.batched_iter(0))


@pytest.mark.parametrize(("kind", "count"), [(ReplayBuffer, 4), (CircularReplayBuffer, 2), (RandomizedReplayBuffer, 2)])
def test_sizes(kind: type[ReplayBuffer], count: int) -> None:
    """All, the newest, or some at random stay; a size that is not reached changes nothing."""
    buffer = kind(samples(0, 1, 2, 3), seed=0)
    buffer.resize(9)
    assert [sample["t"] for sample in buffer] == [0, 1, 2, 3]
    buffer.resize(2)
    kept = {sample["t"] for sample in buffer}
    assert len(kept) == count
    if kind is CircularReplayBuffer:
        assert kept == {2, 3}


def test_none_is_kept() -> None:
    """A size of zero."""
    buffer = CircularReplayBuffer(samples(0, 1))
    buffer.resize(0)
    assert not buffer


def test_several_buffers() -> None:
    """Their samples come together."""
    batches = ReplayBuffer.sample_from(ReplayBuffer(samples(0)), CircularReplayBuffer(samples(1)), batch_size=2, seed=1)
    assert sorted(next(batches)["t"]) == [0, 1]
    with pytest.raises(RuntimeError, match="prioritized"):
        ReplayBuffer.sample_from(prioritized(), batch_size=1)


class Item:
    def __init__(self, value: float) -> None:
        self.value = value

    def item(self) -> float:
        return self.value


async def zero(*_: Any, **__: Any) -> float:
    assert not get_training_mode()
    return 0.0


def prioritized(
    *returns: float, alpha: float = 1.0, ranked: bool = False, q: Callable[..., Any] = zero, seed: int = 0
) -> PrioritizedReplayBuffer:
    elements = [
        {"input_args": (), "input_kwargs": {}, "discounted_return": value, "t": t} for t, value in enumerate(returns)
    ]
    return PrioritizedReplayBuffer(alpha, ranked, q, elements, seed=seed)


async def drawn(buffer: PrioritizedReplayBuffer, size: int, times: int) -> Counter[int]:
    buffer.resize(size)
    await buffer.prepare_for_sampling()
    return Counter(t for _ in range(times) for t in next(buffer.batched_iter(size))["t"])


async def test_errors_decide() -> None:
    """Samples without an error come only when the others do not suffice; each comes at most once."""
    buffer = prioritized(0.0, 2.0, 0.0, -2.0, 2.0)
    assert set(await drawn(buffer, 3, 20)) == {1, 3, 4}
    assert len(await drawn(buffer, 4, 1)) == 4
    assert "td_error" not in buffer[0]


async def test_larger_errors_more_often() -> None:
    """In proportion to the error, or to one over its rank."""
    often = await drawn(prioritized(1.0, 3.0), 1, 2000)
    assert 0.70 < often[1] / 2000 < 0.80
    often = await drawn(prioritized(1.0, 99.0, ranked=True), 1, 2000)
    assert 0.62 < often[1] / 2000 < 0.72
    often = await drawn(prioritized(1.0, 99.0, alpha=0.0), 1, 2000)
    assert 0.45 < often[1] / 2000 < 0.55


@pytest.mark.parametrize("value", [1.0, Item(1.0), (None, Item(1.0))])
async def test_values(value: Any) -> None:
    """Numbers, things with item(), tuples that end in one."""

    async def q() -> Any:
        return value

    assert set(await drawn(prioritized(1.0, 5.0, 1.0, q=q), 1, 10)) == {1}


async def test_errors_that_are_not_known() -> None:
    """Samples that came since need them."""
    buffer = prioritized(1.0, 2.0, 3.0)
    buffer.resize(2)
    with pytest.raises(RuntimeError, match="TD errors not available"):
        next(buffer.batched_iter(2))
    await buffer.prepare_for_sampling()
    buffer.append({**buffer[0]})
    with pytest.raises(RuntimeError, match="TD errors not available"):
        next(buffer.batched_iter(2))


@pytest.mark.parametrize("kind", list(ReplayBufferType))
def test_configuration(kind: ReplayBufferType) -> None:
    """It makes the buffer."""
    further = {"alpha": 1.0, "ranked": True, "q_function": zero} if kind is ReplayBufferType.PRIORITIZED else {}
    buffer = ReplayBufferConfig(buf_type=kind, kwargs={"seed": 3}).make_buffer(**further)
    assert isinstance(buffer, ReplayBuffer)
    with pytest.raises(TypeError):
        ReplayBufferConfig(buf_type=kind).make_buffer(nonsense=1)
