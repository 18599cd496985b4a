"""From a model's thread to an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ldp_tui.models.in_process.generation import Finished, Picked

Answer = TypeVar("Answer")
Piece = tuple[int, Picked | Finished]
"""The number of a reply, and what came of it."""


class Inbox:
    """Carries tokens from the model's thread to an event loop; one that does not wake waits for the end of a reply."""

    def __init__(self, *, wakes: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._wakes = wakes
        self._held: list[Piece] = []
        self._pieces: asyncio.Queue[Piece] = asyncio.Queue()

    def teller(self, choice: int) -> Callable[[Picked | Finished], None]:
        """What the model's thread calls with each piece of reply number `choice`."""

        def tell(piece: Picked | Finished) -> None:
            self._held.append((choice, piece))
            if self._wakes or isinstance(piece, Finished):
                held, self._held = self._held, []
                soon(self._loop, self._deliver, held)

        return tell

    async def next(self) -> Piece:
        """The next piece."""
        return await self._pieces.get()

    def _deliver(self, held: list[Piece]) -> None:
        for piece in held:
            self._pieces.put_nowait(piece)


class Promise(asyncio.Future[Answer]):
    """An answer that another thread gives."""

    def give(self, answer: Answer) -> None:
        """Answer it, from any thread."""
        soon(self.get_loop(), lambda: None if self.done() else self.set_result(answer))

    def refuse(self, error: Exception) -> None:
        """Make whoever awaits it fail, from any thread."""
        soon(self.get_loop(), lambda: None if self.done() else self.set_exception(error))


def soon(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: object) -> None:
    """Call `function` in the loop; one that is closed has nobody left to hear of it."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        return
