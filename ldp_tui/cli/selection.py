"""Which episodes a command is about: a selection in words, and the options that are short for parts of it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ldp_tui.cli.output import counted, say
from ldp_tui.core.errors import UsageError
from ldp_tui.store.errors import StoreError
from ldp_tui.store.results import EpisodeFilter, Range
from ldp_tui.store.search import TAIL

if TYPE_CHECKING:
    from ldp_tui.store.reader import Reader

PATIENCE_SECONDS: Final = 10.0
"""A search waits so long for messages to be indexed."""

Select = Annotated[
    str | None,
    typer.Option(
        "--select",
        "-s",
        metavar="TEXT",
        help="As in the library's filter line: 'env:taxi return>7 -tag:bad best-of:4 per:task'.",
        show_default=False,
    ),
]
Env = Annotated[str | None, typer.Option("--env", "-e", help="Part of the environment's name.", show_default=False)]
Agent = Annotated[str | None, typer.Option("--agent", "-a", help="Part of the player's name.", show_default=False)]
Text = Annotated[str | None, typer.Option("--text", "-t", help="Words in the messages.", show_default=False)]
MinReturn = Annotated[float | None, typer.Option("--min-return", help="At least this return.", show_default=False)]
Success = Annotated[bool | None, typer.Option("--success/--no-success", help="By success.", show_default=False)]


@dataclass(frozen=True, slots=True)
class Selection:
    """Restrictions as given on the command line; None and empty restrict nothing."""

    env: str | None = None
    agent: str | None = None
    text: str | None = None
    min_return: float | None = None
    success: bool | None = None
    select: str | None = None

    def filter(self) -> EpisodeFilter:
        """The store's filter.

        Raises:
            UsageError: If the selection cannot be read; it shows where.
        """
        wanted = _read(self.select) if self.select else EpisodeFilter()
        if self.env:
            wanted = replace(wanted, envs=(*wanted.envs, self.env))
        if self.agent:
            wanted = replace(wanted, agents=(*wanted.agents, self.agent))
        if self.text:
            wanted = replace(wanted, words=(*wanted.words, self.text))
        if self.min_return is not None:
            low = max(self.min_return, wanted.return_.low if wanted.return_.low is not None else self.min_return)
            wanted = replace(wanted, return_=Range(low, wanted.return_.high))
        return wanted if self.success is None else replace(wanted, success=self.success)

    def words(self) -> str:
        """The restrictions as one selection in words."""
        quoted = {"env": self.env, "agent": self.agent, "text": self.text}
        parts = [self.select] if self.select else []
        parts += [f'{name}:"{value}"' for name, value in quoted.items() if value]
        parts += [] if self.min_return is None else [f"return>={self.min_return:g}"]
        parts += [] if self.success is None else [f"success:{'yes' if self.success else 'no'}"]
        return " ".join(parts)


def _read(text: str) -> EpisodeFilter:
    from ldp_tui.datasets.selection import SelectionError, parse_selection

    try:
        return parse_selection(text)
    except SelectionError as error:
        line = " ".join(text.split("\n"))
        raise UsageError(f"--select: {error.reason}\n  {line}\n  {' ' * error.position}^") from error


def index_words(reader: Reader, wanted: EpisodeFilter) -> None:
    """Before a search for words, have messages indexed that a busy writer left for later; say so if some stay."""
    from ldp_tui.store import connect_writer

    searches = wanted.words or any(other.words for other in wanted.without)
    if not searches or not reader.unindexed():
        return
    with contextlib.suppress(StoreError), connect_writer(reader.path):  # a writer indexes while it has nothing to write
        deadline = time.monotonic() + PATIENCE_SECONDS
        while reader.unindexed() and time.monotonic() < deadline:
            time.sleep(0.02)
    left = reader.unindexed()
    if left > TAIL:
        say(f"{counted(left, 'message')} not indexed yet: of those only the newest {TAIL:,} were searched.")
