"""What is known of providers without asking them: which need a key, and which speak OpenAI's protocol."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import Final

from ldp_tui.core.errors import UnknownName
from ldp_tui.models.keys import KEYRING, FoundKey, stored_key

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
PROVIDERS: Final = frozenset({
    "a2a", "a2a_agent", "ai21", "ai21_chat", "aiml", "aiohttp_openai", "amazon_nova", "anthropic", "anthropic_text",
    "apertis", "assemblyai", "auto_router", "aws_polly", "azure", "azure_ai", "azure_text", "baseten", "bedrock",
    "bedrock_mantle", "black_forest_labs", "bytez", "cerebras", "charity_engine", "chatgpt", "chutes", "clarifai",
    "cloudflare", "codestral", "cohere", "cohere_chat", "cometapi", "compactifai", "cursor", "custom",
    "custom_openai", "dashscope", "databricks", "datarobot", "deepgram", "deepinfra", "deepseek",
    "docker_model_runner", "dotprompt", "elevenlabs", "empower", "fal_ai", "featherless_ai", "fireworks_ai",
    "friendliai", "galadriel", "gemini", "gigachat", "github", "github_copilot", "gradient_ai", "groq", "helicone",
    "heroku", "hosted_vllm", "huggingface", "humanloop", "hyperbolic", "infinity", "jina_ai", "lambda_ai", "langfuse",
    "langgraph", "lemonade", "litellm_agent", "litellm_proxy", "llamafile", "lm_studio", "manus", "maritalk",
    "meta_llama", "milvus", "minimax", "mistral", "moonshot", "morph", "nano-gpt", "nebius", "nlp_cloud", "novita",
    "nscale", "nvidia_nim", "oci", "ollama", "ollama_chat", "oobabooga", "openai", "openai_like", "openrouter",
    "ovhcloud", "perplexity", "petals", "pg_vector", "poe", "predibase", "publicai", "ragflow", "recraft",
    "replicate", "runwayml", "s3_vectors", "sagemaker", "sagemaker_chat", "sagemaker_nova", "sambanova", "sap",
    "scaleway", "snowflake", "stability", "synthetic", "text-completion-codestral", "text-completion-openai",
    "together_ai", "topaz", "triton", "v0", "vercel_ai_gateway", "vertex_ai", "vertex_ai_beta", "vllm", "volcengine",
    "voyage", "wandb", "watsonx", "watsonx_text", "xai", "xiaomi_mimo", "xinference", "zai",
})
# fmt: on
"""litellm's providers, without importing it; a test compares them."""

_KEYLESS: Final = frozenset(
    {
        "bedrock",
        "custom",
        "docker_model_runner",
        "github_copilot",
        "hosted_vllm",
        "lemonade",
        "llamafile",
        "lm_studio",
        "ollama",
        "ollama_chat",
        "oobabooga",
        "petals",
        "sagemaker",
        "sagemaker_chat",
        "triton",
        "vertex_ai",
        "vertex_ai_beta",
        "vllm",
        "xinference",
    }
)
"""Providers that run on one's own machine, or know their users in ways of their own."""

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


def key_variables(provider: str) -> tuple[str, ...]:
    """Environment variables that may hold the provider's key; none for providers that need no key of that kind."""
    if provider in _KEYLESS or provider not in PROVIDERS:
        return ()
    return _KEYS.get(provider) or (f"{provider.upper().replace('-', '_')}_API_KEY",)


def keyed_providers() -> frozenset[str]:
    """Providers that are known to need a key."""
    return frozenset(_KEYS)


def check_provider(name: str) -> None:
    """Raise UnknownName for a model whose provider is a misspelt one; other unknown ones are left to litellm."""
    head, slash, _ = name.partition("/")
    if slash and head not in PROVIDERS and get_close_matches(head.casefold(), PROVIDERS, n=1, cutoff=0.75):
        raise UnknownName("provider", head, PROVIDERS)


def speaks_openai(name: str) -> bool:
    """Whether a server at a base URL of the user's own is spoken to in OpenAI's protocol."""
    return name.partition("/")[0] not in _OWN_PROTOCOL or "/" not in name


def served_name(name: str) -> str:
    """The name that such a server knows the model by."""
    head, slash, rest = name.partition("/")
    return rest if slash and head in _PREFIXES else name


def missing_key(name: str) -> str | None:
    """The first environment variable that the model's provider needs, if no key is to be found; else None."""
    provider = provider_of(name)
    return _KEYS[provider][0] if provider in _KEYS and found_key(provider) is None else None


def found_key(provider: str) -> FoundKey | None:
    """The provider's key, from an environment variable, else from the system's keyring."""
    variables = key_variables(provider)
    for variable in variables:
        if value := os.environ.get(variable):
            return FoundKey(value, f"${variable}")
    stored = stored_key(provider) if variables else None
    return None if stored is None else FoundKey(stored, KEYRING)
