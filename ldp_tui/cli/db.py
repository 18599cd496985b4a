"""`ldp-tui db`: look after the database."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ldp_tui.cli import OK, PROBLEMS
from ldp_tui.cli.options import Database, Json
from ldp_tui.cli.output import counted, emit, emit_json, say
from ldp_tui.core.errors import UsageError

app = typer.Typer(help="Verify, back up and merge databases.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def start(context: typer.Context) -> None:
    """Verify, back up and merge databases."""
    if context.invoked_subcommand is None:
        raise UsageError("db needs a command: verify, backup, merge or stats.")


@app.command()
def verify(*, as_json: Json = False, database: Database = None) -> int:
    """Recompute every hash chain, sum and picture hash; exit status 1 if something is wrong."""
    from ldp_tui.store import default_path
    from ldp_tui.store.verify import verify as verified

    path = default_path(database)
    report = verified(path)
    if as_json:
        emit_json({"db": str(path), "ok": report.ok, **asdict(report)})
    else:
        for problem in report.problems:
            emit(problem)
        say(
            f"{path}: {counted(report.episodes, 'episode')}, {counted(report.steps, 'row')},"
            f" {counted(report.pictures, 'picture')}: " + _verdict(report.ok)
        )
    return OK if report.ok else PROBLEMS


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the copy; must not exist.")],
    *,
    database: Database = None,
) -> None:
    """Copy the database consistently, also while it is being written."""
    from ldp_tui.store import default_path
    from ldp_tui.store.maintenance import backup as copied

    path = default_path(database)
    copied(path, target)
    say(f"{path} is backed up in {target}.")


@app.command()
def merge(
    sources: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Databases whose episodes to take in.")],
    *,
    as_json: Json = False,
    database: Database = None,
) -> None:
    """Take in the episodes of other databases; those that are here already stay as they are."""
    from ldp_tui.store import connect_writer, default_path
    from ldp_tui.store.maintenance import merge as merged
    from ldp_tui.store.reader import Reader

    path = default_path(database)
    told = []
    with connect_writer(path) as writer:
        for source in sources:
            with Reader(source) as reader:
                result = merged(reader, writer)
            told.append({"source": str(source), "copied": len(result.copied), "present": len(result.present)})
            if not as_json:
                taken = counted(len(result.copied), "episode")
                say(f"{source}: {taken} taken in, {len(result.present):,} here already.")
    if as_json:
        emit_json({"db": str(path), "sources": told})


@app.command()
def stats(*, as_json: Json = False, database: Database = None) -> None:
    """Counts and sizes."""
    from ldp_tui.store import default_path
    from ldp_tui.store.maintenance import stats as counted

    path = default_path(database)
    numbers = asdict(counted(path))
    if as_json:
        emit_json({"db": str(path), **numbers})
        return
    emit(str(path))
    for name, value in numbers.items():
        emit(f"{name.replace('_', ' '):>14}  {value:,}")


def _verdict(ok: bool) -> str:
    return "all as recorded." if ok else "NOT as recorded."
