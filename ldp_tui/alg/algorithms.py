"""Answers by majority, chances of success in several attempts, and messages by transition."""

from __future__ import annotations

import asyncio
import inspect
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Any, Final, Literal, Protocol, TypeVar

from ldp_tui.core.trajectory import discounted_returns
from ldp_tui.core.transitions import split_message_transitions
from ldp_tui.graph import to_network

__all__ = [
    "NO_IDEAL_ANSWER_FN",
    "bulk_evaluate_consensus",
    "compute_pass_at_k",
    "discounted_returns",
    "evaluate_consensus",
    "measure_consensus_proportion",
    "split_message_transitions",
    "to_network",
]

Datum = TypeVar("Datum")
GroupKey = TypeVar("GroupKey", bound=Hashable)
Answer = TypeVar("Answer")

NO_IDEAL_ANSWER_FN: Final[Literal["NO_IDEAL_ANSWER_FN"]] = "NO_IDEAL_ANSWER_FN"
"""Says that there is nothing to compare the consensus with."""


class Generator(Protocol):
    """What is used of numpy's random generators."""

    def choice(self, a: int, /, size: int, *, replace: bool) -> Any:
        """`size` distinct numbers below `a`."""


Seed = random.Random | Generator | int | None


def measure_consensus_proportion(consensus_size: int, sample_size: int) -> tuple[float, float]:
    """Share of the samples that agree with the consensus, and the binomial standard error of that share.

    Raises:
        ValueError: Without samples.
    """
    if sample_size < 1:
        raise ValueError("A proportion needs at least one sample.")
    share = consensus_size / sample_size
    return share, math.sqrt(share * (1.0 - share) / sample_size)


async def evaluate_consensus(
    data: Sequence[Datum],
    extract_answer_fn: Callable[[Datum], Answer | Awaitable[Answer]],
    num_samples: int | None = None,
    seed: Seed = None,
    consensus_callback: Callable[[Answer, int, int], Any] | None = None,
) -> tuple[list[tuple[Answer, int]], Answer | None]:
    """The answer that most samples give.

    Args:
        data: To sample from, without replacement: with it, few data would look like agreement.
        extract_answer_fn: The answer of a datum, hashable; may be a coroutine function, such as one that asks a model.
        num_samples: How many; all if None.
        seed: Of the draw: a number, or a generator of `random` or numpy, which then goes on.
        consensus_callback: Gets the consensus, its count, and the number of samples.

    Returns:
        Answers with their counts, most frequent first (of equal ones the one drawn first), and the first of them; None
        where there are no samples.

    Raises:
        ValueError: For more samples than data.
    """
    answers = await _answers(_drawn(data, num_samples, _source(seed)), extract_answer_fn)
    return _consensus(answers, consensus_callback)


def _source(seed: Seed) -> random.Random | Generator:
    return random.Random(seed) if seed is None or isinstance(seed, int) else seed


def _drawn(data: Sequence[Datum], count: int | None, source: random.Random | Generator) -> list[Datum]:
    if count is None:
        count = len(data)
    if count > len(data):
        raise ValueError(
            f"{count} samples of {len(data)} data would need sampling with replacement, which makes agreement out of"
            " nothing."
        )
    if isinstance(source, random.Random):
        return source.sample(data, count)
    return [data[int(index)] for index in source.choice(len(data), count, replace=False)]


async def _answers(sampled: Sequence[Datum], extract: Callable[[Datum], Answer | Awaitable[Answer]]) -> list[Answer]:
    answers: list[Answer] = await asyncio.gather(*(_answer(extract, datum) for datum in sampled))
    return answers


def _consensus(
    answers: Sequence[Answer], callback: Callable[[Answer, int, int], Any] | None
) -> tuple[list[tuple[Answer, int]], Answer | None]:
    counts = Counter(answers).most_common()
    if not counts:
        return [], None
    consensus, count = counts[0]
    if callback is not None:
        callback(consensus, count, len(answers))
    return counts, consensus


async def _answer(extract: Callable[[Datum], Answer | Awaitable[Answer]], datum: Datum) -> Any:
    answer = extract(datum)
    return await answer if inspect.isawaitable(answer) else answer


async def bulk_evaluate_consensus(
    data: Iterable[Datum],
    grouping_fn: Callable[[Datum], GroupKey],
    extract_answer_fn: Callable[[Datum], Answer | Awaitable[Answer]],
    num_samples: int | None = None,
    seed: Seed = None,
    ideal_answer_fn: Callable[[Datum], Answer] | Literal["NO_IDEAL_ANSWER_FN"] = NO_IDEAL_ANSWER_FN,
    consensus_callback: Callable[[Answer, int, int], Any] | None = None,
) -> tuple[dict[GroupKey, list[tuple[Answer, int]]], float]:
    """The consensus of each group of data, and how often it is the ideal answer.

    Args:
        data: Such as all results of an evaluation.
        grouping_fn: What belongs together, such as the question.
        extract_answer_fn: See `evaluate_consensus`, as for the following three.
        num_samples: Of each group.
        seed: One source of random numbers for all groups, in the order in which they first appear.
        ideal_answer_fn: The right answer, the same for all data of a group.
        consensus_callback: Called for each group, in that order.

    Returns:
        By group the answers with their counts, and the share of groups whose consensus is right: 0.0 without
        `ideal_answer_fn` and without groups.
    """
    groups: dict[GroupKey, list[Datum]] = {}
    for datum in data:
        groups.setdefault(grouping_fn(datum), []).append(datum)
    source = _source(seed)
    samples = [_drawn(group, num_samples, source) for group in groups.values()]
    answers = await asyncio.gather(*(_answers(sampled, extract_answer_fn) for sampled in samples))
    counts: dict[GroupKey, list[tuple[Answer, int]]] = {}
    right = 0
    for (key, group), given in zip(groups.items(), answers, strict=True):
        counts[key], consensus = _consensus(given, consensus_callback)
        if not isinstance(ideal_answer_fn, str):
            right += consensus == ideal_answer_fn(group[0])
    return counts, right / len(groups) if groups else 0.0


def compute_pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that at least one of `k` attempts succeeds, estimated without bias from `c` successes in `n` attempts.

    1 − C(n−c, k) / C(n, k), as a product (https://arxiv.org/abs/2107.03374, figure 3). For several tasks, average.

    Raises:
        ValueError: Unless 0 ≤ c ≤ n and k ≥ 1.
    """
    if not 0 <= c <= n or k < 1:
        raise ValueError(f"pass@k needs 0 ≤ c ≤ n and k ≥ 1, not n={n}, c={c}, k={k}.")
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / attempt for attempt in range(n - c + 1, n + 1))
