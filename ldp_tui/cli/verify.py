"""`ldp-tui verify`: recorded episodes, played again from seed and actions."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.options import Database, Json, episode_key
from ldp_tui.cli.output import counted, emit, emit_json, say
from ldp_tui.cli.selection import Select, Selection, index_words

if TYPE_CHECKING:
    from ldp_tui.datasets.verification import Verdict

_WIDEST = 100


def verify(
    episodes: Annotated[list[str] | None, typer.Argument(metavar="[ID]…", show_default=False)] = None,
    *,
    select: Select = None,
    as_json: Json = False,
    database: Database = None,
) -> int:
    """Play episodes again from their seed and actions.

    Those named, else all that are selected. Tells the first step at which an environment did something else than was
    recorded; exit status 1 if there is one. `ldp-tui db verify` checks the database itself.
    """
    from ldp_tui.datasets.verification import replayed
    from ldp_tui.store import default_path
    from ldp_tui.store.reader import Reader
    from ldp_tui.store.results import Sort

    wanted = Selection(select=select).filter()
    verdicts: list[Verdict] = []
    with Reader(default_path(database)) as reader:
        if episodes:
            ids = [reader.episode(episode_key(text)).summary.id for text in episodes]
        else:
            index_words(reader, wanted)
            ids = list(reader.episode_ids(wanted, Sort(descending=False)))
        for ident in ids:
            verdicts.append(replayed(reader, ident))
            if not as_json:
                _tell(verdicts[-1])
    if as_json:
        emit_json([asdict(verdict) for verdict in verdicts])
    else:
        numbers = {kind: sum(v.verdict == kind for v in verdicts) for kind in ("same", "diverged", "impossible")}
        say(
            f"{counted(len(verdicts), 'episode')} played again: {numbers['same']:,} as recorded,"
            f" {numbers['diverged']:,} not, {numbers['impossible']:,} could not be played."
        )
    return PROBLEMS if any(verdict.verdict == "diverged" for verdict in verdicts) else OK


def _tell(verdict: Verdict) -> None:
    if verdict.verdict == "impossible":
        emit(f"{verdict.uid}  {verdict.environment}: {verdict.reason}")
    elif verdict.verdict == "diverged":
        place = "reset" if verdict.step is None else f"step {verdict.step + 1} of {verdict.steps}"
        emit(f"{verdict.uid}  {verdict.environment}: {place} gave another {verdict.what}")
        emit(f"    recorded: {_short(verdict.recorded)}")
        emit(f"    now:      {_short(verdict.found)}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"
