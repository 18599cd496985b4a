"""Playing through a task dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ldp_tui.alg.callbacks import Callback, ClearContextCallback, Hooks
from ldp_tui.alg.rollout import RolloutManager, Store
from ldp_tui.alg.task_batches import batches_per_round, task_batches
from ldp_tui.core.agent import Agent
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.core.trajectory import Trajectory
from ldp_tui.graph import eval_mode


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` batches of an evaluation or a training are over."""

    what: Literal["evaluation", "training"]
    done: int
    total: int


Watching = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation came to. `mean_return` is over trajectories that did not fail; None where all did."""

    trajectories: int
    steps: int
    failed: int
    truncated: int
    mean_return: float | None


class EvaluatorConfig(BaseModel):
    """How a dataset is played."""

    model_config = ConfigDict(extra="forbid")

    batch_size: int = Field(default=1, ge=1, description="Environments that are played together.")
    num_eval_iterations: int | None = Field(
        default=None, ge=0, description="Batches; None: until all tasks have come. 0: nothing is done."
    )
    num_rollouts_per_env: int = Field(default=1, ge=1, description="Trajectories of each environment.")
    max_rollout_steps: int | None = Field(default=None, ge=1, description="Steps after which a rollout is truncated.")
    catch_agent_failures: bool = Field(default=True, description="Keep the agent's failures as transitions.")
    catch_env_failures: bool = Field(default=True, description="Keep failures of environments as transitions.")
    clear_ctx_at_each_iter: bool = Field(default=False, description="Free what the graph's calls stored, batchwise.")
    shuffle: bool = Field(default=False, description="Take the tasks in random order.")
    concurrency_limit: int | None = Field(default=None, ge=1, description="Most steps that are under way at once.")
    seed: int | None = Field(default=None, description="Fixes the order of tasks, and the seeds of the episodes.")

    def make_rollout_manager(
        self, agent: Agent[Any], callbacks: Sequence[Callback], store: Store | None = None
    ) -> RolloutManager:
        """What plays the batches."""
        return RolloutManager(
            agent,
            catch_agent_failures=self.catch_agent_failures,
            catch_env_failures=self.catch_env_failures,
            callbacks=callbacks,
            concurrency_limit=self.concurrency_limit,
            store=store,
        )


class Evaluator:
    """Plays the tasks of a dataset with an agent; callbacks hear of the results.

    Args:
        config: How.
        agent: Plays.
        dataset: Finite, or the configuration says how many batches.
        callbacks: Hear of rollouts, batches and the whole.
        store: Record every episode there.
        on_progress: Called after each batch.
    """

    def __init__(
        self,
        config: EvaluatorConfig,
        agent: Agent[Any],
        dataset: TaskDataset[Any],
        callbacks: Sequence[Callback] | None = None,
        *,
        store: Store | None = None,
        on_progress: Watching | None = None,
    ) -> None:
        self.config, self.agent, self.dataset = config, agent, dataset
        self.callbacks = with_clearing(callbacks, config.clear_ctx_at_each_iter)
        self._store, self._on_progress = store, on_progress

    async def evaluate(self, **overrides: Any) -> Evaluation:
        """Play in evaluation mode, in which the graph records nothing. See `run`."""
        async with eval_mode:
            return await self.run(**overrides)

    async def run(self, **overrides: Any) -> Evaluation:
        """Play in the current mode, as to collect trajectories for a training.

        Args:
            overrides: Fields of the configuration for this time; `num_iterations` is short for `num_eval_iterations`.

        Raises:
            ValueError: For an endless dataset without a number of batches, and for a field that does not exist.
        """
        if "num_iterations" in overrides:
            overrides["num_eval_iterations"] = overrides.pop("num_iterations")
        config = type(self.config).model_validate({**self.config.model_dump(), **overrides})
        manager = config.make_rollout_manager(self.agent, self.callbacks, self._store)
        return await play_through_dataset(self.dataset, manager, config, self.callbacks, on_progress=self._on_progress)


async def play_through_dataset(
    dataset: TaskDataset[Any],
    manager: RolloutManager,
    config: EvaluatorConfig,
    callbacks: Sequence[Callback],
    *,
    rounds: int | None = None,
    on_progress: Watching | None = None,
) -> Evaluation:
    """One evaluation; `rounds` replaces the configured number of rollouts per environment."""
    total = config.num_eval_iterations
    if total is None:
        total = batches_per_round(dataset, config.batch_size)
    if total is None:
        raise ValueError(f"{type(dataset).__name__} is endless: num_eval_iterations has to say how many batches.")
    tally = _Tally()
    if not total:
        return tally.sum_up()
    hooks = Hooks(callbacks)
    await hooks.call("before_eval_loop")
    batches = task_batches(dataset, config.batch_size, shuffle=config.shuffle, seed=config.seed)
    with manager.recording():
        for done in range(1, total + 1):
            played = await manager.play_again(
                next(batches),
                rounds or config.num_rollouts_per_env,
                max_steps=config.max_rollout_steps,
                seed=None if config.seed is None else config.seed + tally.trajectories,
            )
            tally.add(played)
            await hooks.call("after_eval_step", played)
            if on_progress is not None:
                on_progress(Progress("evaluation", done, total))
    await hooks.call("after_eval_loop")
    return tally.sum_up()


@dataclass(slots=True)
class _Tally:
    trajectories: int = 0
    steps: int = 0
    failed: int = 0
    truncated: int = 0
    return_: float = 0.0

    def add(self, played: Sequence[Trajectory]) -> None:
        self.trajectories += len(played)
        for each in played:
            self.steps += sum(not step.failed for step in each.steps)
            self.failed += each.failed
            self.truncated += any(step.truncated for step in each.steps)
            if not each.failed:
                self.return_ += sum(step.reward for step in each.steps)

    def sum_up(self) -> Evaluation:
        scored = self.trajectories - self.failed
        mean_return = self.return_ / scored if scored else None
        return Evaluation(self.trajectories, self.steps, self.failed, self.truncated, mean_return)


def with_clearing(callbacks: Sequence[Callback] | None, clear: bool) -> list[Callback]:
    """The callbacks, with one behind them that frees contexts, if wanted."""
    return [*(callbacks or ()), *([ClearContextCallback()] if clear else [])]
