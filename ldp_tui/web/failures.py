"""Failures as JSON: what a server tells of an exception, and the exception that a client makes of it.

A server tells one line and whose failure it was, never a traceback; secrets of its environment are taken out.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ldp_tui.core.errors import AgentError, EnvError, EpisodeError, Phase, ToolError, TransportError, failure_of
from ldp_tui.store.secrets import Redactor

LONGEST_DETAIL = 500
"""Characters of a failure's text that are passed on."""

_ERRORS: dict[object, type[EpisodeError]] = {error.phase: error for error in (AgentError, EnvError, ToolError)}
_TRACEBACK = "Traceback (most recent call last)"


def failure_report(error: Exception, *, during: str, phase: Phase = "env") -> dict[str, str]:
    """`{"detail", "phase"}` of what went wrong `during` a call; `phase` is what was under way."""
    phase, text = failure_of(error, phase)
    return {"detail": _short(Redactor.of_environment(os.environ).text(f"{during}: {text}")), "phase": phase}


def error_of_answer(status: int, body: bytes, *, url: str) -> EpisodeError:
    """The exception for an answer with an error status: of the phase it names, else a TransportError."""
    told = _detail_and_phase(body)
    if told is None:
        return TransportError(f"{url} answered {status}: {excerpt(body)}", status=status)
    detail, phase = told
    if phase in _ERRORS:
        return _ERRORS[phase](f"{url}: {_short(detail)}")
    if detail.startswith(_TRACEBACK):  # how aviary's server reports that its environment raised
        return EnvError(f"{url}: {_short(detail.strip().splitlines()[-1])}")
    return TransportError(f"{url} answered {status}: {_short(detail)}", status=status)


def excerpt(body: bytes) -> str:
    """The beginning of something unexpected, in one line."""
    text = " ".join(body[:400].decode("utf-8", "replace").split())
    return repr(f"{text[:100]}…" if len(text) > 100 else text) if text else "nothing"


def _detail_and_phase(body: bytes) -> tuple[str, object] | None:
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or "detail" not in told:
        return None
    detail, phase = told["detail"], told.get("phase")
    if isinstance(detail, list):  # FastAPI's validation: one entry for each problem
        problems = [entry for entry in detail if isinstance(entry, dict)]
        detail = "; ".join(f"{_path(entry.get('loc'))}: {entry.get('msg')}" for entry in problems)
    return str(detail), phase if isinstance(phase, str) else None


def _path(location: object) -> str:
    return ".".join(str(part) for part in location) if isinstance(location, list) else "body"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_DETAIL else f"{line[: LONGEST_DETAIL - 1]}…"
