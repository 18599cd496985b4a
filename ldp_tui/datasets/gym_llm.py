"""gym-llm's result folder: config.yaml, and for each run a GIF, the raw outputs and a line in results.json."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ldp_tui.core.errors import UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.datasets.files import Exported, whole_file
from ldp_tui.datasets.film import Layout, NoPictures, write_film
from ldp_tui.engine.events import EpisodeStarted
from ldp_tui.engine.replay import load_episode, read_steps
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeSummary

_EVERY_SECONDS: Final = 1.0


@dataclass(slots=True)
class ResultFolder:
    """Writes the folder as runs end, in any order; each file is whole or not there.

    `results.json` holds the runs written so far in the order of their numbers, with the keys of gym-llm; while runs
    end faster than once a second it lags behind, until `finish`.
    """

    path: Path
    gif_fps: float | None = None
    """Pictures a second of the films; None: no films."""
    layout: Layout = "picture"
    _totals: dict[int, tuple[float, int]] = field(default_factory=dict)
    _written: float = 0.0

    def begin(self, config: Mapping[str, Any]) -> None:
        """Make the folder, and write config.yaml."""
        import yaml

        self.path.mkdir(parents=True, exist_ok=True)
        self._write("config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))

    def add(self, reader: Reader, episode: EpisodeSummary, *, number: int) -> None:
        """Write what run `number` (from 0) left.

        Raises:
            NoPictures: If a film is wanted and the episode has none; everything else is written then.
        """
        self.count(episode, number=number)
        if time.monotonic() - self._written > _EVERY_SECONDS:
            self.finish()
        self._write(
            f"{_stem(episode, number)}_raw_outputs.json",
            json.dumps(raw_outputs(reader, episode.id), indent=4, ensure_ascii=False),
        )
        if self.gif_fps is not None:
            film = self.path / f"{_stem(episode, number)}.gif"
            write_film(reader, episode.id, film, kind="gif", fps=self.gif_fps, layout=self.layout)

    def count(self, episode: EpisodeSummary, *, number: int) -> None:
        """Take the run into results.json only: its other files are there already."""
        self._totals[number] = (episode.return_, episode.steps)

    def holds(self, episode: EpisodeSummary, *, number: int) -> bool:
        """Whether all that `add` writes of the run is there."""
        names = [f"{_stem(episode, number)}_raw_outputs.json"]
        names += [f"{_stem(episode, number)}.gif"] if self.gif_fps is not None else []
        return all((self.path / name).exists() for name in names)

    def finish(self) -> None:
        """Bring results.json up to date."""
        self._written = time.monotonic()
        self._write("results.json", json.dumps(self.results(), indent=4))

    def results(self) -> dict[str, Any]:
        """What results.json says."""
        rewards = [self._totals[number][0] for number in sorted(self._totals)]
        steps = [self._totals[number][1] for number in sorted(self._totals)]
        n = max(1, len(rewards))
        return {
            "total_rewards": rewards,
            "total_steps": steps,
            "avg_reward": sum(rewards) / n,
            "avg_steps": sum(steps) / n,
        }

    def _write(self, name: str, text: str) -> None:
        with whole_file(self.path / name, sync=False) as file:
            file.write(text.encode("utf-8", "backslashreplace"))


def _stem(episode: EpisodeSummary, number: int) -> str:
    return f"run_{number}_seed_{episode.seed}"


def raw_outputs(reader: Reader, key: int | str) -> dict[str, dict[str, Any]]:
    """gym-llm's raw outputs: reflection and action of each step, by its number from 1."""
    episode = load_episode(reader, key, pictures=False)
    numbers = action_numbers(episode.started)
    return {
        str(step.index + 1): {"reflection": step.reflection, "action": action_value(step.action, numbers)}
        for step in read_steps(reader, key, 0, episode.steps)
    }


def action_numbers(started: EpisodeStarted) -> dict[str, int]:
    """The number that each named action has in the environment's own space; empty where actions are not numbered."""
    space = str((started.environment.action_space or {}).get("space", ""))
    if not space.startswith("Discrete(") or len(started.tools) != 1:
        return {}
    properties = list(started.tools[0].get("parameters", {}).get("properties", {}).values())
    names = properties[0].get("enum", []) if len(properties) == 1 else []
    start = re.search(r"start=(-?\d+)", space)
    return {name: number for number, name in enumerate(names, int(start[1]) if start else 0)}


def action_value(action: Message, numbers: Mapping[str, int]) -> Any:
    """gym-llm's `action`: the number that the environment's step took.

    Where actions are not numbered: the one argument of the one call; several arguments, calls, or text as they are.
    """
    if not isinstance(action, ToolRequestMessage) or not action.tool_calls:
        return action.content
    calls = [call.function for call in action.tool_calls]
    if len(calls) > 1:
        return [{"name": call.name, "arguments": call.arguments} for call in calls]
    arguments = calls[0].arguments
    if len(arguments) != 1:
        return arguments or calls[0].name
    value = next(iter(arguments.values()))
    return numbers.get(value, value) if isinstance(value, str) else value


def write_gym_llm(
    reader: Reader, ids: Sequence[int], path: Path, *, gif_fps: float | None = 30, layout: Layout = "picture"
) -> Exported:
    """Write episodes as gym-llm's folders: `path` itself for one player in one environment, else one in it for each.

    Runs are numbered in the order of `ids`. Episodes that are still running are left out; and where films are wanted,
    those without pictures have none.

    Raises:
        UsageError: If there is no episode.
        FileError: If a file cannot be written.
    """
    groups: dict[tuple[str, str], list[EpisodeSummary]] = {}
    steps = 0
    left_out: list[tuple[str, str]] = []
    for summary in reader.summaries(ids):
        if summary.status == "running":
            left_out.append((summary.uid, "still running"))
        else:
            groups.setdefault((summary.env, summary.agent), []).append(summary)
    if not groups:
        raise UsageError("There is no ended episode to write.")
    for (environment, agent), summaries in groups.items():
        folder = path if len(groups) == 1 else path / cell_name(environment, agent)
        results = ResultFolder(folder, gif_fps, layout)
        results.begin(_config(reader, summaries, folder, gif_fps))
        for number, summary in enumerate(summaries):
            try:
                results.add(reader, summary, number=number)
            except NoPictures:
                left_out.append((summary.uid, "no pictures, so no film; its raw outputs are written"))
            steps += summary.steps
        results.finish()
    members = tuple(summary.uid for summaries in groups.values() for summary in summaries)
    return Exported(path, len(members), steps, tuple(left_out), members)


def _config(reader: Reader, summaries: Sequence[EpisodeSummary], folder: Path, gif_fps: float | None) -> dict[str, Any]:
    first = load_episode(reader, summaries[0].id, pictures=False).started
    return {
        "agent": {"player": summaries[0].agent},
        "environment": {"name": first.environment.name, "kwargs": dict(first.environment.spec.get("options", {}))},
        "experiment": {
            "parent": str(folder.parent),
            "name": folder.name,
            **_seeds([summary.seed for summary in summaries]),
            "save_gif": gif_fps is not None,
            **({} if gif_fps is None else {"gif_fps": gif_fps}),
        },
    }


def _seeds(texts: Sequence[str | None]) -> dict[str, Any]:
    """`seed` and `num_runs` where seeds follow one another, else the list; unseeded episodes count from 0."""
    seeds = [int(text) for text in texts if text is not None]
    if len(seeds) < len(texts):
        return {"seed": 0, "num_runs": len(texts)}
    if seeds == list(range(seeds[0], seeds[0] + len(seeds))):
        return {"seed": seeds[0], "num_runs": len(seeds)}
    return {"seeds": seeds}


def cell_name(environment: str, agent: str) -> str:
    """Folder name for a player in an environment: only characters that every file system takes."""
    return safe_name(environment) + "__" + safe_name(agent)


def safe_name(text: str) -> str:
    """Text as a part of a path: only characters that every file system takes, 80 at most."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.=") else "-" for c in text).strip(".-")
    return kept[:80] or "unnamed"
