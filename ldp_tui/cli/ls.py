"""`ldp-tui ls`: recorded episodes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ldp_tui.cli.options import Database, Json
from ldp_tui.cli.output import counted, emit_json, number, say, table, truth, when

Env = Annotated[str | None, typer.Option("--env", "-e", help="Part of the environment's name.", show_default=False)]
Agent = Annotated[str | None, typer.Option("--agent", "-a", help="Part of the player's name.", show_default=False)]
Text = Annotated[str | None, typer.Option("--text", "-t", help="Words in the messages.", show_default=False)]
MinReturn = Annotated[float | None, typer.Option("--min-return", help="At least this return.", show_default=False)]
Success = Annotated[bool | None, typer.Option("--success/--no-success", help="By success.", show_default=False)]


def ls(
    *,
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
    from ldp_tui.cli.selection import Selection, index_words
    from ldp_tui.store import default_path
    from ldp_tui.store.reader import Reader

    wanted = Selection(env, agent, text, min_return, success).filter()
    with Reader(default_path(database)) as reader:
        index_words(reader, text)
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
