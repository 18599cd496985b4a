"""`ldp-tui import`: episodes from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldp_tui.cli.options import Database, Json
from ldp_tui.cli.output import counted, emit_json, say


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Written by `export --format jsonl`; or LDP's trajectory file, or a folder of them."
        ),
    ],
    *,
    env: Annotated[
        str,
        typer.Option("--env", metavar="NAME", help="Environment of LDP's trajectories, whose files do not name it."),
    ] = "imported",
    agent: Annotated[
        str, typer.Option("--agent", metavar="NAME", help="Agent of LDP's trajectories, whose files do not name it.")
    ] = "imported",
    as_json: Json = False,
    database: Database = None,
) -> None:
    """Store the episodes of an export, or trajectories of LDP.

    Episodes that are there already stay as they are.
    """
    from ldp_tui.datasets.ldp_files import Names, import_ldp, is_ldp_file
    from ldp_tui.datasets.lossless import import_lossless
    from ldp_tui.store import connect_writer, default_path
    from ldp_tui.store.reader import Reader

    path = default_path(database)
    with connect_writer(path) as writer:
        if is_ldp_file(file):
            with Reader(path) as reader:
                known = set(reader.uids())
            episodes = import_ldp(file, writer, names=Names(env, agent), known=known)
        else:
            episodes = import_lossless(file, writer)
    if as_json:
        emit_json({"file": str(file), "episodes": episodes, "db": str(path)})
    else:
        say(f"{counted(episodes, 'episode')} of {file} now in {path}.")
