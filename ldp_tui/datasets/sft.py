"""Chat transcripts for supervised fine-tuning: one JSON object per line, read by TRL's SFTTrainer as it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ldp_tui.datasets.files import Exported, whole_file
from ldp_tui.datasets.played import json_line, played_episodes
from ldp_tui.datasets.transcript import chat_messages, overruled_messages, tool_definitions
from ldp_tui.store.reader import Reader


def write_sft(reader: Reader, ids: Iterable[int], path: Path, *, reflections: bool = True) -> Exported:
    """Write one line per episode: `messages`, `tools`, then whose episode it is, its `return`, and `overruled`.

    `overruled` gives the places in `messages` of the actions that are not the agent's: others chose them in its place.

    Episodes without a step, and those that failed, were interrupted or are still running, are left out and named.

    Raises:
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    steps = 0
    members: list[str] = []
    left_out: list[tuple[str, str]] = []
    with whole_file(path) as file:
        for episode, ended, taken in played_episodes(reader, ids, left_out):
            uid = episode.started.uid
            row = {
                "messages": chat_messages(episode.started, taken, reflections=reflections),
                "tools": tool_definitions(episode.started),
                "episode": uid,
                "environment": episode.started.environment.name,
                "agent": episode.started.agent.name,
                "seed": None if episode.started.seed is None else str(episode.started.seed),
                "return": ended.return_,
                "overruled": overruled_messages(episode.started, taken),
            }
            file.write(json_line(row))
            members.append(uid)
            steps += len(taken)
    return Exported(path, len(members), steps, tuple(left_out), tuple(members))
