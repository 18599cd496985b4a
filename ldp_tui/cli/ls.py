"""`ldp-tui ls`: recorded episodes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ldp_tui.cli.options import Database, Json
from ldp_tui.cli.output import counted, emit_json, number, say, table, truth, when
from ldp_tui.cli.selection import Agent, Env, MinReturn, Select, Selection, Success, Text, index_words


def ls(
    *,
    select: Select = None,
    env: Env = None,
    agent: Agent = None,
    text: Text = None,
    min_return: MinReturn = None,
    success: Success = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    as_json: Json = False,
    database: Database = None,
) -> None:
    """List recorded episodes, newest first."""
    from ldp_tui.store import default_path
    from ldp_tui.store.reader import Reader

    wanted = Selection(env, agent, text, min_return, success, select).filter()
    with Reader(default_path(database)) as reader:
        index_words(reader, wanted)
        page = reader.episodes(wanted, limit=limit)
        total = reader.count(wanted)
    if as_json:
        emit_json([asdict(episode) for episode in page.episodes])
        return
    rows = [
        (
            str(e.id),
            e.uid[:13],
            e.env,
            e.agent,
            e.seed or "",
            str(e.steps),
            e.return_tag or number(e.return_),
            truth(e.success),
            e.status,
            when(e.started_ns),
        )
        for e in page.episodes
    ]
    titles = ("id", "uid", "environment", "agent", "seed", "steps", "return", "success", "end", "when")
    if rows:
        table(titles, rows, right=(0, 4, 5, 6))
    if total > len(rows):
        say(f"{len(rows):,} of {counted(total, 'episode')}; more with --limit.")
    elif not rows:
        say("No episode matches.")
