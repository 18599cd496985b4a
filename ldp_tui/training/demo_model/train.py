"""Fits a small Llama to the conversations: cross-entropy on what the teacher says and does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Final

from ldp_tui.models.tiny.chat import ChatTokenizer
from ldp_tui.training.demo_model.examples import Curriculum, Example, encode
from ldp_tui.training.demo_model.recipe import Recipe

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

Progress = Callable[[str], None]
_LOGGED_EVERY: Final = 5


def new_model(recipe: Recipe, chat: ChatTokenizer, *, pad: int, size: int) -> LlamaForCausalLM:
    """A Llama of the recipe's shape with random weights; `size` is the number of tokens."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.mlp,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=chat.end,
        pad_token_id=pad,
    )
    model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = chat.end
    model.generation_config.pad_token_id = pad
    return model


def fit(
    model: LlamaForCausalLM, curriculum: Curriculum, chat: ChatTokenizer, recipe: Recipe, progress: Progress
) -> None:
    """Train in place: `rounds` times every situation, each time in another conversation."""
    import torch

    torch.set_num_threads(recipe.threads)
    rng = Random(recipe.seed)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=recipe.weight_decay
    )
    began, step = time.monotonic(), 0
    model.train()
    for round_ in range(recipe.rounds):
        examples = [encode(conversation, chat) for conversation in curriculum.conversations(rng)]
        losses = []
        for done, batch in enumerate(batches := list(_batches(examples, recipe.batch_tokens, rng))):
            share = (round_ + done / len(batches)) / recipe.rounds
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * _schedule(share, step, recipe)
            loss = _loss(model, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
            step += 1
        if round_ % _LOGGED_EVERY == _LOGGED_EVERY - 1 or round_ + 1 == recipe.rounds:
            mean = sum(losses) / len(losses)
            progress(f"round {round_ + 1} of {recipe.rounds}: loss {mean:.4f}, {time.monotonic() - began:.0f} s")
    model.eval()


def _schedule(share: float, step: int, recipe: Recipe) -> float:
    """Linear warm-up, then a cosine down to the final share."""
    if step < recipe.warm_up:
        return (step + 1) / recipe.warm_up
    return recipe.final_share + (1.0 - recipe.final_share) * 0.5 * (1.0 + math.cos(math.pi * share))


def _batches(examples: Sequence[Example], tokens: int, rng: Random) -> Iterator[list[Example]]:
    """Examples of like length together, at most `tokens` with padding; the batches come in random order."""
    ordered = sorted(examples, key=lambda example: (len(example.ids), rng.random()))
    found: list[list[Example]] = []
    batch: list[Example] = []
    for example in ordered:
        if batch and (len(batch) + 1) * len(example.ids) > tokens:
            found.append(batch)
            batch = []
        batch.append(example)
    found.append(batch)
    rng.shuffle(found)
    yield from found


def _loss(model: Any, batch: Sequence[Example]) -> torch.Tensor:
    """Mean cross-entropy of the targets. Padding comes last, where causal attention never looks."""
    import torch

    ids, targets = tensors(batch)
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    chosen = targets[:, 1:]
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[chosen]).float(), ids[:, 1:][chosen])


def tensors(batch: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids `[B, T]` padded with 0 on the right, and the mask of targets `[B, T]`."""
    import torch

    longest = max(len(example.ids) for example in batch)
    ids = torch.zeros((len(batch), longest), dtype=torch.long)
    targets = torch.zeros((len(batch), longest), dtype=torch.bool)
    for row, example in enumerate(batch):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        targets[row, : len(example.ids)] = torch.tensor(example.targets)
    return ids, targets
