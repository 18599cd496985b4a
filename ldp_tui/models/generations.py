"""What is kept of each request to a model: settings, cost, timing, and the reply as it came. No key is in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import orjson

from ldp_tui.core.agent import FAILED, Generation
from ldp_tui.models.backend import Request, TokenCount
from ldp_tui.models.config import ModelSpec
from ldp_tui.models.errors import ModelError
from ldp_tui.models.receiving import Reply
from ldp_tui.models.redaction import clean

LARGEST_RAW: Final = 2**20
"""Characters of a reply that are kept; runaway replies have many more."""
CANCELLED: Final = "Cancelled"


def generation_of(request: Request, reply: Reply, shown: Mapping[str, Any], error: ModelError | None) -> Generation:
    """The record of one request.

    Args:
        request: What was sent.
        reply: What had come when it ended.
        shown: Its settings without secrets.
        error: How it failed; None for one that was answered, or given up where nothing ended.
    """
    spec, usage, choices = request.spec, reply.usage, reply.choices
    replies = [choice.raw() for choice in choices]
    raw = json.dumps(replies[0] if len(replies) == 1 else replies, ensure_ascii=False) if replies else ""
    if error is not None:
        finish = f"{FAILED}{type(error).__name__}"
        raw = raw or json.dumps({"error": str(error)}, ensure_ascii=False)
    else:
        finish = choices[0].finish_reason or "" if choices else f"{FAILED}{CANCELLED}"
    tokens = choices[0].logprobs if len(choices) == 1 else ()
    return Generation(
        model=reply.model or spec.name,
        params={**shown, **({"tool_choice": request.tool_choice} if request.tool_choice else {})},
        request=request_hash(request, shown),
        finish=finish or None,
        raw=_bounded(clean(raw, spec.secrets())),
        tokens_in=usage.prompt,
        tokens_out=usage.completion,
        tokens_cached=usage.cache_read,
        cost_usd=cost_of(spec, usage),
        latency_us=round(1e6 * reply.seconds),
        ttft_us=round(1e6 * reply.first_seconds) if request.stream and choices else None,
        logprobs=tuple(token.logprob for token in tokens),
    )


def request_hash(request: Request, shown: Mapping[str, Any]) -> str:
    """Equal for requests that are equal in model, messages, tools and settings."""
    sent = {
        "model": request.spec.name,
        "messages": request.messages,
        "tools": request.tools,
        "tool_choice": request.tool_choice,
        "settings": dict(shown),
    }
    try:
        text = orjson.dumps(sent, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except TypeError:  # lone surrogates, which JSON can escape
        text = json.dumps(sent, default=str, sort_keys=True).encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def cost_of(spec: ModelSpec, usage: TokenCount) -> float:
    """US dollars: by the prices of the specification, else what the back end says, else 0."""
    if spec.input_cost_per_token is not None or spec.output_cost_per_token is not None:
        read, written = usage.prompt or 0, usage.completion or 0
        return read * (spec.input_cost_per_token or 0.0) + written * (spec.output_cost_per_token or 0.0)
    return usage.cost_usd or 0.0


def _bounded(raw: str) -> str:
    if len(raw) <= LARGEST_RAW:
        return raw
    return f"{raw[:LARGEST_RAW]}… [{len(raw):,} characters in all]"
