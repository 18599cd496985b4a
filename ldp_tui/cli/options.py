"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldp_tui.core.specs import Spec


def _complete_environment(incomplete: str) -> list[tuple[str, str]]:
    from ldp_tui.registry import environment_names

    return [(name.name, name.summary) for name in environment_names() if name.name.startswith(incomplete)]


def _complete_agent(incomplete: str) -> list[tuple[str, str]]:
    from ldp_tui.registry import agent_names

    return [(name.name, name.summary) for name in agent_names() if name.name.startswith(incomplete)]


def _complete_episode(incomplete: str) -> list[tuple[str, str]]:
    from ldp_tui.core.errors import LdpTuiError
    from ldp_tui.store import default_path
    from ldp_tui.store.reader import Reader

    try:
        with Reader(default_path()) as reader:
            found = reader.episodes(limit=50).episodes
    except LdpTuiError:  # completion stays silent
        return []
    return [(e.uid, f"{e.env} {e.agent}") for e in found if e.uid.startswith(incomplete)]


Database = Annotated[
    Path | None,
    typer.Option(
        "--db",
        help="Database file. Default: $LDP_TUI_DB, else ./recordings/ldp.db, else one in the user's data folder.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")]
EnvironmentText = Annotated[
    str,
    typer.Argument(
        metavar="ENV",
        help="Environment: NAME[,key=value…], a Gymnasium id, a file.py, or module:Class.",
        autocompletion=_complete_environment,
        show_default=False,
    ),
]
RunTarget = Annotated[
    str,
    typer.Argument(
        metavar="ENV",
        help="Environment: NAME[,key=value…], a Gymnasium id, a file.py, or module:Class. Or an experiment's file.",
        autocompletion=_complete_environment,
        show_default=False,
    ),
]
AgentTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--agent",
        "-a",
        metavar="AGENT",
        help="Player: KIND[:MODEL][,key=value…]. Give it several times to play side by side.",
        autocompletion=_complete_agent,
        show_default=False,
    ),
]
RunAgents = Annotated[
    list[str] | None,
    typer.Option(
        "--agent",
        "-a",
        metavar="AGENT",
        help="Player: KIND[:MODEL][,key=value…]. For an experiment's file: in place of its players; may be repeated.",
        autocompletion=_complete_agent,
        show_default=False,
    ),
]
EpisodeKey = Annotated[
    str,
    typer.Argument(metavar="ID", help="Number, uid, or the beginning of a uid.", autocompletion=_complete_episode),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Seed of every lane. Default: one is drawn.", show_default=False)
]
MaxSteps = Annotated[
    int | None,
    typer.Option(
        "--max-steps",
        min=1,
        help="Cut episodes after that many steps. Default: only the environment's own limit.",
        show_default=False,
    ),
]


def is_human(agent: str) -> bool:
    """Whether the player's text asks for a person."""
    return Spec.parse(agent).name == "human"


def episode_key(text: str) -> int | str:
    """A number is an id of this database, everything else a uid."""
    return int(text) if text.isdigit() else text
