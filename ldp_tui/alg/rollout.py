"""Trajectories in batches: `RolloutManager`, on the same pipe as the app and the command line."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar, overload

from ldp_tui.alg.callbacks.base import Callback
from ldp_tui.alg.concurrency import all_of
from ldp_tui.alg.failures import AgentError, CaughtError, EnvError, reraise_exc_as
from ldp_tui.alg.playing import Play, Stage
from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.core.trajectory import Trajectory, Transition
from ldp_tui.engine.events import AgentRecord, EnvironmentRecord
from ldp_tui.engine.record import new_run_uid
from ldp_tui.engine.rollout import STOP_SECONDS, close_bounded
from ldp_tui.store.connect import connect_writer
from ldp_tui.store.writer import Writer

logger = logging.getLogger(__name__)

__all__ = ["AgentError", "CaughtError", "EnvError", "RolloutManager", "Store", "reraise_exc_as"]

AnyEnv = TypeVar("AnyEnv", bound=Environment[Any])
Store = Writer | Path | str | os.PathLike[str]
"""Where to record: an open writer, or the path of a database that is opened for each call."""


class RolloutManager:
    """Plays many environments at once with one agent.

    A failure of the agent or of an environment becomes the last transition of its trajectory (`failed`, the exception
    in its metadata), unless catching it is turned off: then it is raised as it is, and the other rollouts end. Each
    environment is closed however its rollout ends; a close that fails or hangs costs nothing. A cancellation ends all
    rollouts within a second and leaves no task.

    Args:
        agent: Plays all of them; its states live outside it.
        catch_agent_failures: Keep the agent's failures as transitions.
        catch_env_failures: The same for environments and their tools.
        callbacks: Hear of everything; see `Callback`.
        concurrency_limit: Most steps that are under way at once. Resets and closes are not counted.
        store: Record every episode there; the trajectory's id is the episode's uid.
        pictures: Record renderings too.
        player: Who plays, for the record.
        environment: Which environment it is, for the record.
    """

    def __init__(
        self,
        agent: Agent[Any],
        catch_agent_failures: bool = True,
        catch_env_failures: bool = True,
        callbacks: Sequence[Callback] | None = None,
        concurrency_limit: int | None = None,
        *,
        store: Store | None = None,
        pictures: bool = False,
        player: AgentRecord | None = None,
        environment: Callable[[Environment[Any]], EnvironmentRecord] | None = None,
    ) -> None:
        self.agent = agent
        self.catch_agent_failures = catch_agent_failures
        self.catch_env_failures = catch_env_failures
        self.callbacks = callbacks if callbacks is not None else []
        self.concurrency_limit = concurrency_limit
        self.store = store
        self.run_uid = new_run_uid()
        self._pictures = pictures
        self._player = player
        self._environment = environment
        self._open = 0
        self._writer: Writer | None = None
        self._files = ExitStack()

    @overload
    async def sample_trajectories(
        self,
        *,
        environments: Sequence[Environment[Any]],
        max_steps: int | None = None,
        summarize_exceptions: bool = False,
        seed: int | None = None,
    ) -> list[Trajectory]: ...
    @overload
    async def sample_trajectories(
        self,
        *,
        environment_factory: Callable[[], AnyEnv],
        batch_size: int = 1,
        max_steps: int | None = None,
        summarize_exceptions: bool = False,
        seed: int | None = None,
    ) -> list[tuple[Trajectory, AnyEnv]]: ...
    async def sample_trajectories(
        self,
        *,
        environments: Sequence[Environment[Any]] | None = None,
        environment_factory: Callable[[], Any] | None = None,
        batch_size: int | None = None,
        max_steps: int | None = None,
        summarize_exceptions: bool = False,
        seed: int | None = None,
    ) -> Any:
        """Play given environments, one trajectory each in their order, or new ones from a factory.

        Args:
            environments: `max_steps` then limits each trajectory, whose last step is `truncated`.
            environment_factory: Makes environments for `batch_size` slots. Each slot plays one trajectory after the
                other until it has taken `max_steps` steps (the last trajectory is cut there), or only one without
                `max_steps`. Results are (trajectory, environment) in the order in which they end.
            batch_size: Slots of the factory form; 1 if not given.
            max_steps: At least 1.
            summarize_exceptions: Log how often each failure occurred once at the end, instead of each as it happens.
            seed: The n-th episode is reset with `seed + n`, where environments and agent take seeds.

        Raises:
            TypeError: If not exactly one of the two forms is asked for.
            ValueError: If `max_steps` or `batch_size` is below 1.
        """
        if (environments is None) == (environment_factory is None):
            raise TypeError("sample_trajectories() takes either environments or environment_factory.")
        if environments is not None and batch_size is not None:
            raise TypeError("batch_size belongs to environment_factory; the environments are the batch.")
        if any(number is not None and number < 1 for number in (max_steps, batch_size)):
            raise ValueError("max_steps and batch_size must be at least 1.")
        with self.stage(log_failures=not summarize_exceptions) as stage:
            pairs = None
            if environments is not None:
                trajectories = await self._play_given(stage, environments, max_steps, seed)
            else:
                assert environment_factory is not None
                pairs = await _play_slots(stage, environment_factory, batch_size or 1, max_steps, seed)
                trajectories = [trajectory for trajectory, _ in pairs]
        if summarize_exceptions:
            _summarize(trajectories)
        return trajectories if pairs is None else pairs

    async def play_again(
        self, environments: Sequence[Environment[Any]], rounds: int, *, max_steps: int | None, seed: int | None
    ) -> list[Trajectory]:
        """Play each environment `rounds` times, from a fresh reset each time; they are closed after the last round."""
        played: list[Trajectory] = []
        with self.stage() as stage:
            for number in range(rounds):
                start = None if seed is None else seed + number * len(environments)
                last = number == rounds - 1
                try:
                    played += await self._play_given(stage, environments, max_steps, start, keep_open=not last)
                except BaseException:
                    if not last:
                        await asyncio.gather(*(close_bounded(env, STOP_SECONDS) for env in environments))
                    raise
        return played

    async def _play_given(
        self,
        stage: Stage,
        environments: Sequence[Environment[Any]],
        max_steps: int | None,
        seed: int | None,
        *,
        keep_open: bool = False,
    ) -> list[Trajectory]:
        return await all_of(
            play_through(stage, env, max_steps=max_steps, seed=_nth(seed, index), keep_open=keep_open)
            for index, env in enumerate(environments)
        )

    @contextmanager
    def recording(self) -> Iterator[Writer | None]:
        """Keep the database open over several calls; without this, each call opens it. May be nested."""
        if not self._open:
            self._writer = self._files.enter_context(writing(self.store))
        self._open += 1
        try:
            yield self._writer
        finally:
            self._open -= 1
            if not self._open:
                self._writer = None
                self._files.close()

    @contextmanager
    def stage(self, *, log_failures: bool = True) -> Iterator[Stage]:
        """What the rollouts of one call have in common; a database given by path is open within."""
        limit = self.concurrency_limit
        with self.recording() as writer:
            yield Stage(
                agent=self.agent,
                callbacks=tuple(self.callbacks),
                catch_agent_failures=self.catch_agent_failures,
                catch_env_failures=self.catch_env_failures,
                turns=asyncio.Semaphore(limit) if limit else nullcontext(),
                writer=writer,
                run_uid=self.run_uid,
                pictures=self._pictures,
                player=self._player,
                environment=self._environment,
                log_failures=log_failures,
            )


async def play_through(
    stage: Stage,
    env: Environment[Any],
    *,
    max_steps: int | None = None,
    seed: int | None = None,
    keep_open: bool = False,
) -> Trajectory:
    """One trajectory from reset to its end."""
    steps: list[Transition] = []
    async with Play(stage, env, max_steps=max_steps, seed=seed, keep_open=keep_open) as play:
        step = await play.start()
        while step is not None or play.ended is None:
            if step is not None:
                steps.append(step)
            step = await play.advance()
    return Trajectory(traj_id=play.uid, steps=steps, metadata=await metadata_of(play, seed))


async def metadata_of(play: Play, seed: int | None) -> dict[str, Any]:
    """What a trajectory says of its task: `env_id` where the environment names it, `seed` where there is one."""
    task = None if play.started is None else play.started.task_id
    named: dict[str, Any] = {} if task is None else {"env_id": task}
    if task is None and play.error is not None:  # the reset failed: it may name its task all the same
        named = (await Trajectory.from_env(play.env)).metadata
    return named if seed is None else {**named, "seed": seed}


async def _play_slots(
    stage: Stage, factory: Callable[[], AnyEnv], slots: int, budget: int | None, seed: int | None
) -> list[tuple[Trajectory, AnyEnv]]:
    played: list[tuple[Trajectory, AnyEnv]] = []
    numbers = iter(range(1 << 62))

    async def slot() -> None:
        left = budget
        while left is None or left > 0:
            env = factory()
            trajectory = await play_through(stage, env, max_steps=left, seed=_nth(seed, next(numbers)))
            played.append((trajectory, env))
            if left is None:
                return
            left -= max(1, len(trajectory.steps))

    await all_of(slot() for _ in range(slots))
    return played


def _nth(seed: int | None, index: int) -> int | None:
    return None if seed is None else seed + index


@contextmanager
def writing(store: Store | None) -> Iterator[Writer | None]:
    """The writer to record with: the given one, or one of the database at a path, closed at the end."""
    if store is None or isinstance(store, Writer):
        yield store
        return
    with connect_writer(Path(store)) as writer:
        yield writer


def _summarize(trajectories: Sequence[Trajectory]) -> None:
    failures = Counter(
        str(trajectory.steps[-1].metadata.get("exception"))[:500] for trajectory in trajectories if trajectory.failed
    )
    if failures:
        lines = "\n".join(f"{count:<6d} {text}" for text, count in failures.most_common())
        logger.warning("Caught exceptions:\nCount  Exception\n%s", lines)
