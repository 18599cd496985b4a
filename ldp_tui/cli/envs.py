"""`ldp-tui envs`: what can be played."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ldp_tui.cli.options import Json
from ldp_tui.cli.output import emit_json, say, table


def envs(
    text: Annotated[str, typer.Argument(help="Show only names, groups and summaries with this text.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """List the environments. Any other Gymnasium id works too.

    Your own files are imported, in a process of their own, so that one that cannot be played says why.
    """
    from ldp_tui.registry import environment_names, tried

    found = tried(
        name for name in environment_names() if text.casefold() in f"{name.name} {name.group} {name.summary}".casefold()
    )
    if as_json:
        emit_json([asdict(name) for name in found])
        return
    rows = [
        (name.name, name.group, name.error or (f"needs {name.needs}: " if name.needs else "") + name.summary)
        for name in found
    ]
    if rows:
        table(("name", "group", "summary"), rows)
    else:
        say(f"No environment matches {text!r}.")
