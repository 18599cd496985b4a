"""Plays a campaign in this process, or spread over several that record through the same writer."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial

from ldp_tui.engine.campaign import Campaign, EpisodeResult, play_episodes
from ldp_tui.store.writer import Writer

CHUNKS_PER_JOB = 16
"""Each process is given its seeds in about that many portions, so that progress shows and work stays even."""


@dataclass(frozen=True, slots=True)
class CampaignSpec:
    """What to play, as text that other processes understand."""

    environment: str
    agent: str
    database: str
    run_uid: str
    max_steps: int | None = None
    pictures: bool = False


def play_campaign(spec: CampaignSpec, seeds: Sequence[int], *, writer: Writer, jobs: int) -> Iterator[EpisodeResult]:
    """Play one episode per seed; with `jobs` > 1 in that many processes.

    Raises:
        UsageError: If environment or player cannot be made.
        StoreError: If episodes cannot be stored.
    """
    if jobs <= 1:
        yield from _play_here(spec, seeds, writer)
    else:
        yield from _play_in_processes(spec, seeds, min(jobs, len(seeds)))


def play_unrecorded(spec: CampaignSpec, agent: str, seeds: Sequence[int]) -> list[EpisodeResult]:
    """Results of another player on the same environment, without recording them."""
    return list(_play_here(replace(spec, agent=agent, pictures=False), seeds, None))


def _play_here(spec: CampaignSpec, seeds: Sequence[int], writer: Writer | None) -> Iterator[EpisodeResult]:
    from ldp_tui.registry import make_agent, make_environment

    campaign = Campaign(
        make_environment=partial(make_environment, spec.environment),
        make_agent=partial(make_agent, spec.agent),
        writer=writer,
        run_uid=spec.run_uid,
        max_steps=spec.max_steps,
        pictures=spec.pictures,
        concurrency=min(8, len(seeds)),
    )

    with asyncio.Runner() as runner:
        episodes = play_episodes(campaign, seeds)

        async def following() -> EpisodeResult | None:
            return await anext(episodes, None)

        try:
            while (result := runner.run(following())) is not None:
                yield result
        finally:
            runner.run(episodes.aclose())


def _play_in_processes(spec: CampaignSpec, seeds: Sequence[int], jobs: int) -> Iterator[EpisodeResult]:
    size = max(1, len(seeds) // (jobs * CHUNKS_PER_JOB))
    chunks = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    context = multiprocessing.get_context("spawn")  # forking would copy threads' locks
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_ignore_interrupts) as pool:
        waiting: set[Future[list[EpisodeResult]]] = {pool.submit(_play_chunk, spec, chunk) for chunk in chunks}
        try:
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    """Ctrl-C reaches the parent, which ends the pool; a worker finishes its portion."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


_writers: dict[str, Writer] = {}


def _play_chunk(spec: CampaignSpec, seeds: Sequence[int]) -> list[EpisodeResult]:
    from ldp_tui.store import connect_writer

    if spec.database not in _writers:
        _writers[spec.database] = connect_writer(spec.database)
    return list(_play_here(spec, seeds, _writers[spec.database]))
