"""The model card: what the model is, how it was made, and what it reached."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ldp_tui.core.intervals import Estimate
from ldp_tui.models.tiny.network import CONFIG_FILE, WEIGHTS_FILE
from ldp_tui.training.demo_model.evaluate import FIRST_SEED, Result
from ldp_tui.training.demo_model.recipe import Recipe

CARD_FILE: Final = "README.md"

_CARD: Final = """---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
tags: [reinforcement-learning, gymnasium, ldp-tui]
---
# The tiny model of ldp-tui

A causal language model of {parameters:,} parameters that plays a few Gymnasium environments in words: it reads an
observation, writes a reflection of one or two sentences, and acts. It plays when no other model is configured, on
NumPy alone. The same files load in transformers (`AutoModelForCausalLM`, `AutoTokenizer`) and in whatever serves those.

## What it knows

{games}

Nothing else: it was trained on these games only, from random weights, and the player `tiny` refuses others. It reads
replies and observations as the player `reflect` writes them (`form=json` and `form=tool`), with up to
{history} earlier turns, and bare transcripts of tool calls. Of a system message its chat template keeps the first line.
A conversation may have {context} tokens.

## How it was made

`make demo-model` makes it again from nothing, on a CPU: a teacher that plays perfectly (dynamic programming over the
environments' own transition tables) plays {episodes:,} episodes with some moves drawn at random; they are recorded
through the same pipe as all play, read back, and written as conversations whose replies are the teacher's best move
and its reason. The numbers in the reasons are computed from the rules. Byte-level BPE with {vocabulary:,} tokens,
Llama with {layers} layers of {hidden} and {heads} heads, cross-entropy on the replies, seed {seed}. No other data,
no other model.

## What it reaches

Mean return with its 95% interval, on {seeds}; `random` and `optimal` are exact. `greedy`: reflection and action are
generated, the most probable token each time. `scored`: the legal action whose reply is most probable, without
reflection (`tiny,choose=score`).

{table}

{unread}

SHA-256 of the weights: `{digest}`

## Licence

Apache License 2.0, as all of ldp-tui.
"""


def write_card(folder: Path, results: Sequence[Result], recipe: Recipe, *, history: int) -> None:
    """Write the card of the model in `folder`."""
    weights = (folder / WEIGHTS_FILE).read_bytes()
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    unread = sum(result.unread for result in results)
    steps = sum(result.steps for result in results if result.mode == "greedy")
    text = _CARD.format(
        parameters=_parameters(weights),
        games="\n".join(f"- `{lesson.environment}`" for lesson in recipe.lessons),
        history=history,
        context=config["max_position_embeddings"],
        episodes=sum(lesson.episodes for lesson in recipe.lessons),
        vocabulary=config["vocab_size"],
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        heads=config["num_attention_heads"],
        seed=recipe.seed,
        seeds=f"the seeds from {FIRST_SEED:,} on, which no recording of the teacher used",
        table="\n".join(_table(results)),
        unread=f"Of {steps:,} generated replies, {unread or 'none'} could not be read as an action.",
        digest=hashlib.sha256(weights).hexdigest(),
    )
    (folder / CARD_FILE).write_text(text, encoding="utf-8")


def _table(results: Sequence[Result]) -> list[str]:
    lines = ["| environment | player | n | mean return | 95% interval | success | random | optimal |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for result in results:
        success = "–" if result.success is None else f"{result.success.mean:.1%}"
        cells = [
            f"`{result.exam.environment}`",
            result.mode,
            f"{result.returns.n:,}",
            f"{result.returns.mean:.3f}",
            _interval(result.returns),
            success,
            "–" if result.random is None else f"{result.random:.3f}",
            "–" if result.optimal is None else f"{result.optimal:.3f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.3f} … {estimate.high:.3f}"


def _parameters(weights: bytes) -> int:
    """Numbers in a safetensors file."""
    size = int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8 : 8 + size])
    total = 0
    for name, entry in header.items():
        if name != "__metadata__":
            count = 1
            for length in entry["shape"]:
                count *= length
            total += count
    return total
