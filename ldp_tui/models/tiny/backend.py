"""The tiny model as a back end of the client: replies in pieces, and exact probabilities of given replies."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import cache
from pathlib import Path
from typing import Any

from ldp_tui.models.backend import Delta, Request
from ldp_tui.models.in_process.answering import answer, score
from ldp_tui.models.tiny.model import BUNDLED, load_model


class TinyBackend:
    """Answers requests with the model in `folder`. Greedy unless the request sets a temperature."""

    def __init__(self, folder: Path = BUNDLED) -> None:
        self._folder = folder.resolve()

    async def reply(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Pieces of the reply, a token each if it is streamed; closing the generator stops the computing."""
        async with aclosing(answer(load_model(self._folder), request)) as deltas:
            async for delta in deltas:
                yield delta

    async def score(self, request: Request, choices: Sequence[Mapping[str, Any]]) -> list[float]:
        """Natural log-probability of each choice, an assistant's message, as the whole reply."""
        return await score(load_model(self._folder), request, choices)


@cache
def tiny_backend(name: str) -> TinyBackend:
    """The back end of the model `tiny`, or of `tiny/FOLDER`, a model of one's own."""
    _, _, folder = name.partition("/")
    return TinyBackend(Path(folder) if folder else BUNDLED)
