"""What the library shows of the episode under the cursor, read in a few milliseconds whatever its length."""

from __future__ import annotations

import json
from array import array
from dataclasses import asdict, dataclass
from typing import Final

from ldp_tui.engine.events import Rendering
from ldp_tui.engine.replay import load_episode, read_steps, rendering_of
from ldp_tui.store.reader import Reader
from ldp_tui.store.results import EpisodeSummary
from ldp_tui.tui.episode_text import ENDINGS, duration, moment, return_text
from ldp_tui.tui.lane_words import action_text, observation_text

LONGEST_TEXT: Final = 4_000
"""Characters of one text; the replay has the rest."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A titled text."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class EpisodePreview:
    """An episode at a glance. `rendering` is what was seen last; `returns` has one entry per position."""

    summary: EpisodeSummary
    rendering: Rendering
    passages: tuple[Passage, ...]
    facts: tuple[tuple[str, str], ...]
    returns: array[float]


def load_preview(reader: Reader, key: int) -> EpisodePreview:
    """The preview of an episode; raises StoreError."""
    episode = load_episode(reader, key, pictures=False)
    summary, steps = episode.header.summary, episode.steps
    passages = [Passage("first observation", observation_text(episode.started.observation))]
    for step in read_steps(reader, key, max(0, steps - 1), steps):
        passages += [
            Passage("last reflection", step.reflection),
            Passage("last action", action_text(step.action)),
            Passage("last observation", observation_text(step.observation)),
        ]
    if summary.detail:
        passages.insert(0, Passage(ENDINGS[summary.status], summary.detail))
    return EpisodePreview(
        summary=summary,
        rendering=rendering_of(reader.picture(key, steps)),
        passages=tuple(Passage(each.title, _cut(each.text)) for each in passages if each.text.strip()),
        facts=_facts(summary),
        returns=reader.returns(key),
    )


def summary_json(summary: EpisodeSummary) -> str:
    """An episode's line as JSON, for the clipboard. A NaN or infinite return is told by its tag."""
    return json.dumps(asdict(summary), ensure_ascii=False, indent=2)


def _facts(summary: EpisodeSummary) -> tuple[tuple[str, str], ...]:
    tokens = summary.tokens_in + summary.tokens_out
    told = {
        "environment": summary.env,
        "task": summary.task_id or "",
        "agent": summary.agent,
        "model": summary.model or "",
        "seed": summary.seed or "",
        "steps": f"{summary.steps:,}",
        "return": return_text(summary),
        "end": ENDINGS[summary.status],
        "success": "" if summary.success is None else "yes" if summary.success else "no",
        "took": duration(summary.wall_us / 1e6) if summary.wall_us else "",
        "tokens": f"{tokens:,}" if tokens else "",
        "cost": f"${summary.cost_usd:.4f}" if summary.cost_usd else "",
        "started": moment(summary.started_ns),
        "fork of": f"{summary.parent_uid} at {summary.fork_t}" if summary.parent_uid else "",
        "uid": summary.uid,
    }
    return tuple((name, value) for name, value in told.items() if value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
