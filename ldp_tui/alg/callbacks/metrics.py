"""Numbers of batches of trajectories: computed, averaged, logged. The mean of nothing is None."""

from __future__ import annotations

import importlib
import logging
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ldp_tui.alg.callbacks.base import Callback
from ldp_tui.core.errors import MissingExtra
from ldp_tui.core.messages import Message
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.core.trajectory import Trajectory

logger = logging.getLogger(__name__)

Metrics = dict[str, list[float]]
"""By name, one number per trajectory for which it is defined."""
Means = dict[str, float | None]


class ComputeTrajectoryMetricsMixin:
    """For task datasets: the metrics of trajectories. Override `compute_trajectory_metrics` to add your own."""

    tools_to_track: Collection[str | Tool] = frozenset()
    """Tools whose calls are counted, one metric `tool_NAME` each."""

    def compute_trajectory_metrics(self, trajectories: Sequence[Trajectory]) -> Metrics:
        """reward (return), truncation_rate, avg_value, num_steps, failures, and tool_NAME (calls).

        A trajectory without steps has no average value, so that this list may be shorter than the others.
        """
        metrics: Metrics = {
            "reward": [sum(step.reward for step in each.steps) for each in trajectories],
            "truncation_rate": [float(any(step.truncated for step in each.steps)) for each in trajectories],
            "avg_value": [sum(s.value for s in each.steps) / len(each.steps) for each in trajectories if each.steps],
            "num_steps": [len(each.steps) for each in trajectories],
            "failures": [float(each.failed) for each in trajectories],
        }
        for tool in self.tools_to_track:
            name = tool.info.name if isinstance(tool, Tool) else tool
            metrics[f"tool_{name}"] = [_calls(each, name) for each in trajectories]
        return metrics


def _calls(trajectory: Trajectory, tool: str) -> float:
    messages = (getattr(step.action, "value", None) for step in trajectory.steps)
    requests = (message for message in messages if isinstance(message, ToolRequestMessage))
    return sum(call.function.name == tool for request in requests for call in request.tool_calls)


def mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean; None of nothing."""
    return math.fsum(values) / len(values) if values else None


class TrajectoryMetricsCallback(Callback):
    """Computes the metrics that task datasets define, of each training batch and of each whole evaluation.

    A dataset without ComputeTrajectoryMetricsMixin is measured by the metrics of the mixin.
    """

    def __init__(
        self,
        train_dataset: TaskDataset[Any] | None = None,
        eval_dataset: TaskDataset[Any] | None = None,
        track_tool_usage: bool = False,
    ) -> None:
        self._train = _measured(train_dataset)
        self._eval = _measured(eval_dataset)
        self._track_tool_usage = track_tool_usage
        self._train_metrics: Metrics | None = None
        self._eval_metrics: Metrics = {}

    async def after_env_reset(self, traj_id: str, obs: list[Message], tools: list[Tool]) -> None:
        """Count the calls of these tools too, beside those of other environments of the dataset."""
        if self._track_tool_usage:
            for dataset in (self._train, self._eval):
                if dataset is not None:
                    known = {tool.info.name if isinstance(tool, Tool) else tool for tool in dataset.tools_to_track}
                    dataset.tools_to_track = known | {tool.info.name for tool in tools}

    async def after_train_step(self, trajectories: Sequence[Trajectory]) -> None:
        """Measure the batch."""
        if self._train is not None:
            self._train_metrics = self._train.compute_trajectory_metrics(trajectories)

    async def before_eval_loop(self) -> None:
        """Forget an evaluation that was broken off."""
        self._eval_metrics.clear()

    async def after_eval_step(self, trajectories: Sequence[Trajectory]) -> None:
        """Measure the batch and add it to the evaluation."""
        if self._eval is not None:
            for name, values in self._eval.compute_trajectory_metrics(trajectories).items():
                self._eval_metrics.setdefault(name, []).extend(values)

    async def after_eval_loop(self) -> None:
        """Start the next evaluation from nothing."""
        self._eval_metrics.clear()


def _measured(dataset: TaskDataset[Any] | None) -> ComputeTrajectoryMetricsMixin | None:
    if dataset is None or isinstance(dataset, ComputeTrajectoryMetricsMixin):
        return dataset
    return ComputeTrajectoryMetricsMixin()


class MeanMetricsCallback(TrajectoryMetricsCallback):
    """Means of all metrics over the newest training batch and the newest evaluation."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._train_means: Means | None = None
        self._eval_means: Means | None = None

    async def after_train_step(self, trajectories: Sequence[Trajectory]) -> None:
        """Measure the batch and average."""
        await super().after_train_step(trajectories)
        if self._train_metrics is not None:
            self._train_means = means(self._train_metrics)

    async def after_eval_loop(self) -> None:
        """Average over the evaluation."""
        if self._eval is not None:
            self._eval_means = means(self._eval_metrics)
        await super().after_eval_loop()

    @property
    def train_means(self) -> Means:
        """Mean by metric; None where nothing was measured. Raises RuntimeError before the first batch."""
        return _known(self._train_means, "training batch")

    @property
    def eval_means(self) -> Means:
        """Mean by metric; None where nothing was measured. Raises RuntimeError before the first evaluation."""
        return _known(self._eval_means, "evaluation")


def means(metrics: Mapping[str, Sequence[float]]) -> Means:
    """Mean by metric; None where there is no value."""
    return {name: mean(values) for name, values in metrics.items()}


def _known(found: Means | None, what: str) -> Means:
    if found is None:
        raise RuntimeError(f"There are no means yet: no {what} of a dataset that was given to this callback is over.")
    return found


class LoggingCallback(MeanMetricsCallback):
    """Logs the means of each training batch and each evaluation; `metrics_to_log` restricts which."""

    def __init__(
        self,
        train_dataset: TaskDataset[Any] | None = None,
        eval_dataset: TaskDataset[Any] | None = None,
        metrics_to_log: Collection[str] | None = None,
        track_tool_usage: bool = False,
    ) -> None:
        super().__init__(train_dataset, eval_dataset, track_tool_usage)
        self.metrics_to_log = frozenset(metrics_to_log or ())

    async def after_train_step(self, trajectories: Sequence[Trajectory]) -> None:
        """Log the batch, if there is a training dataset."""
        await super().after_train_step(trajectories)
        if self._train_means is not None:
            self._log("Train", self._train_means)

    async def after_eval_loop(self) -> None:
        """Log the evaluation, if there is an evaluation dataset."""
        await super().after_eval_loop()
        if self._eval_means is not None:
            self._log("Eval", self._eval_means)

    def _log(self, kind: str, found: Means) -> None:
        for name, value in found.items():
            if not self.metrics_to_log or name in self.metrics_to_log:
                logger.info("%s %s: %s", kind, name.upper(), "none" if value is None else f"{value:.4f}")


class WandBLoggingCallback(TrajectoryMetricsCallback):
    """Sends the means to Weights & Biases: to `run`, anything with its `log`, else to the current run of `wandb`.

    Raises:
        MissingExtra: At construction, where no run is given and `wandb` is not installed.
    """

    def __init__(self, *args: Any, run: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._run = _wandb() if run is None else run
        self._num_train_step = 0

    async def after_train_step(self, trajectories: Sequence[Trajectory]) -> None:
        """Send the batch, with the number of the training step."""
        await super().after_train_step(trajectories)
        self._num_train_step += 1
        if self._train_metrics is not None:
            named = {f"train/{name}_mean": value for name, value in means(self._train_metrics).items()}
            self._run.log({**named, "train/step": self._num_train_step})

    async def after_eval_loop(self) -> None:
        """Send the evaluation."""
        if self._eval_metrics:
            self._run.log({f"eval/{name}_mean": value for name, value in means(self._eval_metrics).items()})
        await super().after_eval_loop()


def _wandb() -> Any:
    try:
        return importlib.import_module("wandb")
    except ImportError as error:
        raise MissingExtra("Logging to Weights & Biases", "monitor") from error
