"""A log of Inspect's (`.eval`): its viewer and its functions open it. Written without Inspect, sample after sample."""

from __future__ import annotations

import statistics
import zipfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from ldp_tui import __version__
from ldp_tui.core.errors import UsageError
from ldp_tui.datasets.files import Exported, whole_file
from ldp_tui.datasets.played import LeftOut, json_text
from ldp_tui.datasets.transcript import chat_messages, tool_definitions
from ldp_tui.engine.events import EpisodeEnded
from ldp_tui.engine.replay import RecordedEpisode, load_episode, read_steps
from ldp_tui.store.cleaning import clean_text
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeSummary

_VERSION: Final = 2
"""Of Inspect's log format."""
_PREVIEW: Final = 1000
Json = dict[str, Any]


def write_inspect(reader: Reader, ids: Sequence[int], path: Path, *, reflections: bool = True) -> Exported:
    """Write the episodes of one environment and one player as samples, with the scores `return` and `success`.

    A sample is named after its task, else its seed, else the episode; further episodes of that name are its epochs.
    Rewards are metadata of the score `return`. Failed episodes have their error; running ones are left out and named.

    Raises:
        UsageError: If there are several environments or players.
        FileError: If the file cannot be written; an existing one then stays as it was.
    """
    log = _Log(_one_cell(reader, ids))
    left_out: LeftOut = []
    steps = 0
    with whole_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in ids:
            episode = load_episode(reader, key, pictures=False)
            if episode.ended is None:
                left_out.append((episode.started.uid, "still running"))
                continue
            sample = log.sample(reader, episode, episode.ended, reflections=reflections)
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", _encoded(sample))
            steps += episode.steps
        archive.writestr("summaries.json", _encoded(log.summaries))
        archive.writestr("_journal/start.json", _encoded(log.start()))
        archive.writestr("header.json", _encoded(log.header()))
    return Exported(path, len(log.members), steps, tuple(left_out), tuple(log.members))


def _one_cell(reader: Reader, ids: Sequence[int]) -> tuple[str, str, str]:
    """Environment, player and model of all episodes."""
    cells = dict.fromkeys((one.env, one.agent, one.model or one.agent) for one in reader.summaries(ids))
    if len(cells) != 1:
        names = ", ".join(sorted(f"{env} by {agent}" for env, agent, _ in cells)) or "none"
        raise UsageError(f"A log of Inspect's is of one environment and one player; chosen: {names}.")
    return next(iter(cells))


class _Log:
    """What the samples add up to."""

    def __init__(self, cell: tuple[str, str, str]) -> None:
        self._environment, self._agent, self._model = map(clean_text, cell)
        self._epochs: Counter[str] = Counter()
        self._values: dict[str, list[float]] = {"return": [], "success": []}
        self._usage: Counter[str] = Counter()
        self._tools: list[Json] = []
        self._times: list[int] = []
        self.members: list[str] = []
        self.summaries: list[Json] = []

    def sample(self, reader: Reader, episode: RecordedEpisode, ended: EpisodeEnded, *, reflections: bool) -> Json:
        """An episode, counted."""
        started, summary = episode.started, episode.header.summary
        steps = read_steps(reader, summary.id, 0, episode.steps)
        name = _name(summary)
        self._epochs[name] += 1
        messages = [_message(message) for message in chat_messages(started, steps, reflections=reflections)]
        asked = [_message(message) for message in chat_messages(started, ())]
        last = next((message for message in reversed(messages) if message["role"] == "assistant"), None)
        choices = [] if last is None else [{"message": last, "stop_reason": "stop"}]
        scores = self._scores(ended, [step.reward for step in steps])
        told = {
            "id": name,
            "epoch": self._epochs[name],
            "input": asked,
            "target": "",
            "metadata": {"episode": started.uid, "seed": summary.seed, "task": started.task_id, "ended": ended.reason},
            "scores": scores,
            "model_usage": self._used(summary),
            "started_at": _time(started.started_ns),
            "completed_at": _time(ended.ended_ns),
            "total_time": summary.wall_us / 1e6,
        }
        error = None if ended.reason != "failed" else clean_text(ended.detail or "failed")
        self._tools = self._tools or tool_definitions(started)
        self._times += [started.started_ns, ended.ended_ns]
        self.members.append(started.uid)
        preview = "\n".join(str(message["content"]) for message in asked)[:_PREVIEW]
        self.summaries.append(
            {**told, "input": preview, "completed": error is None, "error": error, "message_count": len(messages)}
        )
        whole = {"messages": messages, "output": {"model": self._model, "choices": choices}, "uuid": started.uid}
        failed = {} if error is None else {"error": {"message": error, "traceback": "", "traceback_ansi": ""}}
        return told | whole | failed

    def start(self) -> Json:
        """What is known before any sample is."""
        return {"version": _VERSION, "eval": self._eval(), "plan": {"name": "recorded"}}

    def header(self) -> Json:
        """Everything but the samples."""
        times = {"started_at": _time(min(self._times, default=0)), "completed_at": _time(max(self._times, default=0))}
        n = len(self.members)
        scores = [_score(name, values, n) for name, values in self._values.items() if values]
        results = {"total_samples": n, "completed_samples": n, "scores": scores}
        usage = {self._model: dict(self._usage)} if self._usage else {}
        stats = {**times, "model_usage": usage}
        return {**self.start(), "status": "success", "results": results, "stats": stats}

    def _eval(self) -> Json:
        names = list(self._epochs)
        return {
            "eval_id": blake2b("\n".join(self.members).encode(), digest_size=11).hexdigest(),
            "created": _time(min(self._times, default=0)),
            "task": self._environment,
            "model": self._model,
            "dataset": {"name": self._environment, "samples": len(names), "sample_ids": names},
            "config": {"epochs": max(self._epochs.values(), default=1)},
            "packages": {"ldp-tui": __version__},
            "metadata": {"player": self._agent, "tools": self._tools},
        }

    def _scores(self, ended: EpisodeEnded, rewards: list[float]) -> Json:
        scores: Json = {"return": {"value": ended.return_, "metadata": {"rewards": rewards}}}
        self._values["return"].append(ended.return_)
        if ended.success is not None:
            scores["success"] = {"value": float(ended.success)}
            self._values["success"].append(float(ended.success))
        return scores

    def _used(self, summary: EpisodeSummary) -> Json:
        if not summary.tokens_in + summary.tokens_out:
            return {}
        used = {"input_tokens": summary.tokens_in, "output_tokens": summary.tokens_out}
        used["total_tokens"] = summary.tokens_in + summary.tokens_out
        self._usage.update(used)
        return {self._model: used}


def _name(summary: EpisodeSummary) -> str:
    if summary.task_id is not None:
        return clean_text(summary.task_id)
    return summary.uid if summary.seed is None else f"seed {summary.seed}"


def _message(message: Json) -> Json:
    """A chat message as Inspect has it: calls flat, arguments as objects."""
    role = "tool" if message["role"] == "function" else message["role"]
    told: Json = {"role": role, "content": _content(message["content"])}
    if role == "tool":
        told |= {"tool_call_id": message.get("tool_call_id"), "function": message.get("name")}
    if calls := message.get("tool_calls"):
        told["tool_calls"] = [{"id": call["id"], "type": "function", **_called(call["function"])} for call in calls]
    return told


def _called(function: Json) -> Json:
    return {"function": function["name"], "arguments": function["arguments"]}


def _content(content: str | list[Any]) -> str | list[Json]:
    if isinstance(content, str):
        return content
    blocks: list[Json] = []
    for block in content:
        if block.get("type") == "image_url":
            url = block["image_url"]
            blocks.append({"type": "image", "image": url["url"] if isinstance(url, dict) else url})
        else:
            blocks.append({"type": "text", "text": str(block.get("text", ""))})
    return blocks


def _score(name: str, values: list[float], samples: int) -> Json:
    mean = statistics.fmean(values)
    metrics = {"mean": {"name": "mean", "value": mean}}
    if len(values) > 1:
        metrics["stderr"] = {"name": "stderr", "value": statistics.stdev(values) / len(values) ** 0.5}
    counts = {"scored_samples": len(values), "unscored_samples": samples - len(values)}
    return {"name": name, "scorer": name, "metrics": metrics, **counts}


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, tz=UTC).isoformat(timespec="microseconds")


def _encoded(value: Any) -> bytes:
    return json_text(value).encode()
