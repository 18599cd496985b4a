"""Asking again for a reply that cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from ldp_tui.core.agent import annotate
from ldp_tui.core.messages import MalformedMessageError

logger = logging.getLogger(__name__)

ATTEMPTS: Final = 5
UNREADABLE: Final = "unreadable"
"""Kind of a reply in which no call can be found."""

Turn = TypeVar("Turn")


async def until_readable(turn: Callable[[], Awaitable[Turn]]) -> Turn:
    """The first turn whose reply can be read; those before it are kept as faults of the step.

    Raises:
        MalformedMessageError: That of the fifth, if none can.
    """
    faults: list[dict[str, str]] = []
    while True:
        try:
            found = await turn()
        except MalformedMessageError as error:
            faults.append({"kind": UNREADABLE, "detail": str(error)})
            logger.info("Reply %d cannot be read: %s", len(faults), error)
            if len(faults) == ATTEMPTS:
                raise
            continue
        if faults:
            annotate({"faults": faults})
        return found
