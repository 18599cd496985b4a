"""When to ask again, how long to wait before, and when to ask somebody else."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from ldp_tui.models.config import ModelSpec
from ldp_tui.models.errors import AllModelsExhaustedError, ModelError, RateLimited

logger = logging.getLogger(__name__)

LONGEST_PAUSE: Final = 30.0
"""Seconds; the longest pause of our own choosing."""
LONGEST_RETRY_AFTER: Final = 60.0
"""Seconds; a server that asks for more is left for the next model of the chain."""

Reply = TypeVar("Reply")


async def ask_in_turn(models: Sequence[ModelSpec], attempt: Callable[[ModelSpec], Awaitable[Reply]]) -> Reply:
    """The first reply: each model is asked up to `max_retries + 1` times, then the next.

    Raises:
        ModelError: At once, if neither another attempt nor another model can help.
        AllModelsExhaustedError: With the last error of each model.
    """
    errors: list[ModelError] = []
    for spec in models:
        try:
            return await _ask(spec, attempt)
        except ModelError as error:
            if not (error.retryable or error.elsewhere):
                raise
            errors.append(error)
    raise AllModelsExhaustedError(errors) from errors[-1]


async def _ask(spec: ModelSpec, attempt: Callable[[ModelSpec], Awaitable[Reply]]) -> Reply:
    for number in range(spec.max_retries):
        try:
            return await attempt(spec)
        except ModelError as error:
            wait = pause_before_retry(error, number, spec.retry_seconds)
            if wait is None:
                raise
            logger.info("%s failed (%s); asked again in %.1f s.", spec.name, type(error).__name__, wait)
            await asyncio.sleep(wait)
    return await attempt(spec)


def pause_before_retry(error: ModelError, number: int, first: float) -> float | None:
    """Seconds to wait before retry `number` (from 0); None: the same model is not asked again.

    Full jitter: uniform between 0 and `first` doubled `number` times, at least what the server asks for.
    """
    if not error.retryable:
        return None
    asked = error.retry_after if isinstance(error, RateLimited) else None
    if asked is not None and asked > LONGEST_RETRY_AFTER:
        return None
    return max(asked or 0.0, random.uniform(0, min(LONGEST_PAUSE, first * 2**number)))
