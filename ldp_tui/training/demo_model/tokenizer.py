"""A tokenizer for the conversations of one model: byte-level BPE whose tokens may be whole phrases.

Merges across spaces make an observation a few tokens instead of dozens, which is what lets a small model read it.
Numbers are tokens of their own, and so is what opens and what closes a reflection, so that a reply without reflection
is read the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from ldp_tui.models.tiny.chat import CALL, CALL_END, END

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD: Final = "<|pad|>"
SPECIAL: Final = (PAD, END, "<|system|>", "<|tools|>", "<|user|>", "<|assistant|>", "<|tool|>", CALL, CALL_END)
OPEN_REFLECTION: Final = '{"reflection": "'
CLOSE_REFLECTION: Final = '", "action": '

RESPONSE_TEMPLATE: Final[dict[str, Any]] = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<|assistant|>",
    "fields": {
        "tool_calls": {
            "open": CALL,
            "close_pattern": r"</tool_call>\s*",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close_pattern": r"<\|end\|>\s*", "content": "text"},
    },
}
"""How transformers reads a reply back into a message with tool calls."""


def train_tokenizer(texts: Iterable[str], *, vocabulary: int, longest: int) -> Tokenizer:
    """Byte-level BPE with at most `vocabulary` tokens of at most `longest` characters; every text can be encoded."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d+"), "isolated"),
            pre_tokenizers.Split(OPEN_REFLECTION, "isolated"),
            pre_tokenizers.Split(CLOSE_REFLECTION, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=longest,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def for_transformers(tokenizer: Tokenizer, template: str, *, context: int) -> PreTrainedTokenizerFast:
    """The same tokenizer as transformers saves and loads it."""
    from transformers import PreTrainedTokenizerFast

    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_max_length=context,
    )
    wrapped.chat_template = template
    wrapped.response_template = RESPONSE_TEMPLATE
    return wrapped
