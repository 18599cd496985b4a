"""`ldp-tui replay`: watch a recorded episode again."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from ldp_tui.cli.guard import has_terminal
from ldp_tui.cli.options import Database, EpisodeKey, episode_key
from ldp_tui.cli.output import emit


def replay(
    episode: EpisodeKey,
    *,
    as_text: Annotated[bool, typer.Option("--plain", help="Text instead of the app.")] = False,
    speed: Annotated[float, typer.Option("--speed", min=0.0, help="Steps per second as text; 0: all at once.")] = 0.0,
    database: Database = None,
) -> int:
    """Replay an episode in the app, or as text."""
    from ldp_tui.cli.narrate import Narrator
    from ldp_tui.engine.events import StepTaken
    from ldp_tui.engine.replay import load_episode
    from ldp_tui.engine.replay import replay as replayed
    from ldp_tui.store import default_path
    from ldp_tui.store.reader import Reader

    path = default_path(database)
    with Reader(path) as reader:
        recorded = load_episode(reader, episode_key(episode), pictures=False)
        if as_text or not has_terminal():
            narrator = Narrator()
            for event in replayed(reader, recorded.header.summary.id):
                for line in narrator.lines(event):
                    emit(line)
                if speed and isinstance(event, StepTaken):
                    sys.stdout.flush()
                    time.sleep(1 / speed)
            return 0
    from ldp_tui.tui.app import run_app

    return run_app(db=path, screen="replay", uid=recorded.started.uid)
