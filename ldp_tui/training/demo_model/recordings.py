"""The teacher's episodes: played through the same pipe as everybody's, stored, and read back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Final

from ldp_tui.core.agent import Agent
from ldp_tui.engine.campaign import Campaign, play_episodes
from ldp_tui.engine.events import AgentRecord, EpisodeStarted, StepTaken
from ldp_tui.engine.replay import load_episode, read_steps
from ldp_tui.registry import make_environment
from ldp_tui.store import Reader, connect_writer
from ldp_tui.store.results import EpisodeFilter
from ldp_tui.training.demo_model.games import Lesson
from ldp_tui.training.demo_model.teacher import Teacher, TeacherState

LANES: Final = 16
"""Episodes that are played at once, so that the disk is waited for together."""

Progress = Callable[[str], None]


def record_lessons(database: Path, lessons: Sequence[Lesson], *, progress: Progress) -> None:
    """Play all lessons; the episodes of each are a run that is named after its environment."""
    with connect_writer(database) as writer:
        for lesson in lessons:
            campaign = Campaign(
                make_environment=partial(make_environment, lesson.environment),
                make_agent=partial(_teacher, lesson.exploration),
                writer=writer,
                run_uid=lesson.environment,
                max_steps=lesson.max_steps,
                concurrency=LANES,
            )
            asyncio.run(_play(campaign, lesson.episodes))
            progress(f"recorded {lesson.episodes} episodes of {lesson.environment}")


def read_lesson(database: Path, lesson: Lesson) -> Iterator[tuple[EpisodeStarted, list[StepTaken]]]:
    """The stored episodes of a lesson, in the order of their seeds."""
    with Reader(database) as reader:
        stored = reader.summaries(reader.episode_ids(EpisodeFilter(run_uid=lesson.environment)))
        for episode in sorted(stored, key=lambda summary: int(summary.seed or 0)):
            started = load_episode(reader, episode.id, pictures=False).started
            yield started, read_steps(reader, episode.id, 0, episode.steps)


async def _play(campaign: Campaign, episodes: int) -> None:
    async with aclosing(play_episodes(campaign, range(episodes))) as results:
        async for _ in results:
            pass


def _teacher(exploration: float) -> tuple[Agent[TeacherState], AgentRecord]:
    return Teacher(exploration=exploration), AgentRecord("teacher", "policy", None, {"exploration": exploration})
