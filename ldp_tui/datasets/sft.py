"""Chat transcripts for supervised fine-tuning: one JSON object per line, read by TRL's SFTTrainer as it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from ldp_tui.datasets.files import Exported, whole_file
from ldp_tui.datasets.transcript import chat_messages, overruled_messages, tool_definitions
from ldp_tui.engine.replay import load_episode, read_steps
from ldp_tui.store.cleaning import clean_json
from ldp_tui.store.reader import Reader


def write_sft(reader: Reader, ids: Iterable[int], path: Path, *, reflections: bool = True) -> Exported:
    """Write one line per episode: `messages`, `tools`, then whose episode it is, its `return`, and `overruled`.

    `overruled` gives the places in `messages` of the actions that are not the agent's: others chose them in its place.

    Episodes without a step, and those that failed, were interrupted or are still running, are left out and named.

    Raises:
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    episodes = steps = 0
    left_out: list[tuple[str, str]] = []
    with whole_file(path) as file:
        for key in ids:
            episode = load_episode(reader, key, pictures=False)
            uid = episode.started.uid
            if episode.ended is None or episode.ended.reason in ("failed", "interrupted"):
                left_out.append((uid, "still running" if episode.ended is None else episode.ended.reason))
                continue
            if episode.steps == 0:
                left_out.append((uid, "no steps"))
                continue
            taken = read_steps(reader, key, 0, episode.steps)
            row = {
                "messages": chat_messages(episode.started, taken, reflections=reflections),
                "tools": tool_definitions(episode.started),
                "episode": uid,
                "environment": episode.started.environment.name,
                "agent": episode.started.agent.name,
                "seed": None if episode.started.seed is None else str(episode.started.seed),
                "return": episode.ended.return_,
                "overruled": overruled_messages(episode.started, taken),
            }
            file.write(_json_line(row))
            episodes += 1
            steps += len(taken)
    return Exported(path, episodes, steps, tuple(left_out))


def _json_line(row: dict[str, Any]) -> bytes:
    """The row as strict UTF-8 JSON; lone surrogates, which UTF-8 has no form for, become U+FFFD."""
    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return clean_json(row).text.encode() + b"\n"
