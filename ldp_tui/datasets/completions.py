"""Prompts with what was answered: for supervised fine-tuning, and with a verdict for KTO."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ldp_tui.datasets.files import Exported, whole_file
from ldp_tui.datasets.formats import Completion
from ldp_tui.datasets.played import LeftOut, answers_something, conversation, json_line, played_episodes
from ldp_tui.datasets.transcript import tool_definitions
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, StepTaken
from ldp_tui.store.reader import Reader


def write_prompt_completion(
    reader: Reader, ids: Iterable[int], path: Path, *, completion: Completion = "action", reflections: bool = True
) -> Exported:
    """Write `prompt`, `completion`, `tools` and where they come from: a line per action, or one per episode.

    With a line per action the file grows with the square of an episode's steps, as each prompt holds all before it.

    Raises:
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    return _write(reader, ids, path, completion, reflections, lambda _: {})


def write_unpaired(
    reader: Reader,
    ids: Iterable[int],
    path: Path,
    *,
    threshold: float | None = None,
    completion: Completion = "action",
    reflections: bool = True,
) -> Exported:
    """Write `prompt`, `completion`, `label`, `tools` and where they come from, as TRL's KTOTrainer reads them.

    The label of an episode, which all its lines have, is whether its return is at least `threshold`; without one,
    whether it succeeded. Episodes whose task does not define success are then left out and named.

    Raises:
        FileError: If the file cannot be written; an existing one then stays as it was.
    """

    def labelled(ended: EpisodeEnded) -> dict[str, Any] | None:
        label = ended.success if threshold is None else ended.return_ >= threshold
        return None if label is None else {"label": label}

    return _write(reader, ids, path, completion, reflections, labelled)


def _write(
    reader: Reader,
    ids: Iterable[int],
    path: Path,
    completion: Completion,
    reflections: bool,
    verdict: Callable[[EpisodeEnded], dict[str, Any] | None],
) -> Exported:
    """Write the lines of each episode, with what `verdict` adds to them; None where the episode has none."""
    rows = steps = 0
    members: list[str] = []
    left_out: LeftOut = []
    with whole_file(path) as file:
        for episode, ended, taken in played_episodes(reader, ids, left_out):
            added = verdict(ended)
            if added is None:
                left_out.append((episode.started.uid, "its task does not define success; give a threshold of returns"))
                continue
            masked = reader.masked_rows(episode.header.summary.id)
            before = rows
            for row in _rows(episode.started, ended, taken, completion, masked, reflections=reflections):
                file.write(json_line(row | added))
                rows += 1
            if rows == before:
                reason = "no action of it is to be trained on, or none answers anything"
                left_out.append((episode.started.uid, reason))
                continue
            members.append(episode.started.uid)
            steps += len(taken)
    return Exported(path, len(members), steps, tuple(left_out), tuple(members), rows)


def _rows(
    started: EpisodeStarted,
    ended: EpisodeEnded,
    steps: list[StepTaken],
    completion: Completion,
    masked: frozenset[int],
    *,
    reflections: bool,
) -> Iterator[dict[str, Any]]:
    """The lines of an episode, without those of single actions that are not to be trained on, or answer nothing."""
    tools = tool_definitions(started)
    turns = conversation(started, steps, reflections=reflections).turns(completion)
    for index, (prompt, answer) in enumerate(turns):
        if not answers_something(prompt) or (completion == "action" and index + 1 in masked):
            continue
        yield {
            "prompt": prompt,
            "completion": answer,
            "tools": tools,
            "episode": started.uid,
            "step": index,
            "environment": started.environment.name,
            "agent": started.agent.name,
            "seed": None if started.seed is None else str(started.seed),
            "return": ended.return_,
        }
