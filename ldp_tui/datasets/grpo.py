"""Prompts to play from again: the first observation, and what makes the environment give it."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from ldp_tui.datasets.files import Exported, whole_file
from ldp_tui.datasets.played import LeftOut, json_line
from ldp_tui.datasets.transcript import chat_messages, tool_definitions
from ldp_tui.engine.events import EpisodeStarted
from ldp_tui.engine.replay import load_episode
from ldp_tui.store.reader import Reader

_LARGEST_SEED: Final = 2**63 - 1


def write_grpo(reader: Reader, ids: Iterable[int], path: Path) -> Exported:
    """Write one line per distinct start: `prompt`, `tools`, `environment`, `environment_kwargs`, `seed`, `task`, ….

    Whoever trains makes the environment from its name and arguments, and resets it with `seed` and `options`.
    `episode`, `agent` and `return` tell how the first episode that began so went. Left out and named: episodes
    with neither seed nor task, seeds beyond 64 bits, and starts that are there already.

    Raises:
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    members: list[str] = []
    left_out: LeftOut = []
    written: dict[bytes, str] = {}
    with whole_file(path) as file:
        for key in ids:
            episode = load_episode(reader, key, pictures=False)
            started, ended = episode.started, episode.ended
            start = _start(started)
            begun = blake2b(json_line(start), digest_size=16).digest()
            problem = _problem(started)
            if problem is None and begun in written:
                problem = f"begins like {written[begun]}"
            if problem is not None:
                left_out.append((started.uid, problem))
                continue
            written[begun] = started.uid
            told = {"episode": started.uid, "agent": started.agent.name, "return": ended.return_ if ended else None}
            file.write(json_line({**start, **told}))
            members.append(started.uid)
    return Exported(path, len(members), 0, tuple(left_out), tuple(members))


def _start(started: EpisodeStarted) -> dict[str, Any]:
    environment = started.environment
    return {
        "prompt": chat_messages(started, ()),
        "tools": tool_definitions(started),
        "environment": environment.name,
        "environment_kind": environment.kind,
        "environment_kwargs": dict(environment.spec.get("options") or {}),
        "seed": started.seed,
        "task": started.task_id,
        "options": dict(started.options),
        "max_steps": started.max_steps,
    }


def _problem(started: EpisodeStarted) -> str | None:
    if not started.observation:
        return "nothing was seen at its start"
    if started.seed is None and started.task_id is None:
        return "neither seed nor task says what it began with"
    if started.seed is not None and not -_LARGEST_SEED <= started.seed <= _LARGEST_SEED:
        return "its seed has more than 64 bits"
    return None
