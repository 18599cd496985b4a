"""Receives the reply to one request: pieces are put together, timed, and told to whoever listens."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from ldp_tui.models.assembly import Assembly, total
from ldp_tui.models.backend import Backend, Delta, Request, TokenCount
from ldp_tui.models.errors import InvalidReply, ModelTimeout
from ldp_tui.models.waiting import within

Callback = Callable[..., Any] | Callable[..., Awaitable[Any]]
"""Called with each piece of text as it comes; a callback with a parameter `name` gets the call's label too."""

ASKED_AGAIN = "\n[cut off; asked again]\n"
"""Told between a reply that broke off and the next attempt."""


class Telling:
    """Passes text on to callbacks, over all attempts of one call."""

    def __init__(self, callbacks: Sequence[Callback], name: str | None) -> None:
        self._callbacks = [partial(c, name=name) if _takes_name(c) else c for c in callbacks]
        self._told = False

    async def begin(self) -> None:
        """A new attempt begins: say so where an earlier one had said something."""
        if self._told:
            self._told = False
            await self._tell(ASKED_AGAIN)

    async def tell(self, text: str) -> None:
        """The next piece."""
        self._told = True
        await self._tell(text)

    async def _tell(self, text: str) -> None:
        for callback in self._callbacks:
            if inspect.isawaitable(done := callback(text)):
                await done


class Reply:
    """Everything that came for one request. Seconds count from its sending."""

    def __init__(self) -> None:
        self.model: str | None = None
        self.prompt_ids: tuple[int, ...] = ()
        self.first_seconds = 0.0
        self.seconds = 0.0
        self._choices: dict[int, Assembly] = {}
        self._counts: list[TokenCount] = []
        self._started = time.perf_counter()

    def add(self, delta: Delta) -> None:
        """Take one more piece."""
        self.model = delta.model or self.model
        if delta.usage is not None:
            self._counts.append(delta.usage)
        self.prompt_ids = delta.prompt_ids or self.prompt_ids
        if delta.text or delta.reasoning or delta.calls or delta.refusal or delta.logprobs or delta.finish_reason:
            self.first_seconds = self.first_seconds or time.perf_counter() - self._started
            self._choices.setdefault(delta.choice, Assembly()).add(delta)

    def end(self) -> None:
        """All has come."""
        self.seconds = time.perf_counter() - self._started

    @property
    def choices(self) -> list[Assembly]:
        """The replies in the order of their numbers."""
        return [self._choices[number] for number in sorted(self._choices)]

    @property
    def usage(self) -> TokenCount:
        """What is known of its cost."""
        return total(self._counts)


async def receive(backend: Backend, request: Request, telling: Telling | None, reply: Reply) -> None:
    """Fill `reply`; where an error is raised it holds what had come by then.

    Raises:
        ModelTimeout: If it does not come within the model's `timeout`.
        InvalidReply: If it holds no choice at all.
        ModelError: What the back end raises.
    """
    model = request.spec.name
    if telling is not None:
        await telling.begin()
    try:
        async with within(request.spec.timeout):
            deltas: AsyncGenerator[Delta, None] = backend.reply(request)
            async with aclosing(deltas):
                async for delta in deltas:
                    reply.add(delta)
                    if telling is not None and (delta.reasoning or delta.text):
                        await telling.tell(delta.reasoning + delta.text)
    except TimeoutError as error:
        raise ModelTimeout(f"no whole reply within {request.spec.timeout:g} s", model=model) from error
    finally:
        reply.end()
    if not reply.choices:
        raise InvalidReply("the reply has no choice", model=model)


def _takes_name(callback: Callback) -> bool:
    try:
        return "name" in inspect.signature(callback).parameters
    except (TypeError, ValueError):  # some built-in callables have no signature
        return False
