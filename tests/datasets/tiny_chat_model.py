"""A chat model with random weights and a tokenizer of bytes: what the trainers' data has to fit through."""

from __future__ import annotations

from pathlib import Path

TEMPLATE = (
    "{%- if tools %}<s>tools {{ tools | tojson }}<e>{% endif %}"
    "{%- for message in messages %}"
    "{%- if message.role == 'assistant' %}<s>assistant {% generation %}{{ message.content or '' }}"
    "{%- for call in message.tool_calls or [] %}"
    "[{{ call.function.name }} {{ call.function.arguments | tojson }}]{% endfor %}<e>{% endgeneration %}"
    "{%- else %}<s>{{ message.role }} {{ message.content }}<e>{% endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}<s>assistant {% endif %}"
)


def save_tiny_chat_model(folder: Path) -> Path:
    """Write model and tokenizer into `folder`, which it returns."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<e>", pad_token="<p>", bos_token="<s>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=4096, eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id, bos_token_id=fast.bos_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
