"""`ldp-tui show`: one recorded episode as text."""

from __future__ import annotations

from dataclasses import asdict

from ldp_tui.cli.options import Database, EpisodeKey, Json, episode_key
from ldp_tui.cli.output import emit, emit_json


def show(episode: EpisodeKey, *, as_json: Json = False, database: Database = None) -> None:
    """Print an episode: header, every step, how it ended."""
    from ldp_tui.cli.narrate import Narrator, event_json
    from ldp_tui.engine.replay import load_episode, replay
    from ldp_tui.store import default_path
    from ldp_tui.store.reader import Reader

    with Reader(default_path(database)) as reader:
        key = episode_key(episode)
        if as_json:
            header = load_episode(reader, key, pictures=False).header
            events = [event_json(event, 0) for event in replay(reader, key, pictures=False)]
            emit_json({"episode": asdict(header.summary), "chain": header.chain.hex(), "events": events})
            return
        narrator = Narrator()
        for event in replay(reader, key):
            for line in narrator.lines(event):
                emit(line)
