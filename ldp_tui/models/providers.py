"""What is known of providers without asking them: which need a key, and which speak OpenAI's protocol."""

from __future__ import annotations

import os
from typing import Final

_KEYS: Final = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "mistral": ("MISTRAL_API_KEY",),
    "codestral": ("CODESTRAL_API_KEY",),
    "groq": ("GROQ_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "cohere_chat": ("COHERE_API_KEY", "CO_API_KEY"),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_TOKEN"),
    "fireworks_ai": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY"),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "azure": ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_AD_TOKEN"),
}
"""Environment variables of which one must be set; litellm reads them itself."""

_BARE_NAMES: Final = (
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("claude-", "anthropic"),
)
"""Providers of well-known models that are named without one."""

# fmt: off
_OWN_PROTOCOL: Final = frozenset({
    "anthropic", "azure", "azure_ai", "azure_text", "bedrock", "cloudflare", "cohere", "cohere_chat", "databricks",
    "gemini", "huggingface", "nlp_cloud", "ollama", "ollama_chat", "oobabooga", "palm", "petals", "predibase",
    "replicate", "sagemaker", "sagemaker_chat", "triton", "vertex_ai", "vertex_ai_beta", "watsonx",
})
# fmt: on
"""Providers whose servers are spoken to through litellm even where a base URL is given."""

# fmt: off
_PREFIXES: Final = frozenset({
    "custom_openai", "hosted_vllm", "litellm_proxy", "llamacpp", "llamafile", "lm_studio", "openai", "openai_like",
    "sglang", "vllm",
})
# fmt: on
"""Prefixes that say how a server is spoken to, and are no part of the model's name there."""


def provider_of(name: str) -> str:
    """`openai` of `openai/gpt-4o`; of well-known bare names the provider they belong to; empty if none is known."""
    head, slash, _ = name.partition("/")
    if slash:
        return head
    return next((provider for prefix, provider in _BARE_NAMES if name.startswith(prefix)), "")


def speaks_openai(name: str) -> bool:
    """Whether a server at a base URL of the user's own is spoken to in OpenAI's protocol."""
    return name.partition("/")[0] not in _OWN_PROTOCOL or "/" not in name


def served_name(name: str) -> str:
    """The name that such a server knows the model by."""
    head, slash, rest = name.partition("/")
    return rest if slash and head in _PREFIXES else name


def missing_key(name: str) -> str | None:
    """The first environment variable that the model's provider needs, if none of them is set; else None."""
    variables = _KEYS.get(provider_of(name), ())
    return variables[0] if variables and not any(os.environ.get(variable) for variable in variables) else None
