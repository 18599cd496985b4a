"""Trainings: rollouts or given trajectories, gradients, an optimizer. Counted, seeded, resumable."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import random
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ldp_tui.alg.callbacks import Callback, Hooks
from ldp_tui.alg.checkpoints import Checkpoint, TrainingState
from ldp_tui.alg.evaluators import (
    Evaluation,
    EvaluatorConfig,
    Progress,
    Watching,
    play_through_dataset,
    with_clearing,
)
from ldp_tui.alg.optimizer.opt import Optimizer
from ldp_tui.alg.rollout import Store
from ldp_tui.alg.task_batches import random_of, task_batches
from ldp_tui.core.agent import Agent
from ldp_tui.core.environment import Environment
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.core.trajectory import Trajectory
from ldp_tui.graph import OpResult, eval_mode, train_mode
from ldp_tui.graph.errors import NotRecorded

logger = logging.getLogger(__name__)

HELD_OUT: Final = 2**30
"""Seeds of evaluations begin so far above those of the training."""


class OnlineTrainerConfig(EvaluatorConfig):
    """How an agent is trained on what it plays."""

    batch_size: int = Field(ge=1, description="Environments in a batch.")
    num_train_iterations: int = Field(ge=0, description="Batches that are trained on; 0 skips training.")
    update_every: int = Field(
        default=1, ge=1, description="Batches between updates of the optimizer; what is left at the end is used too."
    )
    eval_every: int | None = Field(default=None, ge=1, description="Evaluate after so many batches; None: never.")
    eval_before: bool = Field(default=True, description="Evaluate before training, where there is a dataset for it.")


class OfflineTrainerConfig(BaseModel):
    """How an agent is trained on given trajectories."""

    model_config = ConfigDict(extra="forbid")

    batch_size: int = Field(ge=1, description="Trajectories in a batch.")
    update_every: int = Field(
        default=1, ge=1, description="Batches between updates of the optimizer; what is left at the end is used too."
    )
    clear_ctx_at_each_iter: bool = Field(default=False, description="Free what the graph's calls stored at updates.")
    num_epochs: int = Field(default=1, ge=0, description="How often each trajectory is used.")
    seed: int | None = Field(default=None, description="Fixes the order of trajectories.")


class _Training:
    """What both trainers do: count batches, hand them to the optimizer, update it, write checkpoints."""

    def __init__(
        self,
        optimizer: Optimizer,
        callbacks: Sequence[Callback],
        total: int,
        update_every: int,
        *,
        seed: int | None,
        checkpoint_dir: str | os.PathLike[str] | None,
        on_progress: Watching | None,
    ) -> None:
        self._optimizer, self._hooks = optimizer, Hooks(callbacks)
        self._total, self._update_every = total, update_every
        self._checkpoint = None if checkpoint_dir is None else Checkpoint(checkpoint_dir)
        self._on_progress = on_progress
        kind = type(optimizer).__name__
        loaded = None if self._checkpoint is None else self._checkpoint.load(optimizer_type=kind)
        if loaded is not None:
            optimizer.load_state_dict(loaded.optimizer)
        drawn = random.getrandbits(31) if seed is None else seed
        self.state = loaded or TrainingState(seed=drawn, optimizer_type=kind)

    async def take_in(self, trajectories: Sequence[Trajectory]) -> None:
        """Train on one batch."""
        useful = [trajectory for trajectory in trajectories if not trajectory.failed]
        await backpropagate(useful)
        self._optimizer.aggregate(useful)
        self.state.finished = False
        self.state.done += 1
        self.state.episodes += len(trajectories)
        updating = self.state.done % self._update_every == 0 or self.state.done == self._total
        if updating:
            await self._optimizer.update()
            await self._hooks.call("after_update")
        await self._hooks.call("after_train_step", trajectories)
        if updating:
            self._save()
        if self._on_progress is not None:
            self._on_progress(Progress("training", self.state.done, self._total))

    def finish(self) -> None:
        """The training is over: it will not go on from its folder."""
        self.state.finished = True
        self._save()

    def _save(self) -> None:
        if self._checkpoint is not None:
            self.state.optimizer = self._optimizer.state_dict()
            self._checkpoint.save(self.state)


class OnlineTrainer:
    """Plays batches of tasks, computes the gradients of every action, and updates the optimizer.

    With a checkpoint folder, the state is written at each update, and a trainer that finds one there goes on from it;
    one that is finished does nothing. A training that is cancelled ends within a second.

    Args:
        config: How.
        agent: Plays, and holds what the optimizer changes.
        optimizer: Changes it.
        train_dataset: Tasks to train on.
        eval_dataset: Tasks to evaluate on, before, every so often and at the end; None: no evaluation.
        callbacks: Hear of rollouts, batches, updates and evaluations.
        store: Record every episode there.
        checkpoint_dir: Where the state is kept.
        on_progress: Called after each batch.
    """

    def __init__(
        self,
        config: OnlineTrainerConfig,
        agent: Agent[Any],
        optimizer: Optimizer,
        train_dataset: TaskDataset[Any],
        eval_dataset: TaskDataset[Any] | None = None,
        callbacks: Sequence[Callback] | None = None,
        *,
        store: Store | None = None,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        on_progress: Watching | None = None,
    ) -> None:
        if config.eval_every is not None and eval_dataset is None:
            raise ValueError("eval_every needs an eval_dataset.")
        self.config, self.agent, self.optimizer = config, agent, optimizer
        self.train_dataset, self.eval_dataset = train_dataset, eval_dataset
        self.callbacks = with_clearing(callbacks, config.clear_ctx_at_each_iter)
        self.rollout_manager = config.make_rollout_manager(agent, self.callbacks, store)
        self._checkpoint_dir, self._on_progress = checkpoint_dir, on_progress

    async def train(self) -> None:
        """Train, from the beginning or from the checkpoint.

        Raises:
            CheckpointError: If the state cannot be read or written.
        """
        config = self.config
        training = _Training(
            self.optimizer,
            self.callbacks,
            config.num_train_iterations,
            config.update_every,
            seed=config.seed,
            checkpoint_dir=self._checkpoint_dir,
            on_progress=self._on_progress,
        )
        state = training.state
        if state.finished and state.done >= config.num_train_iterations:
            return
        with self.rollout_manager.recording():
            await self._train(training)
        training.finish()

    async def _train(self, training: _Training) -> None:
        config, state = self.config, training.state
        if config.eval_before and not state.done:
            await self.evaluate()
        batches = task_batches(self.train_dataset, config.batch_size, shuffle=True, seed=state.seed, start=state.done)
        while state.done < config.num_train_iterations:
            await self._training_step(training, next(batches))
            if config.eval_every is not None and state.done % config.eval_every == 0:
                await self.evaluate()
        await self.evaluate()

    async def evaluate(self, **overrides: Any) -> Evaluation | None:
        """Play the evaluation dataset once, in evaluation mode; None if there is none.

        With a seed, each evaluation has the same episodes, whose seeds no training episode has.
        """
        if self.eval_dataset is None:
            return None
        seed = None if self.config.seed is None else self.config.seed + HELD_OUT
        config = type(self.config).model_validate({**self.config.model_dump(), "seed": seed, **overrides})
        async with eval_mode:
            return await play_through_dataset(
                self.eval_dataset, self.rollout_manager, config, self.callbacks, rounds=1, on_progress=self._on_progress
            )

    async def _training_step(self, training: _Training, environments: Sequence[Environment[Any]]) -> None:
        config = self.config
        async with train_mode:
            played = await self.rollout_manager.play_again(
                environments,
                config.num_rollouts_per_env,
                max_steps=config.max_rollout_steps,
                seed=None if config.seed is None else config.seed + training.state.episodes,
            )
            await training.take_in(played)


class OfflineTrainer:
    """Updates the optimizer with given trajectories, each `num_epochs` times, in another order each epoch.

    Without trajectories, an epoch is one update, for optimizers that hold samples already. See OnlineTrainer for
    checkpoints.

    Args:
        config: How.
        agent: Holds what the optimizer changes.
        optimizer: Changes it.
        train_trajectories: To train on. Gradients that are not there are computed where their graphs are.
        callbacks: Hear of batches and updates.
        checkpoint_dir: Where the state is kept.
        on_progress: Called after each batch.
    """

    def __init__(
        self,
        config: OfflineTrainerConfig,
        agent: Agent[Any],
        optimizer: Optimizer,
        train_trajectories: Sequence[Trajectory],
        callbacks: Sequence[Callback] | None = None,
        *,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        on_progress: Watching | None = None,
    ) -> None:
        self.config, self.agent, self.optimizer = config, agent, optimizer
        self.train_trajectories = list(train_trajectories)
        self.callbacks = with_clearing(callbacks, config.clear_ctx_at_each_iter)
        self._checkpoint_dir, self._on_progress = checkpoint_dir, on_progress

    async def train(self) -> None:
        """Train, from the beginning or from the checkpoint.

        Raises:
            CheckpointError: If the state cannot be read or written.
        """
        config, count = self.config, len(self.train_trajectories)
        batches = max(1, math.ceil(count / config.batch_size))
        training = _Training(
            self.optimizer,
            self.callbacks,
            batches * config.num_epochs,
            config.update_every,
            seed=config.seed,
            checkpoint_dir=self._checkpoint_dir,
            on_progress=self._on_progress,
        )
        state = training.state
        while state.done < batches * config.num_epochs:
            epoch, batch = divmod(state.done, batches)
            order = list(range(count))
            random_of(state.seed, epoch).shuffle(order)
            chosen = order[batch * config.batch_size : (batch + 1) * config.batch_size]
            await training.take_in([self.train_trajectories[index] for index in chosen])
        training.finish()


async def backpropagate(trajectories: Iterable[Trajectory]) -> None:
    """Compute the gradients of every action that is a result of a graph and has none; in between, others get a turn."""
    for trajectory in trajectories:
        for step in trajectory.steps:
            if isinstance(step.action, OpResult) and step.action.grad is None:
                try:
                    step.action.compute_grads()
                except NotRecorded as error:
                    logger.info("Step %d of %s has no gradients: %s", step.timestep, trajectory.traj_id, error)
        await asyncio.sleep(0)
