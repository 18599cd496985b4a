"""`ldp-tui import`: episodes from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldp_tui.cli.options import Database, Json
from ldp_tui.cli.output import counted, emit_json, say


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file written by `export --format jsonl`.")],
    *,
    as_json: Json = False,
    database: Database = None,
) -> None:
    """Store the episodes of an export; known ones stay as they are."""
    from ldp_tui.datasets.lossless import import_lossless
    from ldp_tui.store import connect_writer, default_path

    path = default_path(database)
    with connect_writer(path) as writer:
        episodes = import_lossless(file, writer)
    if as_json:
        emit_json({"file": str(file), "episodes": episodes, "db": str(path)})
    else:
        say(f"{counted(episodes, 'episode')} of {file} now in {path}.")
