"""`ldp-tui agents`: who can play."""

from __future__ import annotations

from dataclasses import asdict

from ldp_tui.cli.options import Json
from ldp_tui.cli.output import emit_json, table


def agents(*, as_json: Json = False) -> None:
    """List the players."""
    from ldp_tui.registry import agent_names

    found = agent_names()
    if as_json:
        emit_json([asdict(name) for name in found])
    else:
        table(("name", "summary"), [(name.name, name.summary) for name in found])
