"""Many episodes of one environment and player, recorded or not: the headless runs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.engine.events import AgentRecord, EndReason, EnvironmentRecord, EpisodeEnded, EpisodeStarted, StepTaken
from ldp_tui.engine.record import record
from ldp_tui.engine.rollout import close_bounded, rollout
from ldp_tui.store.writer import Writer

TURN_SECONDS: Final = 0.02
"""A lane plays so long at a stretch; then the other lanes, an interruption and whoever takes results get a turn."""

MakeEnvironment = Callable[[], tuple[Environment[Any], EnvironmentRecord]]
MakeAgent = Callable[[], tuple[Agent[Any], AgentRecord]]


@dataclass(frozen=True, slots=True)
class EpisodeResult:
    """How one episode went."""

    uid: str
    seed: int | None
    return_: float
    steps: int
    success: bool | None
    reason: EndReason
    detail: str | None
    faults: Mapping[str, int] = field(default_factory=dict)
    """How often a request to the player's model failed, or its reply could not be read, by kind."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is played, and how it is recorded (`writer=None`: not at all).

    Up to `concurrency` episodes run at once in this process: a model's replies, and the disk, are waited for together.
    """

    make_environment: MakeEnvironment
    make_agent: MakeAgent
    writer: Writer | None = None
    run_uid: str = ""
    max_steps: int | None = None
    pictures: bool = False
    concurrency: int = 8


async def play_episodes(campaign: Campaign, seeds: Iterable[int | None]) -> AsyncGenerator[EpisodeResult, None]:
    """Play one episode for each seed; results come in the order in which episodes end.

    Each of the concurrent lanes makes its environment once and resets it for every episode, except after a failure.

    Raises:
        UsageError: If environment or player cannot be made.
        StoreError: If episodes cannot be stored.
    """
    waiting = iter(seeds)
    results: asyncio.Queue[EpisodeResult | None] = asyncio.Queue()

    async def lane() -> None:
        try:
            await _play_lane(campaign, waiting, results)
        finally:
            results.put_nowait(None)

    lanes = [asyncio.ensure_future(lane()) for _ in range(max(1, campaign.concurrency))]
    open_lanes = len(lanes)
    try:
        while open_lanes:
            result = await results.get()
            if result is not None:
                yield result
                continue
            open_lanes -= 1
            for task in lanes:  # what a lane raised ends the campaign
                if task.done() and not task.cancelled() and task.exception() is not None:
                    task.result()
        await asyncio.gather(*lanes)
    finally:
        for task in lanes:
            task.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)


async def _play_lane(
    campaign: Campaign, waiting: Iterator[int | None], results: asyncio.Queue[EpisodeResult | None]
) -> None:
    agent, player = campaign.make_agent()
    made: tuple[Environment[Any], EnvironmentRecord] | None = None
    try:
        for seed in waiting:
            env, environment = made = made or campaign.make_environment()
            result = await _play_one(campaign, env, environment, agent, player, seed)
            results.put_nowait(result)
            await asyncio.sleep(0)  # nothing else lets others have a turn when episodes are short and not recorded
            if result.reason == "failed":
                made = None
                await close_bounded(env)
    finally:
        if made is not None:
            await close_bounded(made[0])


async def _play_one(
    campaign: Campaign,
    env: Environment[Any],
    environment: EnvironmentRecord,
    agent: Agent[Any],
    player: AgentRecord,
    seed: int | None,
) -> EpisodeResult:
    events = rollout(
        env,
        agent,
        environment=environment,
        player=player,
        seed=seed,
        max_steps=campaign.max_steps,
        render=campaign.pictures,
        keep_open=True,
        aloud=False,
    )
    if campaign.writer is not None:
        events = record(events, campaign.writer, run_uid=campaign.run_uid, ack="episode", pictures=campaign.pictures)
    uid, ended, faults = "", None, Counter[str]()
    turn = time.monotonic()
    async with aclosing(events):
        async for event in events:
            if time.monotonic() - turn > TURN_SECONDS:
                await asyncio.sleep(0)
                turn = time.monotonic()
            if isinstance(event, EpisodeStarted):
                uid = event.uid
            elif isinstance(event, StepTaken):
                faults.update(_faults(event))
                faults.update(_failed_requests(event))
            elif isinstance(event, EpisodeEnded):
                faults.update(_failed_requests(event))
                ended = event
    if ended is None:
        raise RuntimeError("A rollout ended without saying so.")
    return EpisodeResult(uid, seed, ended.return_, ended.steps, ended.success, ended.reason, ended.detail, faults)


def _failed_requests(event: StepTaken | EpisodeEnded) -> list[str]:
    """Types of the errors of requests to models, also of those that were asked again."""
    return [generation.error for generation in event.generations if generation.error is not None]


def _faults(step: StepTaken) -> list[str]:
    """Kinds of what could not be read in the replies of a step (see `core.agent.annotate`)."""
    facts = step.info.get("agent")
    listed = facts.get("faults", ()) if isinstance(facts, dict) else ()
    return [str(fault["kind"]) for fault in listed if isinstance(fault, dict) and "kind" in fault]
