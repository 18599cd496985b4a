"""Models of transformers as a back end of the client: replies in pieces, and exact probabilities of given replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ldp_tui.models.backend import Delta, Request
from ldp_tui.models.config import ModelSpec
from ldp_tui.models.in_process.answering import answer, score
from ldp_tui.models.local.naming import Wanted, check_local

if TYPE_CHECKING:
    from ldp_tui.models.local.loading import Models
    from ldp_tui.models.local.model import LocalModel


class LocalBackend:
    """Answers requests with the model that a specification names. Greedy unless a temperature is set."""

    def __init__(self, spec: ModelSpec) -> None:
        """Back end of a model, which is loaded with the first request.

        Raises:
            UsageError: If the folder is no model's, or a package is missing; one line says what to do.
        """
        check_local(spec)
        self._wanted = Wanted.of(spec)
        self._models: Models | None = None

    async def reply(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Pieces of the reply, a token each if it is streamed; closing the generator stops the computing."""
        async with self._loaded() as model, aclosing(answer(model, request)) as deltas:
            async for delta in deltas:
                yield delta

    async def score(self, request: Request, choices: Sequence[Mapping[str, Any]]) -> list[float]:
        """Natural log-probability of each choice, an assistant's message, as the whole reply."""
        async with self._loaded() as model:
            return await score(model, request, choices)

    @asynccontextmanager
    async def _loaded(self) -> AsyncGenerator[LocalModel, None]:
        if self._models is None:
            self._models = await asyncio.to_thread(_models)
        async with self._models.using(self._wanted) as model:
            yield model


def local_backend(spec: ModelSpec) -> LocalBackend:
    """The back end of the model `local/PATH` or `local/OWNER/NAME`."""
    return _backend(spec.name, spec.adapter, spec.dtype, spec.device, spec.quantization)


@lru_cache(maxsize=64)
def _backend(
    name: str, adapter: str | None, dtype: str | None, device: str | None, quantization: str | None
) -> LocalBackend:
    given = {"adapter": adapter, "dtype": dtype, "device": device, "quantization": quantization}
    return LocalBackend(ModelSpec.model_validate({"name": name, **given}))


def _models() -> Models:
    """Those of this process. PyTorch and transformers are imported now, which takes seconds."""
    from ldp_tui.models.local.loading import MODELS

    return MODELS
