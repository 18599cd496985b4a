"""Requests to models as rows of the store, and back."""

from __future__ import annotations

import struct

from ldp_tui.core.agent import Generation
from ldp_tui.engine.message_rows import json_text, json_value
from ldp_tui.store.rows import GenerationRow


def generation_row(generation: Generation) -> GenerationRow:
    """The row of a request."""
    ids, logprobs = generation.token_ids, generation.logprobs
    return GenerationRow(
        model=generation.model,
        params=json_text(dict(generation.params)),
        request_id=generation.request,
        finish=generation.finish,
        tokens_in=generation.tokens_in,
        tokens_out=generation.tokens_out,
        tokens_cached=generation.tokens_cached,
        cost_usd=generation.cost_usd,
        latency_us=generation.latency_us,
        ttft_us=generation.ttft_us,
        token_ids=struct.pack(f"<{len(ids)}i", *ids) if ids else None,
        logprobs=struct.pack(f"<{len(logprobs)}d", *logprobs) if logprobs else None,
        raw=generation.raw,
    )


def generation_of(row: GenerationRow) -> Generation:
    """The request that `generation_row` stored."""
    ids, logprobs = row.token_ids or b"", row.logprobs or b""
    return Generation(
        model=row.model or "",
        params=json_value(row.params) if row.params else {},
        request=row.request_id or "",
        finish=row.finish,
        raw=row.raw or "",
        tokens_in=row.tokens_in,
        tokens_out=row.tokens_out,
        tokens_cached=row.tokens_cached,
        cost_usd=row.cost_usd or 0.0,
        latency_us=row.latency_us or 0,
        ttft_us=row.ttft_us,
        token_ids=struct.unpack(f"<{len(ids) // 4}i", ids),
        logprobs=struct.unpack(f"<{len(logprobs) // 8}d", logprobs),
    )
