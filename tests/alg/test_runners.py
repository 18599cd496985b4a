"""Evaluators and trainers: how often, in which order, with which seeds; ends, resumes, stops."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ldp_tui import Reader
from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.alg import (
    Callback,
    CheckpointError,
    DummyTaskDataset,
    Evaluator,
    EvaluatorConfig,
    MeanMetricsCallback,
    OfflineTrainer,
    OfflineTrainerConfig,
    OnlineTrainer,
    OnlineTrainerConfig,
    Optimizer,
    Progress,
    RolloutManager,
    StoreTrajectoriesCallback,
)
from ldp_tui.alg.task_batches import task_batches
from ldp_tui.core.agent import Agent
from ldp_tui.core.messages import Message
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.core.trajectory import Trajectory
from ldp_tui.graph import FxnOp, OpResult, compute_graph, get_training_mode
from tests.engine.playing import Counter, Going


class Numbered(Counter):
    """The task of a number."""

    def __init__(self, task: int, **on: Any) -> None:
        super().__init__(1, **on)
        self.task = task

    async def get_id(self) -> str:
        return str(self.task)


class Tasks(TaskDataset[Numbered]):
    """`size` tasks; those in `broken` cannot be played."""

    def __init__(self, size: int, broken: Sequence[int] = ()) -> None:
        self.size, self.broken = size, broken
        self.made: list[Numbered] = []

    def __len__(self) -> int:
        return self.size

    def get_new_env_by_idx(self, idx: int) -> Numbered:
        on = {"step": lambda _: 1 / 0} if idx in self.broken else {}
        self.made.append(Numbered(idx, **on))
        return self.made[-1]


class Counting(Optimizer):
    """Counts what it is given."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.updates: list[int] = []
        self.loaded: dict[str, Any] = {}

    def aggregate_trajectory(self, trajectory: Trajectory) -> None:
        self.taken.append(str(trajectory.metadata.get("env_id")))

    async def update(self) -> None:
        self.updates.append(len(self.taken))

    def state_dict(self) -> dict[str, Any]:
        return {"taken": self.taken}

    def load_state_dict(self, state: Any) -> None:
        self.loaded = state
        self.taken = list(state["taken"])


class Moments(Callback):
    """The moments of runners, in their order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.batches: list[list[str]] = []

    async def before_eval_loop(self) -> None:
        self.log.append("before_eval")

    async def after_eval_step(self, trajectories: Sequence[Trajectory]) -> None:
        self.log.append("eval")
        self.batches.append([str(trajectory.metadata["env_id"]) for trajectory in trajectories])

    async def after_eval_loop(self) -> None:
        self.log.append("after_eval")

    async def after_train_step(self, trajectories: Sequence[Trajectory]) -> None:
        self.log.append("train")
        self.batches.append([str(trajectory.metadata["env_id"]) for trajectory in trajectories])

    async def after_update(self) -> None:
        self.log.append("update")


def evaluator(tasks: TaskDataset[Any], *callbacks: Callback, **settings: Any) -> Evaluator:
    return Evaluator(EvaluatorConfig(**settings), Going(), tasks, list(callbacks))


async def test_evaluation() -> None:
    """Every task once, in batches; the sum of it is returned."""
    moments = Moments()
    result = await evaluator(Tasks(5, broken=[3]), moments, batch_size=2).evaluate()
    assert moments.batches == [["0", "1"], ["2", "3"], ["4"]]
    assert moments.log == ["before_eval", "eval", "eval", "eval", "after_eval"]
    assert (result.trajectories, result.steps, result.failed, result.truncated) == (5, 4, 1, 0)
    assert result.mean_return == 1.0


async def test_evaluation_in_which_all_fails() -> None:
    """It has no mean."""
    assert (await evaluator(Tasks(2, broken=[0, 1])).evaluate()).mean_return is None


@pytest.mark.parametrize("number", [1, 4])
async def test_evaluation_of_a_number_of_batches(number: int) -> None:
    """Fewer than there are, or more: then the tasks begin anew."""
    moments = Moments()
    await evaluator(Tasks(3), moments).evaluate(num_iterations=number)
    assert [batch for (batch,) in moments.batches] == ["0", "1", "2", "0"][:number]


async def test_evaluation_of_no_batches() -> None:
    """Nothing happens."""
    moments = Moments()
    assert (await evaluator(Tasks(3), moments, num_eval_iterations=0).evaluate()).trajectories == 0
    assert moments.log == []


async def test_endless_dataset() -> None:
    """It needs a number of batches."""
    with pytest.raises(ValueError, match="endless"):
        await evaluator(DummyTaskDataset()).evaluate()
    agent = ScriptedAgent([("print_story", {"story": "once"})], repeat=True)
    assert (await Evaluator(EvaluatorConfig(num_eval_iterations=2), agent, DummyTaskDataset()).evaluate()).steps == 2


async def test_empty_dataset() -> None:
    """An evaluation of it is nothing; a training has nothing to train on, and says so."""
    assert (await evaluator(Tasks(0)).evaluate()).trajectories == 0
    with pytest.raises(ValueError, match="has no tasks"):
        await trainer(Tasks(0)).train()
    with pytest.raises(ValueError, match="has no tasks"):
        await evaluator(Tasks(0), num_eval_iterations=1).evaluate()


async def test_several_rollouts_of_each() -> None:
    """The same environments, reset again with seeds of their own and closed once, after the last."""
    tasks, moments = Tasks(2), Moments()
    await evaluator(tasks, moments, batch_size=2, num_rollouts_per_env=3, seed=10).evaluate()
    assert moments.batches == [["0", "1"] * 3]
    assert [env.closed for env in tasks.made] == [1, 1]
    assert [env.seed for env in tasks.made] == [14, 15]


async def test_several_rollouts_that_are_stopped() -> None:
    """The environments are closed, in whichever round."""
    tasks, second = Tasks(1), asyncio.Event()

    async def think(obs: list[Message]) -> None:
        if tasks.made[0].seed == 1:
            second.set()
            await asyncio.Event().wait()

    runner = Evaluator(EvaluatorConfig(num_rollouts_per_env=3, seed=0), Going(choose=think), tasks)
    task = asyncio.ensure_future(runner.evaluate())
    await second.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tasks.made[0].closed == 1


async def test_mode_of_evaluations() -> None:
    """`evaluate` turns training off for the agent, `run` leaves it as it is; both are as before afterwards."""
    modes: list[bool] = []
    runner = Evaluator(EvaluatorConfig(), Going(choose=lambda _: modes.append(get_training_mode())), Tasks(1))
    await runner.evaluate()
    await runner.run()
    assert modes == [False, True]
    assert get_training_mode()


@pytest.mark.parametrize("settings", [{"batchsize": 1}, {"batch_size": 0}, {"max_rollout_steps": 0}])
async def test_settings_that_mean_nothing(settings: dict[str, Any]) -> None:
    """They are refused, in the configuration and for one time."""
    with pytest.raises(ValueError, match="validation error"):
        EvaluatorConfig(**settings)
    with pytest.raises(ValueError, match="validation error"):
        await evaluator(Tasks(1)).evaluate(**settings)


async def test_progress() -> None:
    """It is told after each batch, and nothing is printed."""
    told: list[Progress] = []
    await Evaluator(EvaluatorConfig(), Going(), Tasks(2), on_progress=told.append).evaluate()
    assert told == [Progress("evaluation", 1, 2), Progress("evaluation", 2, 2)]


def test_progress_bars_that_are_turned_off() -> None:
    """They decide nothing: the environment variable of tqdm changes no run, and nothing is written."""
    script = """
import asyncio
from tests.alg.test_runners import Counting, Going, Tasks
from ldp_tui.alg import OnlineTrainer, OnlineTrainerConfig
optimizer = Counting()
config = OnlineTrainerConfig(batch_size=1, num_train_iterations=3)
asyncio.run(OnlineTrainer(config, Going(), optimizer, Tasks(2), Tasks(1)).train())
assert len(optimizer.updates) == 3
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env={"TQDM_DISABLE": "1", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")


def trainer(tasks: TaskDataset[Any], *callbacks: Callback, **settings: Any) -> OnlineTrainer:
    runner = {name: settings.pop(name) for name in ("eval_dataset", "checkpoint_dir", "store") if name in settings}
    optimizer = settings.pop("optimizer", None) or Counting()
    agent = settings.pop("agent", None) or Going()
    config = OnlineTrainerConfig(**{"batch_size": 1, "num_train_iterations": 3, **settings})
    return OnlineTrainer(config, agent, optimizer, tasks, callbacks=list(callbacks), **runner)


async def test_training() -> None:
    """Batches, each followed by an update; evaluations before, in between and at the end."""
    moments, optimizer = Moments(), Counting()
    await trainer(Tasks(4), moments, batch_size=2, eval_dataset=Tasks(1), eval_every=2, optimizer=optimizer).train()
    evaluation = ["before_eval", "eval", "after_eval"]
    assert moments.log == [*evaluation, *["update", "train"] * 2, *evaluation, "update", "train", *evaluation]
    assert optimizer.updates == [2, 4, 6]


async def test_training_without_evaluation() -> None:
    """None is needed."""
    moments = Moments()
    await trainer(Tasks(2), moments).train()
    assert Tally(moments.log) == {"update": 3, "train": 3}
    assert await trainer(Tasks(2)).evaluate() is None
    with pytest.raises(ValueError, match="needs an eval_dataset"):
        trainer(Tasks(2), eval_every=1)


async def test_failed_trajectories() -> None:
    """The optimizer does not get them, callbacks do."""
    moments, optimizer = Moments(), Counting()
    await trainer(Tasks(2, broken=[1]), moments, batch_size=2, num_train_iterations=1, optimizer=optimizer).train()
    assert optimizer.taken == ["0"]
    assert sorted(moments.batches[0]) == ["0", "1"]


async def test_updates_every_so_often() -> None:
    """What is left at the end is used too."""
    optimizer = Counting()
    await trainer(Tasks(5), num_train_iterations=5, update_every=2, optimizer=optimizer).train()
    assert optimizer.updates == [2, 4, 5]
    for config in (OnlineTrainerConfig, OfflineTrainerConfig):
        with pytest.raises(ValueError, match="update_every"):
            config(batch_size=1, num_train_iterations=1, update_every=0) if config is OnlineTrainerConfig else config(
                batch_size=1, update_every=0
            )


async def test_orders() -> None:
    """A seed repeats the order of the tasks, which differs from round to round; each round has all of them."""
    orders = []
    for seed in (1, 1, 2):
        moments = Moments()
        await trainer(Tasks(6), moments, num_train_iterations=12, seed=seed).train()
        orders.append([task for (task,) in moments.batches])
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0][:6]) == sorted(orders[0][6:]) == list("012345")
    assert orders[0][:6] != orders[0][6:]


async def test_seeds_of_episodes() -> None:
    """Those of evaluations are the same each time and apart from those of the training."""
    training, evaluation = Tasks(1), Tasks(1)
    await trainer(training, eval_dataset=evaluation, seed=5, num_rollouts_per_env=2).train()
    assert [env.seed for env in training.made] == [6, 8, 10]
    assert len({env.seed for env in evaluation.made}) == 1
    assert evaluation.made[0].seed not in range(5, 100)


class GraphAgent(Agent[None]):
    """Acts by an op."""

    def __init__(self) -> None:
        self.op = FxnOp(lambda: ToolRequestMessage(tool_calls=[ToolCall.from_name("go")]))

    async def init_state(self, tools: list[Tool]) -> None:
        return None

    @compute_graph()
    async def get_asv(self, agent_state: None, obs: list[Message]) -> tuple[OpResult[Any], None, float]:
        return await self.op(), None, 0.0


async def test_gradients() -> None:
    """They are there when the optimizer takes trajectories in; evaluations have none."""

    class Looking(Counting):
        def aggregate_trajectory(self, trajectory: Trajectory) -> None:
            assert [step.action.grad for step in trajectory.steps] == [0.0]  # type: ignore[union-attr]
            super().aggregate_trajectory(trajectory)

    keeps, optimizer = StoreTrajectoriesCallback(), Looking()
    await trainer(Tasks(2), keeps, agent=GraphAgent(), optimizer=optimizer, eval_dataset=Tasks(1)).train()
    assert len(optimizer.taken) == 3
    assert [trajectory.steps[0].action.grad for trajectory in keeps.eval_trajectories] == [None, None]  # type: ignore[union-attr]


async def played(count: int, agent: Agent[Any] | None = None) -> list[Trajectory]:
    environments = [Numbered(task) for task in range(count)]
    return await RolloutManager(agent or Going()).sample_trajectories(environments=environments)


def offline(trajectories: list[Trajectory], *callbacks: Callback, **settings: Any) -> tuple[OfflineTrainer, Counting]:
    folder, optimizer = settings.pop("checkpoint_dir", None), Counting()
    config = OfflineTrainerConfig(**{"batch_size": 2, **settings})
    return OfflineTrainer(
        config, Going(), optimizer, trajectories, list(callbacks), checkpoint_dir=folder
    ), optimizer  # fmt: skip


async def test_training_on_trajectories() -> None:
    """Each as often as there are epochs, in another order each; what is left at the end is used too."""
    moments = Moments()
    runner, optimizer = offline(await played(5), moments, num_epochs=2, update_every=4, seed=0)
    await runner.train()
    assert [len(batch) for batch in moments.batches] == [2, 2, 1, 2, 2, 1]
    assert sorted(optimizer.taken[:5]) == sorted(optimizer.taken[5:]) == list("01234")
    assert optimizer.taken[:5] != optimizer.taken[5:]
    assert optimizer.updates == [7, 10]
    again, other = offline(await played(5), num_epochs=2, seed=0)
    await again.train()
    assert other.taken == optimizer.taken


async def test_training_on_no_trajectories() -> None:
    """One update for each epoch, for optimizers that hold samples already."""
    runner, optimizer = offline([], num_epochs=2)
    await runner.train()
    assert optimizer.updates == [0, 0]
    runner, optimizer = offline([], num_epochs=0)
    await runner.train()
    assert optimizer.updates == []


async def test_gradients_of_given_trajectories() -> None:
    """Those that are there stay; others are computed where the graph is there, and are not missed where it is not."""
    agent = GraphAgent()
    first, second = await played(2, agent)
    (third,) = await played(1, GraphAgent())
    first.steps[0].action.compute_grads(2.0)  # type: ignore[union-attr]
    third.steps[0].action.ctx.clear()  # type: ignore[union-attr]
    runner, optimizer = offline([first, second, third])
    await runner.train()
    assert [each.steps[0].action.grad for each in (first, second, third)] == [2.0, 0.0, None]  # type: ignore[union-attr]
    assert len(optimizer.taken) == 3


class Stopped(Exception):
    """By a callback."""


class Stop(Callback):
    """Ends a training after so many batches."""

    def __init__(self, after: int) -> None:
        self.left = after

    async def after_train_step(self, trajectories: Sequence[Trajectory]) -> None:
        self.left -= 1
        if self.left < 0:
            raise Stopped


@pytest.mark.parametrize("update_every", [1, 2])
async def test_resume(tmp_path: Path, update_every: int) -> None:
    """A training that was ended goes on from its last update, and comes to what it would have come to."""
    settings = {"num_train_iterations": 8, "update_every": update_every, "seed": 3, "num_rollouts_per_env": 2}
    whole, before, after = Counting(), Counting(), Counting()
    whole_tasks, rest = Tasks(5), Tasks(5)
    await trainer(whole_tasks, optimizer=whole, **settings).train()
    with pytest.raises(Stopped):
        await trainer(Tasks(5), Stop(3), optimizer=before, checkpoint_dir=tmp_path, **settings).train()
    await trainer(rest, optimizer=after, checkpoint_dir=tmp_path, **settings).train()
    assert after.taken == whole.taken
    assert after.loaded == {"taken": whole.taken[: 2 * (3 // update_every * update_every)]}
    assert [env.seed for env in rest.made] == [env.seed for env in whole_tasks.made[-len(rest.made) :]]
    moments = Moments()
    await trainer(
        Tasks(5), moments, optimizer=Counting(), checkpoint_dir=tmp_path, eval_dataset=Tasks(1), **settings
    ).train()
    assert moments.log == []
    await trainer(
        Tasks(5), moments, optimizer=Counting(), checkpoint_dir=tmp_path, **{**settings, "num_train_iterations": 9}
    ).train()
    assert moments.log.count("train") == 1


async def test_resume_of_a_training_on_trajectories(tmp_path: Path) -> None:
    """The same."""
    trajectories = await played(5)
    runner, whole = offline(trajectories, seed=1, num_epochs=2)
    await runner.train()
    runner, _ = offline(trajectories, Stop(2), seed=1, num_epochs=2, checkpoint_dir=tmp_path)
    with pytest.raises(Stopped):
        await runner.train()
    runner, after = offline(trajectories, seed=1, num_epochs=2, checkpoint_dir=tmp_path)
    await runner.train()
    assert after.taken == whole.taken


async def test_seed_of_its_own(tmp_path: Path) -> None:
    """Without a seed one is drawn and kept, so that the order goes on too."""
    with pytest.raises(Stopped):
        await trainer(Tasks(9), Stop(4), num_train_iterations=9, checkpoint_dir=tmp_path).train()
    moments = Moments()
    await trainer(Tasks(9), moments, num_train_iterations=9, checkpoint_dir=tmp_path).train()
    kept = json.loads((tmp_path / "state.json").read_text())
    assert sorted(kept["optimizer"]["taken"]) == list("012345678")
    assert kept["finished"]


@pytest.mark.parametrize("text", ["", "{}", "[1", '{"seed": 1, "optimizer_type": "Counting", "more": 1}'])
async def test_checkpoints_that_are_none(tmp_path: Path, text: str) -> None:
    """They are named, and nothing is trained."""
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(CheckpointError, match="cannot be read"):
        await trainer(Tasks(1), checkpoint_dir=tmp_path).train()


async def test_checkpoint_of_another_training(tmp_path: Path) -> None:
    """It is not taken for this one's."""

    class Other(Counting):
        pass

    await trainer(Tasks(1), checkpoint_dir=tmp_path).train()
    with pytest.raises(CheckpointError, match="Counting, not Other"):
        await trainer(Tasks(1), checkpoint_dir=tmp_path, optimizer=Other()).train()


async def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A checkpoint is no silent wish."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be"):
        await trainer(Tasks(1), checkpoint_dir=tmp_path / "file").train()


async def test_training_that_is_stopped() -> None:
    """No task is left, and environments are closed."""
    tasks, reached = Tasks(1), asyncio.Event()

    async def think(obs: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(trainer(tasks, agent=Going(choose=think)).train())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [env.closed for env in tasks.made] == [1]


async def test_recorded_training(tmp_path: Path) -> None:
    """Every episode is in the store, in one run."""
    runner = trainer(Tasks(2), eval_dataset=Tasks(1), store=tmp_path / "ldp.db")
    await runner.train()
    with Reader(tmp_path / "ldp.db") as reader:
        summaries = reader.episodes().episodes
    assert len(summaries) == 3 + 2
    assert {summary.run_uid for summary in summaries} == {runner.rollout_manager.run_uid}


async def test_means_of_an_evaluation() -> None:
    """Callbacks that average hear of it."""
    averages = MeanMetricsCallback(eval_dataset=Tasks(2, broken=[0]))
    await evaluator(Tasks(2, broken=[0]), averages).evaluate()
    assert averages.eval_means["failures"] == 0.5


class Own(Tasks):
    """A dataset that makes its batches itself, in aviary's form, or with seeds."""

    def iter_batches(self, batch_size: int, shuffle: bool = False) -> Iterator[list[Numbered]]:  # type: ignore[override]
        yield from ([self.get_new_env_by_idx(task)] for task in range(self.size))


class OwnSeeded(Tasks):
    def iter_batches(
        self, batch_size: int, shuffle: bool = False, *, seed: int | None = None
    ) -> Iterator[list[Numbered]]:
        yield [self.get_new_env_by_idx((seed or 0) % self.size)]


def test_datasets_that_make_their_own_batches() -> None:
    """They are asked, with a seed if they take one."""
    batches = task_batches(Own(2), 1, shuffle=True, seed=1, start=1)
    assert [batch[0].task for batch in itertools.islice(batches, 4)] == [1, 0, 1, 0]  # type: ignore[attr-defined]
    drawn = [
        [batch[0].task for batch in itertools.islice(task_batches(OwnSeeded(1000), 1, shuffle=True, seed=seed), 3)]  # type: ignore[attr-defined]
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 3


@pytest.mark.parametrize("start", range(8))
def test_batches_from_the_middle(start: int) -> None:
    """They are those that come there from the beginning, and nothing is made for those that are left out."""
    tasks = Tasks(5)
    whole = [[env.task for env in batch] for batch in itertools.islice(task_batches(tasks, 2, shuffle=True, seed=4), 9)]  # type: ignore[attr-defined]
    tasks.made.clear()
    rest = itertools.islice(task_batches(tasks, 2, shuffle=True, seed=4, start=start), 9 - start)
    assert [[env.task for env in batch] for batch in rest] == whole[start:]  # type: ignore[attr-defined]
    assert len(tasks.made) == sum(map(len, whole[start:]))
