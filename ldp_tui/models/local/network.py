"""A model of transformers, applied to many sequences of different lengths at once."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from transformers import PreTrainedModel

from ldp_tui.models.local.cache import RowCache
from ldp_tui.models.local.choices import ChoiceTree

_PROBE: Final = ((3, 5, 7, 11, 13), (2, 3))
_FURTHER: Final = (5, 2)
_CLOSE: Final = 0.02
"""How far log-probabilities of the probe may be apart: much more than rounding, much less than an error."""


@dataclass(frozen=True, slots=True)
class NewTokens:
    """What is read next of one row: tokens, and behind them a tree of choices, which is read but not remembered."""

    ids: Sequence[int]
    tree: ChoiceTree | None = None

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.ids) + (len(self.tree.tokens) if self.tree is not None else 0)


class Network:
    """Weights and how they are applied to the rows of a cache. Used by one thread."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model.eval()
        config = model.config.get_text_config()
        self.context = int(getattr(config, "max_position_embeddings", 0) or getattr(config, "n_positions", 0) or 2**20)
        self.layers = int(config.num_hidden_layers)
        self._eager = config._attn_implementation == "eager"
        self._trims = "logits_to_keep" in inspect.signature(model.forward).parameters
        self.device = model.get_input_embeddings().weight.device

    def cache(self) -> RowCache:
        """An empty one."""
        return RowCache(self.layers)

    def read(self, new: Sequence[NewTokens], cache: RowCache, *, first: int = 0, keep: int = 1) -> torch.Tensor:
        """Continue the rows `first` … of the cache; logits of the last `keep` tokens `[B, keep, V]`.

        The cache must have room. Rows are padded at their beginning, so that their last tokens stand in one column.
        """
        width = max(one.count for one in new)
        lengths = cache.lengths[first : first + len(new)]
        seen = max(lengths) + width
        ids, positions, slots, own = [], [], [], []
        for one, length in zip(new, lengths, strict=True):
            pad, base = width - one.count, length + len(one.ids)
            tokens, depths = ((), ()) if one.tree is None else (one.tree.tokens, one.tree.depths)
            ids.append([0] * pad + [*one.ids, *tokens])
            positions.append([length] * pad + [*range(length, base), *(base + depth for depth in depths)])
            end = length + one.count
            slots.append([*range(end, end + pad), *range(length, end)])
            own.append(base)
        at = torch.tensor(slots, device=self.device)
        visible = torch.arange(seen, device=self.device) <= at[..., None]  # [B, T, seen]
        for row, (one, base) in enumerate(zip(new, own, strict=True)):
            if one.tree is not None and one.tree.tokens:
                count = len(one.tree.tokens)
                visible[row, width - count :, base : base + count] = _branches(one.tree).to(self.device)
        cache.rows.place(first, at, seen)
        logits = self._forward(torch.tensor(ids), torch.tensor(positions), visible[:, None], cache, keep)
        for row, one in enumerate(new, first):
            cache.lengths[row] += len(one.ids)
        return logits

    def read_alone(self, ids: Sequence[int], past: Any, *, keep: int = 1) -> tuple[torch.Tensor, Any]:
        """Logits of the last `keep` tokens `[keep, V]`, and the model's own cache: for what rows cannot do."""
        out = self.model(
            torch.tensor([ids], device=self.device), past_key_values=past, use_cache=True, **self._kept(keep)
        )
        return out.logits[0, -keep:].float(), out.past_key_values

    def reads_rows(self) -> bool:
        """Whether rows beside each other give what each gives alone; tried out, as architectures differ."""
        config = self.model.config.get_text_config()
        kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
        window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
        if kinds != {"full_attention"} or (window is not None and window < self.context):
            return False
        try:
            with torch.inference_mode():
                return self._probe() < _CLOSE
        except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError):
            return False

    def _probe(self) -> float:
        """The largest difference of log-probabilities between rows or trees, and single sequences."""
        cache = self.cache()
        cache.reserve(rows=len(_PROBE), capacity=32)
        self.read([NewTokens(ids) for ids in _PROBE], cache)
        together = self.read([NewTokens(_FURTHER)] * len(_PROBE), cache)
        tree = self.read([NewTokens((), ChoiceTree.of([(1, 4, 0), (1, 6, 0)]))] * len(_PROBE), cache, keep=3)
        apart = 0.0
        for row, ids in enumerate(_PROBE):
            for continuation, found in (((), together[row, -1]), ((1, 6), tree[row, -1])):
                alone, _ = self.read_alone([*ids, *_FURTHER, *continuation], None)
                difference = found.float().log_softmax(-1) - alone[-1].log_softmax(-1)
                apart = max(apart, float(difference[alone[-1].log_softmax(-1) > -12].abs().max()))
        return apart

    def _forward(
        self, ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor, cache: RowCache, keep: int
    ) -> torch.Tensor:
        mask: torch.Tensor = visible
        if self._eager:
            mask = torch.zeros_like(visible, dtype=self.model.dtype)
            mask.masked_fill_(~visible, torch.finfo(self.model.dtype).min)
        out = self.model(
            input_ids=ids.to(self.device),
            attention_mask=mask,
            position_ids=positions.clamp(max=self.context - 1).to(self.device),
            past_key_values=cache,
            use_cache=True,
            **self._kept(keep),
        )
        logits: torch.Tensor = out.logits[:, -keep:]
        return logits

    def _kept(self, keep: int) -> dict[str, int]:
        return {"logits_to_keep": keep} if self._trims else {}


def _branches(tree: ChoiceTree) -> torch.Tensor:
    """Which tokens of the tree each of them sees `[N, N]`."""
    sees = torch.zeros(len(tree.tokens), len(tree.tokens), dtype=torch.bool)
    for index, seen in enumerate(tree.ancestors()):
        sees[index, seen] = True
    return sees
