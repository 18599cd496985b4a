"""Which episodes a command is about: the options of `ls` and `export` as a filter of the store."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ldp_tui.cli.output import counted, say
from ldp_tui.store.errors import StoreError
from ldp_tui.store.results import EpisodeFilter, Range
from ldp_tui.store.search import TAIL

if TYPE_CHECKING:
    from ldp_tui.store.reader import Reader

PATIENCE_SECONDS: Final = 10.0
"""A search waits so long for messages to be indexed."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Restrictions as given on the command line; None and empty restrict nothing."""

    env: str | None = None
    agent: str | None = None
    text: str | None = None
    min_return: float | None = None
    success: bool | None = None

    def filter(self) -> EpisodeFilter:
        """The store's filter."""
        return EpisodeFilter(
            envs=(self.env,) if self.env else (),
            agents=(self.agent,) if self.agent else (),
            words=(self.text,) if self.text else (),
            return_=Range(low=self.min_return),
            success=self.success,
        )


def index_words(reader: Reader, text: str | None) -> None:
    """Before a search for `text`, have messages indexed that a busy writer left for later; say so if some stay."""
    from ldp_tui.store import connect_writer

    if not text or not reader.unindexed():
        return
    with contextlib.suppress(StoreError), connect_writer(reader.path):  # a writer indexes while it has nothing to write
        deadline = time.monotonic() + PATIENCE_SECONDS
        while reader.unindexed() and time.monotonic() < deadline:
            time.sleep(0.02)
    left = reader.unindexed()
    if left > TAIL:
        say(f"{counted(left, 'message')} not indexed yet: of those only the newest {TAIL:,} were searched.")
