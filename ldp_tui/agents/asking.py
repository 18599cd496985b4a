"""Asking again for a reply that cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from ldp_tui.core.messages import MalformedMessageError

logger = logging.getLogger(__name__)

ATTEMPTS: Final = 5

Turn = TypeVar("Turn")


async def until_readable(turn: Callable[[], Awaitable[Turn]]) -> Turn:
    """The first turn whose reply can be read.

    Raises:
        MalformedMessageError: That of the fifth, if none can.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return await turn()
        except MalformedMessageError as error:
            logger.info("Reply %d cannot be read: %s", attempt, error)
    return await turn()
