"""Episodes and their steps as CSV: one header line, then rows, quoted as RFC 4180 says."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any, Final

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.datasets.files import Exported, whole_file
from ldp_tui.datasets.played import json_text
from ldp_tui.engine.events import StepTaken
from ldp_tui.engine.replay import PAGE, load_episode, read_steps
from ldp_tui.store.cleaning import clean_text
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeSummary

_NAMES: Final = {"return_": "return", "id": "number"}
EPISODE_COLUMNS: Final = tuple(_NAMES.get(field.name, field.name) for field in fields(EpisodeSummary))
STEP_COLUMNS: Final = (
    "uid", "env", "agent", "seed", "step", "tool", "arguments", "content", "observation", "reward", "return",
    "terminated", "truncated", "value", "reflection", "agent_us", "env_us", "tokens_in", "tokens_out", "cost_usd",
)  # fmt: skip
_AT_ONCE: Final = 200


def write_csv(reader: Reader, ids: Sequence[int], path: Path, *, steps: bool = False) -> Exported:
    """Write one row per episode, however it ended; with `steps`, one per step instead.

    Times are nanoseconds since 1970 (`_ns`) or microseconds (`_us`); truth is `true`/`false`, what is unknown is empty.
    `arguments` is JSON; a step of several calls has their names joined by `+`, and a list of arguments.

    Raises:
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    members: list[str] = []
    taken = rows = 0
    with whole_file(path) as file:
        writer = csv.writer(_Encoded(file))
        writer.writerow(STEP_COLUMNS if steps else EPISODE_COLUMNS)
        for start in range(0, len(ids), _AT_ONCE):
            for summary in reader.summaries(ids[start : start + _AT_ONCE]):
                for row in _step_rows(reader, summary) if steps else (_episode_row(summary),):
                    writer.writerow([_cell(value) for value in row])
                    rows += 1
                members.append(summary.uid)
                taken += summary.steps
    return Exported(path, len(members), taken, (), tuple(members), rows)


@dataclass(frozen=True, slots=True)
class _Encoded:
    """What the csv module writes to, in UTF-8."""

    file: IO[bytes]

    def write(self, text: str) -> int:
        return self.file.write(text.encode())


def _episode_row(summary: EpisodeSummary) -> Iterable[Any]:
    return (getattr(summary, field.name) for field in fields(summary))


def _step_rows(reader: Reader, summary: EpisodeSummary) -> Iterator[Iterable[Any]]:
    episode = load_episode(reader, summary.id, pictures=False)
    total = 0.0
    for start in range(0, episode.steps, PAGE):
        for step in read_steps(reader, summary.id, start, min(start + PAGE, episode.steps)):
            total += step.reward
            yield summary.uid, summary.env, summary.agent, summary.seed, step.index, *_step_cells(step, total)


def _step_cells(step: StepTaken, total: float) -> tuple[Any, ...]:
    usage = step.usage
    return (
        *_action_cells(step.action),
        "\n".join(message.content or "" for message in step.observation),
        step.reward,
        total,
        step.terminated,
        step.truncated,
        step.value,
        step.reflection,
        step.agent_us,
        step.env_us,
        *((None, None, None) if usage is None else (usage.tokens_in, usage.tokens_out, usage.cost_usd)),
    )


def _action_cells(action: Message) -> tuple[str, Any, str]:
    """Tool, arguments and content."""
    calls = [call.function for call in action.tool_calls] if isinstance(action, ToolRequestMessage) else []
    if not calls:
        return "", None, action.content or ""
    arguments = calls[0].arguments if len(calls) == 1 else [call.arguments for call in calls]
    return "+".join(call.name for call in calls), arguments, action.content or ""


def _cell(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return clean_text(value)
        case dict() | list() | tuple():
            return json_text(value)
    return value
