"""Whose failure it was: exceptions by phase, and their words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ldp_tui.core.errors import AgentError, EnvError, EpisodeError

logger = logging.getLogger(__name__)

CaughtError = EpisodeError
"""LDP's name for it. `original_exc` is what was raised first."""

__all__ = ["AgentError", "CaughtError", "EnvError", "format_error_details", "reraise_exc_as"]


@contextmanager
def reraise_exc_as(reraise: type[EpisodeError], enabled: bool = True) -> Iterator[None]:
    """Within the block, what is raised becomes a `reraise`, if `enabled`; errors that tell their phase stay."""
    try:
        yield
    except EpisodeError:
        raise
    except Exception as error:
        if not enabled:
            raise
        logger.info("Raised again as %s: %r", reraise.__name__, error)
        raise reraise(f"{type(error).__name__}: {error}") from error


def format_error_details(error: Exception) -> str:
    """The error's text; for one that carries an HTTP response also its status, and the server's detail or body."""
    text = str(error)
    response = getattr(error, "response", None)
    if response is None:
        return text
    text += f"\nStatus code: {getattr(response, 'status_code', 'unknown')}"
    detail = _detail(response)
    if detail is None:
        return f"{text}\nResponse body: {getattr(response, 'text', '')}"
    lines = "\n".join(f"    {line}" for line in detail.split("\n"))
    return f"{text}\nServer Traceback:\n{lines}\n"


def _detail(response: object) -> str | None:
    """What FastAPI puts under `detail`; None if the body is anything else."""
    try:
        body = response.json()  # type: ignore[attr-defined]  # whatever client it came from
    except Exception:  # noqa: BLE001 (no JSON, or no body at all)
        return None
    return str(body["detail"]) if isinstance(body, dict) and "detail" in body else None
