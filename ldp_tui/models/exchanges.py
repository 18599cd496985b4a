"""Requests and replies for those who want to see them word for word, without keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, Final

from ldp_tui.core.exchanges import Exchange, exchange_keeper
from ldp_tui.models.backend import Backend, Delta, Request
from ldp_tui.models.receiving import Reply
from ldp_tui.models.redaction import clean

_NOT_SHOWN: Final = frozenset({"extra_headers"})
"""Settings in which keys travel."""


def overheard(backend: Backend) -> Backend:
    """`backend`, listened to where somebody keeps exchanges; otherwise as it is."""
    keep = exchange_keeper()
    return backend if keep is None else _Overheard(backend, keep)


class _Overheard:
    def __init__(self, backend: Backend, keep: Callable[[Exchange], None]) -> None:
        self._backend, self._keep = backend, keep

    async def reply(self, request: Request) -> AsyncGenerator[Delta, None]:
        """What the back end says; kept however it ends."""
        heard, problem = Reply(), ""
        try:
            async with aclosing(self._backend.reply(request)) as deltas:
                async for delta in deltas:
                    heard.add(delta)
                    yield delta
        except (asyncio.CancelledError, GeneratorExit):
            problem = "stopped before its end"
            raise
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise
        finally:
            heard.end()
            self._keep(_exchange(request, heard, problem))


def _exchange(request: Request, heard: Reply, problem: str) -> Exchange:
    settings = {name: value for name, value in request.settings.items() if name not in _NOT_SHOWN}
    asked: dict[str, Any] = {"model": request.spec.name, **settings, "messages": request.messages}
    if request.tools:
        asked |= {"tools": request.tools, "tool_choice": request.tool_choice}
    if request.stream:
        asked["stream"] = True
    choices = [{"message": one.raw(), "finish_reason": one.finish_reason} for one in heard.choices]
    usage = {name: count for name, count in asdict(heard.usage).items() if count is not None}
    replied: dict[str, Any] = {"model": heard.model, "choices": choices, "usage": usage}
    secrets = list(request.spec.secrets())
    return Exchange(
        model=request.spec.name,
        request=_without_secrets(asked, secrets),
        reply=_without_secrets(replied, secrets) if heard.choices else {},
        seconds=heard.seconds,
        problem=clean(problem, secrets),
    )


def _without_secrets(value: dict[str, Any], secrets: list[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(clean(json.dumps(value, default=str), secrets))
    return told
