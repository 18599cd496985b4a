"""Plays a campaign in this process, or spread over several that record through the same writer."""

from __future__ import annotations

import asyncio
import itertools
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

from ldp_tui.core.errors import LdpTuiError, UsageError
from ldp_tui.engine.campaign import Campaign, EpisodeResult, play_episodes
from ldp_tui.engine.rollout import close_bounded
from ldp_tui.models.budget import RUN_BUDGET, Budget, SharedBudget, charge_in
from ldp_tui.store.writer import Writer

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

logger = logging.getLogger(__name__)

CHUNKS_PER_JOB = 16
"""Each process is given its seeds in about that many portions, so that progress shows and work stays even."""


class ProcessDied(LdpTuiError):
    """A process that played ended without an answer: killed, out of memory, or ended by its environment."""


@dataclass(frozen=True, slots=True)
class CampaignSpec:
    """What to play, as text that other processes understand."""

    environment: str
    agent: str
    database: str
    run_uid: str
    max_steps: int | None = None
    pictures: bool = False


def run_budget(limit_usd: float | None, *, jobs: int) -> Budget | None:
    """What all episodes of a run may cost together, in however many processes; None: no limit."""
    if limit_usd is None:
        return None
    if jobs <= 1:
        return Budget(limit_usd, name=RUN_BUDGET)
    return SharedBudget(limit_usd, multiprocessing.get_context("spawn").Value("d", 0.0))


def play_campaign(
    spec: CampaignSpec, seeds: Sequence[int], *, writer: Writer, jobs: int, budget: Budget | None = None
) -> Iterator[EpisodeResult]:
    """Play one episode per seed; with `jobs` > 1 in that many processes.

    Once `budget` (see `run_budget`) is used up, episodes under way end as failed at their next request to a model, and
    no further one is begun.

    Raises:
        UsageError: If environment or player cannot be made.
        StoreError: If episodes cannot be stored.
    """
    if jobs <= 1:
        yield from _play_here(spec, seeds, writer, concurrency=min(8, len(seeds)), budget=budget)
    else:
        yield from _play_in_processes(spec, seeds, min(jobs, len(seeds)), budget)


def play_unrecorded(spec: CampaignSpec, seeds: Sequence[int], *, seconds: float) -> list[EpisodeResult]:
    """Results of as many episodes, one after the other, as are begun within `seconds`; nothing is recorded."""
    deadline = time.monotonic() + seconds
    in_time = itertools.takewhile(lambda _seed: time.monotonic() < deadline, seeds)
    return list(_play_here(spec, in_time, None, concurrency=1))


def check_playable(environment: str, agent: str, seed: int | None) -> None:
    """Let the player look at the environment, so that a pair that cannot play is refused before anything is recorded.

    Raises:
        UsageError: If environment or player cannot be made, or the player does not know the environment.
    """
    from ldp_tui.registry import make_agent, make_environment

    env, _ = make_environment(environment)
    player, _ = make_agent(agent)
    try:
        player.prepare(env=env, seed=seed)
    except UsageError:
        raise
    except Exception as error:  # an own player may need a reset first; what its episodes fail of, they record
        logger.info("The player could not look at the environment before the first reset.", exc_info=error)
    finally:
        asyncio.run(close_bounded(env))


def _play_here(
    spec: CampaignSpec, seeds: Iterable[int], writer: Writer | None, *, concurrency: int, budget: Budget | None = None
) -> Iterator[EpisodeResult]:
    from ldp_tui.registry import make_agent, make_environment

    campaign = Campaign(
        make_environment=partial(make_environment, spec.environment),
        make_agent=partial(make_agent, spec.agent),
        writer=writer,
        run_uid=spec.run_uid,
        max_steps=spec.max_steps,
        pictures=spec.pictures,
        concurrency=concurrency,
    )

    context = copy_context()
    if budget is not None:
        charge_in(context, budget)
        seeds = itertools.takewhile(lambda _seed: not budget.used_up, seeds)
    with asyncio.Runner() as runner:
        episodes = play_episodes(campaign, seeds)

        async def following() -> EpisodeResult | None:
            return await anext(episodes, None)

        try:
            while (result := runner.run(following(), context=context)) is not None:
                yield result
        finally:
            runner.run(episodes.aclose(), context=context)


def _play_in_processes(
    spec: CampaignSpec, seeds: Sequence[int], jobs: int, budget: Budget | None
) -> Iterator[EpisodeResult]:
    size = max(1, len(seeds) // (jobs * CHUNKS_PER_JOB))
    chunks = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    context = multiprocessing.get_context("spawn")  # forking would copy threads' locks
    shared = (budget.limit_usd, budget.counter) if isinstance(budget, SharedBudget) else None
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_process, initargs=(shared,)) as pool:
        try:
            with _interrupts_held():  # what arrives meanwhile is raised when the block ends, and ends the processes
                waiting: set[Future[list[EpisodeResult]]] = {pool.submit(_play_chunk, spec, chunk) for chunk in chunks}
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        except BrokenProcessPool as error:
            raise ProcessDied(
                "A process that played died; what it recorded is kept. Play with --jobs 1 to see more."
            ) from error
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()  # what they recorded is kept; an episode may take minutes to end by itself
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until the block ends, and never reaches processes started in it: their parent ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_process(shared: tuple[float, Synchronized[float]] | None) -> None:
    """Take over what all processes may spend together, and end with the parent."""
    if shared is not None:
        _budget.append(SharedBudget(*shared))
    _end_with_parent()


def _end_with_parent() -> None:
    """End this process as soon as its parent has ended, however that happened: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlived, args=(parent,), name="ldp-parent-watch", daemon=True).start()


def _outlived(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


_writers: dict[str, Writer] = {}
_budget: list[Budget] = []
"""Of a process that plays: the run's budget, if there is one."""


def _play_chunk(spec: CampaignSpec, seeds: Sequence[int]) -> list[EpisodeResult]:
    from ldp_tui.store import connect_writer

    if spec.database not in _writers:
        _writers[spec.database] = connect_writer(spec.database)
    return list(
        _play_here(
            spec, seeds, _writers[spec.database], concurrency=min(8, len(seeds)), budget=next(iter(_budget), None)
        )
    )
