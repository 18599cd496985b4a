"""How the next tokens of many replies are picked, all rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import torch

from ldp_tui.models.in_process.generation import Picked


@dataclass(slots=True)
class Sampling:
    """How one reply is sampled. Temperature 0 takes the best; log-probabilities are the model's own, at 1."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    """0: all."""
    alternatives: int = 0
    rng: Random = field(default_factory=Random)
    """Of this reply alone, so that others beside it change nothing."""


def pick(logits: torch.Tensor, samplings: Sequence[Sampling]) -> list[Picked]:
    """One token for each row of `[B, V]`."""
    logits = logits.float()
    logprobs = logits.log_softmax(-1)
    chosen = logits.argmax(-1)
    warm = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0]
    if warm:
        at = torch.tensor(warm, device=logits.device)
        chosen[at] = _drawn(logits[at], [samplings[row] for row in warm])
    ids = chosen.tolist()
    told = logprobs.gather(-1, chosen[:, None])[:, 0].tolist()
    tops: list[tuple[tuple[int, float], ...]] = [() for _ in samplings]
    for row, sampling in enumerate(samplings):
        if sampling.alternatives:
            values, best = logprobs[row].topk(min(sampling.alternatives, logprobs.shape[-1]))
            tops[row] = tuple(zip(best.tolist(), values.tolist(), strict=True))
    return [Picked(*picked) for picked in zip(ids, told, tops, strict=True)]


def _drawn(logits: torch.Tensor, samplings: Sequence[Sampling]) -> torch.Tensor:
    """A token for each row, where its own random number falls among the probabilities."""

    def column(values: Sequence[float]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float64, device=logits.device)[:, None]

    scaled = logits.double() / column([sampling.temperature for sampling in samplings])
    draws = column([sampling.rng.random() for sampling in samplings])
    if all(sampling.top_p >= 1.0 and not sampling.top_k for sampling in samplings):
        mass = scaled.softmax(-1).cumsum(-1)
        return _fallen(mass, draws)
    ordered, order = scaled.sort(dim=-1, descending=True, stable=True)
    weights = ordered.softmax(-1)
    vocabulary = weights.shape[-1]
    ranks = torch.arange(vocabulary, device=logits.device)
    weights = weights.where(ranks < column([sampling.top_k or vocabulary for sampling in samplings]), 0.0)
    weights = weights / weights.sum(-1, keepdim=True)
    before = weights.cumsum(-1) - weights
    weights = weights.where(before < column([sampling.top_p for sampling in samplings]), 0.0)
    return order.gather(-1, _fallen(weights.cumsum(-1), draws)[:, None])[:, 0]


def _fallen(mass: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """Where `draws` `[B, 1]` of 0 … 1 fall in growing sums `[B, V]`."""
    last = (mass < mass[:, -1:]).sum(-1)  # the last token that has a share
    found = torch.searchsorted(mass, draws * mass[:, -1:], right=True)[:, 0]
    return torch.minimum(found, last)
