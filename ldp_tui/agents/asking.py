"""Asking again for a reply that cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from ldp_tui.core.agent import annotate
from ldp_tui.core.messages import MalformedMessageError
from ldp_tui.models.parsing import Fault

logger = logging.getLogger(__name__)

ATTEMPTS: Final = 5
UNREADABLE: Final = "unreadable"
"""Kind of a reply in which no call can be found."""

Turn = TypeVar("Turn")


class UnreadableReply(MalformedMessageError):
    """No call could be read from a reply, for the reasons in `faults`."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(" ".join(fault.detail for fault in faults))
        self.faults = tuple(faults)


def as_facts(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Faults as they are kept with a step."""
    return [{"kind": fault.kind, "detail": fault.detail} for fault in faults]


async def until_readable(turn: Callable[[], Awaitable[Turn]]) -> Turn:
    """The first turn whose reply can be read; those before it are kept as faults of the step.

    Raises:
        MalformedMessageError: That of the fifth, if none can.
    """
    faults, attempts = list[Fault](), 0
    while True:
        try:
            found = await turn()
        except MalformedMessageError as error:
            attempts += 1
            faults += error.faults if isinstance(error, UnreadableReply) else [Fault(UNREADABLE, str(error))]
            logger.info("Reply %d cannot be read: %s", attempts, error)
            if attempts == ATTEMPTS:
                raise
            continue
        if faults:
            annotate({"faults": as_facts(faults)})
        return found
