"""Small random models of several architectures, saved as people's models are, with a tokenizer trained on the spot."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|im_end|>"
TEMPLATE = (
    "{%- if tools %}{{ '<|im_start|>system\n' }}{% for tool in tools %}{{ tool | tojson }}{% endfor %}"
    "{{ '\nAnswer with <tool_call>.<|im_end|>\n' }}{%- endif %}"
    "{%- for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content }}"
    "{%- for call in message.tool_calls or [] %}{{ '<tool_call>' + call.function | tojson + '</tool_call>' }}"
    "{%- endfor %}{{ '<|im_end|>\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{%- endif %}"
)
TEXT = [
    "The lake is frozen; you walk from the start to the goal and do not fall into a hole. left right up down",
    '{"reflection": "I go right, it is safe.", "action": "right"} {"name": "act", "arguments": {"action": "left"}}',
    "observation: You are at row 2, column 0. The hand counts 14, the dealer shows a 10. hit stick",
]
SIZES: dict[str, Any] = {"vocab_size": 400, "initializer_range": 0.4, "eos_token_id": 0, "bos_token_id": None}
LLAMA_SIZES = {
    **SIZES, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 2048,
}  # fmt: skip
ARCHITECTURES = {
    "llama": ("LlamaConfig", LLAMA_SIZES),
    "qwen2": ("Qwen2Config", LLAMA_SIZES),
    "gpt2": ("GPT2Config", {**SIZES, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512}),
    "mistral": ("MistralConfig", {**LLAMA_SIZES, "sliding_window": 16}),
    "bloom": ("BloomConfig", {**SIZES, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
}
IN_ROWS = ("llama", "qwen2", "gpt2")
"""Those whose replies are computed side by side."""


@cache
def trained() -> Tokenizer:
    """Byte-level BPE of a few hundred tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [END, "<|im_start|>", "<tool_call>", "</tool_call>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def save_model(folder: Path, architecture: str, *, template: str | None = TEMPLATE, seed: int = 0) -> Path:
    """A folder as `save_pretrained` makes it."""
    import torch
    import transformers

    name, sizes = ARCHITECTURES[architecture]
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(getattr(transformers, name)(**sizes))
    model.save_pretrained(folder)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained(), eos_token=END, clean_up_tokenization_spaces=False
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return folder
