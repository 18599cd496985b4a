"""How well a model's folder plays: real players through the real pipe, many episodes at once, on fixed seeds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from ldp_tui.agents.known_games import SUPPORTED
from ldp_tui.agents.native import native_environment
from ldp_tui.agents.players import tiny_player
from ldp_tui.agents.references import reference_values_of
from ldp_tui.core.agent import Agent
from ldp_tui.core.errors import EnvError
from ldp_tui.core.intervals import Estimate, mean_interval, rate_interval
from ldp_tui.engine.campaign import Campaign, EpisodeResult, play_episodes
from ldp_tui.engine.events import AgentRecord
from ldp_tui.registry import make_environment

Progress = Callable[[str], None]
Mode = Literal["greedy", "scored"]
MODES: Final[Sequence[Mode]] = ("greedy", "scored")
FIRST_SEED: Final = 1_000_000
"""Seeds of evaluation begin here; those of training end far below."""
LANES: Final = 64


@dataclass(frozen=True, slots=True)
class Exam:
    """What is played, how often, and what must be reached."""

    environment: str
    episodes: int
    least: float
    """The mean return that is asked for."""
    max_steps: int | None = None
    """For environments that cut no episode themselves."""


EXAMS: Final = (
    Exam("Blackjack-v1", 20_000, -0.06),
    Exam("Blackjack-v1,sab=false", 5_000, -0.06),
    Exam("FrozenLake-v1,is_slippery=false", 2_000, 1.0),
    Exam("FrozenLake-v1", 2_000, 0.70),
    Exam("FrozenLake8x8-v1,is_slippery=false", 500, 1.0),
    Exam("FrozenLake8x8-v1", 500, 0.85),
    Exam("CliffWalking-v1", 2_000, -13.0, max_steps=100),
    Exam("Taxi-v4", 2_000, 7.8),
    Exam("blackjack_llm", 20_000, -0.06),
    Exam("taxi_llm", 2_000, 7.8),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What one player reached in one exam; `random` and `optimal` are exact."""

    exam: Exam
    mode: Mode
    returns: Estimate
    success: Estimate | None
    failed: int
    unread: int
    """Replies in which no action could be read."""
    steps: int
    random: float | None
    optimal: float | None

    @property
    def passed(self) -> bool:
        """Whether every episode was played to its end, and the mean is what was asked for."""
        return self.failed == 0 and self.returns.mean >= self.exam.least


def take_exam(folder: Path, exam: Exam, mode: Mode) -> Result:
    """Play all episodes of an exam."""
    env, _ = make_environment(exam.environment)
    native = native_environment(env, player="tiny", supported=SUPPORTED)
    references = {one.name: one.value for one in reference_values_of(native.gym_env, max_steps=exam.max_steps)}
    campaign = Campaign(
        make_environment=partial(make_environment, exam.environment),
        make_agent=partial(_player, folder, mode),
        max_steps=exam.max_steps,
        concurrency=LANES,
    )
    results = asyncio.run(_play(campaign, exam.episodes))
    played = [result for result in results if result.reason != "failed"]
    successes = [result.success for result in played if result.success is not None]
    estimate = mean_interval([result.return_ for result in played])
    if estimate is None:
        raise EnvError(f"No episode of {exam.environment} could be played: {results[0].detail}.")
    return Result(
        exam=exam,
        mode=mode,
        returns=estimate,
        success=rate_interval(sum(successes), len(successes)),
        failed=len(results) - len(played),
        unread=sum(sum(result.faults.values()) for result in results),
        steps=sum(result.steps for result in results),
        random=references.get("random"),
        optimal=references.get("optimal"),
    )


async def _play(campaign: Campaign, episodes: int) -> list[EpisodeResult]:
    async with aclosing(play_episodes(campaign, range(FIRST_SEED, FIRST_SEED + episodes))) as results:
        return [result async for result in results]


def _player(folder: Path, mode: Mode) -> tuple[Agent[Any], AgentRecord]:
    choose = "score" if mode == "scored" else "reply"
    agent = tiny_player(str(folder), choose=choose, retries=0, weigh=False, stream=False)
    return agent, AgentRecord("tiny", agent.kind, str(folder), {"choose": choose})
