"""Callbacks: when they are called, and what each of them keeps, writes and computes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.alg import (
    Callback,
    ClearContextCallback,
    ClearOptimizerBuffersCallback,
    ComputeTrajectoryMetricsMixin,
    LoggingCallback,
    MeanMetricsCallback,
    RolloutDebugDumpCallback,
    RolloutManager,
    StoreEnvironmentsCallback,
    StoreTrajectoriesCallback,
    TerminalPrintingCallback,
    TrajectoryFileCallback,
    WandBLoggingCallback,
)
from ldp_tui.core.environment import Frame
from ldp_tui.core.messages import Message
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.core.trajectory import Trajectory, Transition
from ldp_tui.graph import FxnOp, OpCtx, compute_graph
from tests.engine.playing import Counter, Going


def broken(*_: Any) -> Any:
    raise RuntimeError("broken")


class Listening(Callback):
    """Notes each call; `log` is shared with agent and environment, which note theirs."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.arguments: dict[str, tuple[Any, ...]] = {}


for _hook in (
    "before_rollout", "after_env_reset", "after_agent_init_state", "before_transition", "after_agent_get_asv",
    "after_env_step", "after_transition", "after_rollout",
):  # fmt: skip

    async def _note(self: Listening, *arguments: Any, _hook: str = _hook) -> None:
        self.log.append(_hook)
        self.arguments[_hook] = arguments

    setattr(Listening, _hook, _note)


async def test_order() -> None:
    """Each hook is called at its moment, the environment is closed before the last."""
    hears = Listening()
    env = Counter(1, **{name: lambda _, name=name: hears.log.append(name) for name in ("reset", "step", "close")})
    agent = Going(init_state=lambda _: hears.log.append("init"), choose=lambda _: hears.log.append("choose"))
    (trajectory,) = await RolloutManager(agent, callbacks=[hears]).sample_trajectories(environments=[env])
    assert hears.log == [
        "before_rollout", "reset", "after_env_reset", "init", "after_agent_init_state", "before_transition", "choose",
        "after_agent_get_asv", "step", "after_env_step", "after_transition", "close", "after_rollout",
    ]  # fmt: skip
    assert {arguments[0] for arguments in hears.arguments.values()} == {trajectory.traj_id}
    assert hears.arguments["after_transition"][-1] is trajectory.steps[0]
    assert hears.arguments["after_agent_get_asv"][1] is trajectory.steps[0].action
    assert hears.arguments["after_env_step"][2:] == (1.0, True, False)


async def test_order_of_a_failure() -> None:
    """The failed step is told, and the rollout's end."""
    hears = Listening()
    await RolloutManager(Going(), callbacks=[hears]).sample_trajectories(environments=[Counter(step=broken)])
    assert hears.log[-4:] == ["before_transition", "after_agent_get_asv", "after_transition", "after_rollout"]
    assert hears.arguments["after_transition"][-1].failed


async def test_failure_at_the_reset() -> None:
    """What did not happen is not told."""
    hears = Listening()
    await RolloutManager(Going(), callbacks=[hears]).sample_trajectories(environments=[Counter(reset=broken)])
    assert hears.log == ["before_rollout", "after_transition", "after_rollout"]


@pytest.mark.parametrize("hook", ["before_rollout", "after_env_reset", "before_transition", "after_transition"])
async def test_callback_that_fails(hook: str) -> None:
    """Its error is raised, not taken for the agent's or the environment's; the environment is closed."""

    class Failing(Callback):
        pass

    async def fail(self: Any, *_: Any) -> None:
        raise LookupError(hook)

    setattr(Failing, hook, fail)
    env = Counter(2)
    with pytest.raises(LookupError, match=hook):
        await RolloutManager(Going(), callbacks=[Failing()]).sample_trajectories(environments=[env])
    assert env.closed == 1


async def test_callback_that_changes_what_it_hears() -> None:
    """Neither the record nor the agent notices."""

    class Spoiling(Callback):
        async def after_env_reset(self, traj_id: str, obs: list[Message], tools: Any) -> None:
            obs[0].content = "spoiled"

        async def before_transition(
            self, traj_id: str, agent: Any, env: Any, agent_state: Any, obs: list[Message]
        ) -> None:
            obs[0].content = "spoiled"

        async def after_env_step(self, traj_id: str, obs: list[Message], *_: Any) -> None:
            obs[0].content = "spoiled"

    agent = Going()
    (trajectory,) = await RolloutManager(agent, callbacks=[Spoiling()]).sample_trajectories(environments=[Counter(2)])
    assert [step.observation[0].content for step in trajectory.steps] == ["Count to 2.", "counted to 1"]
    assert [obs[0].content for obs in agent.seen] == ["Count to 2.", "counted to 1"]


async def test_environments_that_are_kept() -> None:
    """By the trajectory's id."""
    keeps, env = StoreEnvironmentsCallback(), Counter(1)
    (trajectory,) = await RolloutManager(Going(), callbacks=[keeps]).sample_trajectories(environments=[env])
    assert keeps.traj_id_to_envs == {trajectory.traj_id: env}


class Framed(Counter):
    def export_frame(self) -> Frame:
        return Frame(state={"n": self.state}, info={"closed": self.closed})


async def test_file_that_grows(tmp_path: Path) -> None:
    """It holds every step as soon as it was played, and is read by from_jsonl; the frame comes with the end."""
    lengths: list[int] = []
    writes = TrajectoryFileCallback(tmp_path)

    class Looking(Callback):
        async def after_transition(self, traj_id: str, *_: Any) -> None:
            lengths.append(len((tmp_path / f"{traj_id}.jsonl").read_text().splitlines()))
            assert (tmp_path / f"{traj_id}_env.json").exists() == (len(lengths) == 3)

    manager = RolloutManager(Going(), callbacks=[writes, Looking()])
    (trajectory,) = await manager.sample_trajectories(environments=[Framed(3, get_id=lambda _: "task")])
    assert lengths == [2, 3, 4]
    again = Trajectory.from_jsonl(writes.traj_files[str(trajectory.traj_id)])
    assert (again.traj_id, again.metadata) == (trajectory.traj_id, {"env_id": "task"})
    assert [step.next_observation for step in again.steps] == [step.next_observation for step in trajectory.steps]
    assert json.loads(writes.env_files[str(trajectory.traj_id)].read_text()) == {"info": {"closed": 0}}


async def test_size_of_a_long_file(tmp_path: Path) -> None:
    """Twice the steps are twice the bytes: nothing of the past is repeated."""
    sizes = []
    for steps in (100, 200):
        writes = TrajectoryFileCallback(tmp_path / str(steps))
        await RolloutManager(Going(), callbacks=[writes]).sample_trajectories(environments=[Counter(steps)])
        sizes.append(next((tmp_path / str(steps)).glob("*.jsonl")).stat().st_size)
    assert sizes[1] < 2.1 * sizes[0]
    assert sizes[1] < 350_000


async def test_many_files_at_once(tmp_path: Path) -> None:
    """More trajectories than files that may be open: every file is whole."""
    writes = TrajectoryFileCallback(tmp_path)
    manager = RolloutManager(Going(choose=lambda _: asyncio.sleep(0)), callbacks=[writes])
    await manager.sample_trajectories(environments=[Counter(3) for _ in range(100)])
    files = list(tmp_path.glob("*.jsonl"))
    assert len(files) == 100
    assert all(len(Trajectory.from_jsonl(file).steps) == 3 for file in files)


async def test_debug_dump(tmp_path: Path) -> None:
    """A line for each choice and each step; the seconds are those of this rollout, however many run."""
    first_waits = asyncio.Event()

    async def think(obs: list[Message]) -> None:
        if obs[0].content == "Count to 1.":
            await first_waits.wait()
        else:
            first_waits.set()

    manager = RolloutManager(Going(choose=think), callbacks=[RolloutDebugDumpCallback(tmp_path)])
    trajectories = await manager.sample_trajectories(environments=[Counter(1), Counter(2)])
    for trajectory in trajectories:
        lines = [json.loads(line) for line in (tmp_path / f"{trajectory.traj_id}.jsonl").read_text().splitlines()]
        assert [line["event"] for line in lines] == ["AGENT_GET_ASV", "ENV_STEP"] * len(trajectory.steps)
        assert all(0 <= line["elapsed"] < 60 for line in lines)
        assert lines[0]["action"]["tool_calls"][0]["function"]["name"] == "go"
        assert (lines[-1]["reward"], lines[-1]["done"], lines[-1]["truncated"]) == (1.0, True, False)


async def test_printing(capsys: pytest.CaptureFixture[str]) -> None:
    """Actions and observations, as they are: no markup of theirs is interpreted."""
    printing = TerminalPrintingCallback()
    env = Counter(1, step=lambda _: ([Message(content="[bold]x[/bold]")], 0.0, True, False))
    await RolloutManager(Going(), callbacks=[printing]).sample_trajectories(environments=[env])
    told = capsys.readouterr().out
    assert "name='go'" in told
    assert "[bold]x[/bold]" in told
    assert "Elapsed time" in told


class Counters(TaskDataset[Counter], ComputeTrajectoryMetricsMixin):
    """Tasks of 1, 2, … steps."""

    def __len__(self) -> int:
        return 3

    def get_new_env_by_idx(self, idx: int) -> Counter:
        return Counter(idx + 1)


async def played(**arguments: Any) -> list[Trajectory]:
    return await RolloutManager(Going(), **arguments).sample_trajectories(environments=[Counter(1), Counter(3)])


async def test_metrics() -> None:
    """Return, truncation, value, steps, failures; of the tools only when asked for."""
    metrics = Counters().compute_trajectory_metrics(await played())
    assert metrics == {
        "reward": [1.0, 3.0], "truncation_rate": [0.0, 0.0], "avg_value": [0.5, 0.5], "num_steps": [1, 3],
        "failures": [0.0, 0.0],
    }  # fmt: skip


async def test_metrics_of_nothing() -> None:
    """A trajectory without steps has no average value, and the mean of no trajectories is None."""
    dataset = Counters()
    assert dataset.compute_trajectory_metrics([Trajectory()])["avg_value"] == []
    averages = MeanMetricsCallback(dataset, dataset)
    await averages.after_train_step([Trajectory()])
    assert averages.train_means["avg_value"] is None
    assert averages.train_means["reward"] == 0.0
    await averages.after_train_step([])
    assert set(averages.train_means.values()) == {None}


async def test_means() -> None:
    """Of the newest batch, and over all batches of the newest evaluation; tools of all environments are counted."""
    dataset = Counters()
    averages = MeanMetricsCallback(train_dataset=dataset, eval_dataset=dataset, track_tool_usage=True)
    with pytest.raises(RuntimeError, match="no training batch"):
        _ = averages.train_means
    trajectories = await played(callbacks=[averages])
    await averages.after_train_step(trajectories)
    assert averages.train_means["reward"] == 2.0
    assert averages.train_means["tool_go"] == 2.0
    await averages.before_eval_loop()
    await averages.after_eval_step(trajectories[:1])
    await averages.after_eval_step(trajectories[1:])
    await averages.after_eval_loop()
    assert averages.eval_means["num_steps"] == 2.0


async def test_evaluation_that_was_broken_off() -> None:
    """The next one starts from nothing."""
    averages = MeanMetricsCallback(eval_dataset=Counters())
    trajectories = await played()
    await averages.after_eval_step(trajectories)
    await averages.before_eval_loop()
    await averages.after_eval_step(trajectories[:1])
    await averages.after_eval_loop()
    assert averages.eval_means["reward"] == 1.0


async def test_dataset_without_metrics() -> None:
    """It is measured by those that every dataset can have, apart from other datasets."""

    class Plain(TaskDataset[Counter]):
        pass

    averages = MeanMetricsCallback(Plain(), Plain(), track_tool_usage=True)
    await averages.after_train_step(await played(callbacks=[averages]))
    assert averages.train_means["tool_go"] == 2.0
    assert not ComputeTrajectoryMetricsMixin.tools_to_track


@pytest.mark.parametrize("which", ["train_dataset", "eval_dataset"])
async def test_log_of_one_dataset_only(which: str, caplog: pytest.LogCaptureFixture) -> None:
    """The hooks of the other one do nothing."""
    logs = LoggingCallback(**{which: Counters()}, metrics_to_log=["reward"])  # type: ignore[arg-type]
    trajectories = await played()
    with caplog.at_level(logging.INFO, logger="ldp_tui.alg.callbacks.metrics"):
        await logs.after_train_step(trajectories)
        await logs.after_eval_step(trajectories)
        await logs.after_eval_loop()
    assert caplog.messages == [f"{'Train' if which == 'train_dataset' else 'Eval'} REWARD: 2.0000"]


async def test_weights_and_biases() -> None:
    """Means under their names, with the number of the training step."""

    class Run:
        def __init__(self) -> None:
            self.logged: list[dict[str, Any]] = []

        def log(self, values: dict[str, Any]) -> None:
            self.logged.append(values)

    run, dataset = Run(), Counters()
    sends = WandBLoggingCallback(dataset, dataset, run=run)
    trajectories = await played()
    await sends.after_train_step(trajectories)
    await sends.after_eval_step(trajectories)
    await sends.after_eval_loop()
    await sends.after_eval_loop()
    assert len(run.logged) == 2
    assert (run.logged[0]["train/reward_mean"], run.logged[0]["train/step"]) == (2.0, 1)
    assert run.logged[1]["eval/num_steps_mean"] == 2.0


async def test_trajectories_that_are_kept() -> None:
    """Those of trainings and evaluations, apart."""
    keeps = StoreTrajectoriesCallback()
    first, second = Trajectory(), Trajectory()
    await keeps.after_train_step([first])
    await keeps.after_eval_step([second])
    assert (keeps.train_trajectories, keeps.eval_trajectories) == ([first], [second])


async def test_contexts_that_are_freed() -> None:
    """After an evaluated batch and after an update, what calls of the graph stored is gone."""
    op = FxnOp(lambda: 1)
    for moment in ("after_eval_step", "after_update"):
        async with compute_graph():
            result = await op()
        assert op.ctx.get(result.call_id, "output", None) is not None
        clears = ClearContextCallback([op.name])
        await (clears.after_eval_step([]) if moment == "after_eval_step" else clears.after_update())
        assert op.ctx.get(result.call_id, "output", None) is None
    assert OpCtx.get_or_create(op.name) is op.ctx


async def test_buffers_that_are_emptied() -> None:
    """After each update."""
    buffers: Sequence[list[int]] = ([1], [2, 3])
    await ClearOptimizerBuffersCallback(*buffers).after_update()
    assert [*buffers] == [[], []]


def test_transition_without_an_environment() -> None:
    """A step that did not end the task has no frame."""
    assert TrajectoryFileCallback.default_serialize_env(Counter(), Transition(timestep=0, observation=[])) is None
