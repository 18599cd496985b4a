"""A loaded model, shared by all who play with it in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar, Final

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ldp_tui.models.in_process.generation import Generation
from ldp_tui.models.in_process.inbox import Promise
from ldp_tui.models.in_process.prefixes import Prefixes
from ldp_tui.models.in_process.thread import Batch, ModelThread
from ldp_tui.models.local.batching import Item, RowBatch, Scoring, SingleBatch
from ldp_tui.models.local.cache import Reading
from ldp_tui.models.local.chat import LocalChat
from ldp_tui.models.local.network import Network
from ldp_tui.models.local.sampling import Sampling

MOST_ROWS: Final = 64
"""Replies that are written together; more wait."""
_LINGER_SECONDS: Final = 5.0
_PREFIX_BYTES: Final = 512 * 2**20
_PREFIX_SHARE: Final = 1 / 16
"""Of a GPU's memory."""


class LocalModel:
    """Tokenizer, network, and the thread in which it computes."""

    settings: ClassVar = frozenset(
        {"temperature", "top_p", "top_k", "seed", "n", "max_tokens", "max_completion_tokens", "stop"}
        | {"logprobs", "top_logprobs", "response_format", "parallel_tool_calls"}
    )
    """What may be set of a request."""
    most_tokens: ClassVar = 512

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.network = Network(model)
        self.chat = LocalChat(tokenizer, ends=_ends(model))
        self.in_rows = self.network.reads_rows()
        """Whether its replies are computed together; else they take turns."""
        self._prefixes = Prefixes[Reading](most_tokens=_prefix_tokens(model))
        self._thread = ModelThread[Item](
            "local-model", self._batch, around=torch.inference_mode, linger=_LINGER_SECONDS
        )

    @property
    def context(self) -> int:
        """Most tokens of prompt and reply together."""
        return self.network.context

    def sampler(self, settings: Mapping[str, Any], choice: int) -> Sampling:
        """How the tokens of reply number `choice` are picked."""
        seed = settings.get("seed")
        top_p, top_k = settings.get("top_p"), settings.get("top_k")
        return Sampling(
            temperature=float(settings.get("temperature") or 0.0),
            top_p=1.0 if top_p is None else float(top_p),
            top_k=max(0, int(top_k or 0)),
            alternatives=int(settings.get("top_logprobs") or 0),
            rng=Random() if seed is None else Random(int(seed) + choice),
        )

    def start(self, generation: Generation[Sampling]) -> None:
        """Begin a reply."""
        self._thread.start(generation)

    async def score(self, prompt: Sequence[int], replies: Sequence[Sequence[int]]) -> list[float]:
        """Natural log-probability of each reply as what follows the prompt."""
        promise = Promise[list[float]]()

        def tell(found: list[float] | Exception) -> None:
            if isinstance(found, Exception):
                promise.refuse(found)
            else:
                promise.give(found)

        scoring = Scoring(prompt, replies, tell)
        self._thread.start(scoring)
        try:
            return await promise
        finally:
            scoring.cancelled = True

    def wait_idle(self, seconds: float) -> bool:
        """Block until nothing is computed any more; False if that takes longer."""
        return self._thread.wait_idle(seconds)

    def _batch(self) -> Batch[Item]:
        self._prefixes.clear()  # after a failure, memory may be what is short
        if self.in_rows:
            return RowBatch(self.network, self._prefixes, most_rows=MOST_ROWS)
        return SingleBatch(self.network)


def _ends(model: PreTrainedModel) -> list[int]:
    """Tokens that end a reply, as the model's own configurations say."""
    ends: list[int] = []
    for config in (model.config, model.generation_config):
        given = getattr(config, "eos_token_id", None)
        ends += [given] if isinstance(given, int) else list(given or ())
    return ends


def _prefix_tokens(model: PreTrainedModel) -> int:
    """How many tokens may be remembered."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    each = 2 * config.num_hidden_layers * heads * size * model.dtype.itemsize
    weight = model.get_input_embeddings().weight
    room = _PREFIX_BYTES
    if weight.device.type == "cuda":
        room = int(torch.cuda.get_device_properties(weight.device).total_memory * _PREFIX_SHARE)
    return max(2048, int(room // each))
