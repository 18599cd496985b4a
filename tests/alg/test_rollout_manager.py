"""RolloutManager: batches in their order, slots with a budget, failures kept, closes that fail, stops that stop."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ldp_tui import Reader, connect_writer
from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.alg import AgentError, Callback, CaughtError, EnvError, RolloutManager, reraise_exc_as
from ldp_tui.core.agent import Agent, PlainAction
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.core.trajectory import Trajectory
from ldp_tui.engine.events import AgentRecord, EnvironmentRecord
from tests.engine.playing import Counter, Going, Thinking, chain


def broken(*_: Any) -> Any:
    raise RuntimeError("broken")


def going(**on: Any) -> RolloutManager:
    return RolloutManager(Going(**on))


def endless() -> Counter:
    """Its steps do nothing: no tool that a busy machine would move to a thread."""
    return Counter(step=lambda _: ([Message(content="on")], 0.0, False, False))


async def test_batch() -> None:
    """One trajectory for each environment, in their order, whichever ends first."""
    trajectories = await going().sample_trajectories(environments=[Counter(3), Counter(1), Counter(2)])
    assert [len(trajectory.steps) for trajectory in trajectories] == [3, 1, 2]
    assert all(trajectory.done and not trajectory.failed for trajectory in trajectories)
    first = trajectories[0].steps
    assert [(s.timestep, s.agent_state, s.next_agent_state, s.reward, s.value) for s in first] == [
        (0, 0, 1, 1.0, 0.5), (1, 1, 2, 1.0, 0.5), (2, 2, 3, 1.0, 0.5),
    ]  # fmt: skip
    assert first[0].next_observation == first[1].observation
    assert isinstance(first[0].action, PlainAction)
    assert len({trajectory.traj_id for trajectory in trajectories}) == 3


async def test_seconds_of_each_phase() -> None:
    """Every transition has them."""
    (trajectory,) = await going().sample_trajectories(environments=[Counter(2)])
    phases = ("before_transition", "agent_get_asv", "after_agent_get_asv", "env_step", "after_env_step")
    for step in trajectory.steps:
        assert set(step.metadata) == {f"time_elapsed_{phase}" for phase in phases}
        assert all(isinstance(seconds, float) and 0 <= seconds < 60 for seconds in step.metadata.values())


async def test_limit_of_a_batch() -> None:
    """The last step is truncated, not done."""
    (trajectory,) = await going().sample_trajectories(environments=[Counter(5)], max_steps=2)
    assert [(step.done, step.truncated) for step in trajectory.steps] == [(False, False), (False, True)]
    assert not trajectory.done


async def test_slots_with_a_budget() -> None:
    """With a factory `max_steps` is what each slot plays in all: 3 + 3 + 1 steps, twice."""
    played = await going().sample_trajectories(environment_factory=lambda: Counter(3), max_steps=7, batch_size=2)
    assert sorted(len(trajectory.steps) for trajectory, _ in played) == [1, 1, 3, 3, 3, 3]
    assert sum(trajectory.steps[-1].truncated for trajectory, _ in played) == 2
    assert all(env.closed == 1 for _, env in played)


async def test_slots_without_a_budget() -> None:
    """One trajectory each."""
    played = await going().sample_trajectories(environment_factory=lambda: Counter(2), batch_size=3)
    assert [len(trajectory.steps) for trajectory, _ in played] == [2, 2, 2]


async def test_slots_whose_environments_fail() -> None:
    """A failure uses up one step, so that even an environment that cannot be reset comes to an end."""
    played = await going().sample_trajectories(environment_factory=lambda: Counter(reset=broken), max_steps=3)
    assert len(played) == 3
    assert all(trajectory.failed for trajectory, _ in played)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, TypeError),
        ({"environments": [], "environment_factory": Counter}, TypeError),
        ({"environments": [], "batch_size": 2}, TypeError),
        ({"environments": [], "max_step": 2}, TypeError),
        ({"environments": [], "max_steps": 0}, ValueError),
        ({"environment_factory": Counter, "batch_size": 0}, ValueError),
    ],
)
async def test_arguments_that_mean_nothing(arguments: dict[str, Any], error: type[Exception]) -> None:
    """They are refused instead of ignored."""
    with pytest.raises(error):
        await going().sample_trajectories(**arguments)


async def test_no_environments() -> None:
    """No trajectories."""
    assert await going().sample_trajectories(environments=[]) == []


async def test_agent_that_fails() -> None:
    """What was played is kept, and the failure is a transition of its own: neither done nor truncated."""
    turns = iter([None, None])
    manager = going(choose=lambda _: next(turns, None) if len(manager.agent.seen) < 3 else broken())  # type: ignore[attr-defined]
    (trajectory,) = await manager.sample_trajectories(environments=[Counter(5)])
    assert [step.failed for step in trajectory.steps] == [False, False, True]
    last = trajectory.steps[-1]
    assert (last.timestep, last.done, last.truncated, last.action, last.next_observation) == (2, False, False, None, [])
    assert last.metadata["exception"] == "RuntimeError('broken')"
    assert last.metadata["failed_phase"] == "agent"
    assert "time_elapsed_agent_get_asv" in last.metadata
    assert last.observation[0].content == "counted to 2"


@pytest.mark.parametrize("where", ["reset", "step", "tool"])
async def test_environment_that_fails(where: str) -> None:
    """It is caught in every phase, and the environment is closed."""
    env = Counter(**{where: broken})
    (trajectory,) = await going().sample_trajectories(environments=[env])
    (step,) = trajectory.steps
    assert step.failed
    assert step.metadata["failed_phase"] == ("tool" if where == "tool" else "env")
    assert (step.action is None) == (where == "reset")
    assert env.closed == 1


async def test_failures_that_are_not_caught() -> None:
    """They are raised as they are; the other rollouts end, and all environments are closed."""
    envs = [endless(), Counter(step=broken)]
    with pytest.raises(RuntimeError, match="broken"):
        await RolloutManager(Going(), catch_env_failures=False).sample_trajectories(environments=envs)
    assert [env.closed for env in envs] == [1, 1]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_only_the_agents_failures_are_raised() -> None:
    """The two are told apart."""
    manager = RolloutManager(Going(choose=broken), catch_agent_failures=False)
    with pytest.raises(RuntimeError, match="broken"):
        await manager.sample_trajectories(environments=[Counter()])
    (trajectory,) = await RolloutManager(Going(), catch_agent_failures=False).sample_trajectories(
        environments=[Counter(step=broken)]
    )
    assert trajectory.failed


async def test_close_that_fails() -> None:
    """The trajectory is whole, and so are the others."""
    trajectories = await going().sample_trajectories(environments=[Counter(2, close=broken), Counter(2)])
    assert [(len(t.steps), t.done, t.failed) for t in trajectories] == [(2, True, False)] * 2


class Stubborn(Counter):
    """Its close ignores being cancelled until it is let go."""

    released: asyncio.Event

    async def close(self) -> None:
        self.closed += 1
        self.released = asyncio.Event()
        while not self.released.is_set():
            with suppress(asyncio.CancelledError):
                await self.released.wait()


async def test_stop() -> None:
    """A cancellation ends all rollouts within a second, tells the environments, and leaves no task."""

    class Slow(Counter):
        aborted = 0

        async def on_abort(self) -> None:
            self.aborted += 1

    reached = asyncio.Event()

    async def think() -> None:
        reached.set()
        await asyncio.Event().wait()

    envs = [Slow(5) for _ in range(20)]
    task = asyncio.ensure_future(going(choose=lambda _: think()).sample_trajectories(environments=envs))
    await reached.wait()
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 1
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert all((env.aborted, env.closed) == (1, 1) for env in envs)


async def test_stop_with_environments_that_hang() -> None:
    """Neither `on_abort` nor `close` holds it up, even one that ignores being cancelled."""

    class Hanging(Stubborn):
        async def on_abort(self) -> None:
            await asyncio.Event().wait()

    env = Hanging(10**9)
    reached = asyncio.Event()

    async def think() -> None:
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(going(choose=lambda _: think()).sample_trajectories(environments=[env]))
    await reached.wait()
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 1.5
    env.released.set()


async def test_stop_of_a_batch_that_never_waits() -> None:
    """Agents and environments that never wait leave turns to whoever cancels."""
    task = asyncio.ensure_future(going().sample_trajectories(environments=[endless(), endless()]))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(task, 0.05)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_limit_of_concurrency() -> None:
    """No more steps than that are under way at once, and more than one."""
    under_way, most = 0, 0

    async def think() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(3):
            await asyncio.sleep(0)
        under_way -= 1

    manager = RolloutManager(Going(choose=lambda _: think()), concurrency_limit=2)
    await manager.sample_trajectories(environments=[Counter(3) for _ in range(6)])
    assert most == 2


async def test_seeds() -> None:
    """The n-th episode has the seed plus n; the trajectory tells it."""
    envs = [Counter(1), Counter(1)]
    trajectories = await going().sample_trajectories(environments=envs, seed=7)
    assert [env.seed for env in envs] == [7, 8]
    assert [trajectory.metadata["seed"] for trajectory in trajectories] == [7, 8]


async def test_names_of_tasks() -> None:
    """`env_id` names the task where the environment does, also where the reset failed."""
    envs = [Counter(1, get_id=lambda _: "a"), Counter(1), Counter(1, get_id=lambda _: "b", reset=broken)]
    trajectories = await going().sample_trajectories(environments=envs)
    assert [trajectory.metadata.get("env_id") for trajectory in trajectories] == ["a", None, "b"]


class Growing(Environment[list[Message]]):
    """Hands out one list and goes on writing to it, as aviary's DummyEnv does."""

    async def reset(self) -> tuple[Messages, list[Tool]]:  # type: ignore[override]
        self.state = [Message(content="0")]
        return self.state, []  # type: ignore[return-value]

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        self.state.append(Message(content=str(len(self.state))))
        return self.state, 0.0, len(self.state) == 4, False  # type: ignore[return-value]


async def test_environment_that_goes_on_writing() -> None:
    """Observations are those of their time: one message longer in each step."""
    agent = ScriptedAgent(["go"], repeat=True)
    (trajectory,) = await RolloutManager(agent).sample_trajectories(environments=[Growing()])
    assert [len(step.observation) for step in trajectory.steps] == [1, 2, 3]
    assert [len(step.next_observation) for step in trajectory.steps] == [2, 3, 4]


async def test_recording(tmp_path: Path) -> None:
    """Everything played is in the store under the trajectory's id, with the chain that any other front end gives."""
    path = tmp_path / "ldp.db"
    manager = RolloutManager(Going(), store=path)
    trajectories = await manager.sample_trajectories(environments=[Counter(2), Counter(step=broken)], seed=3)
    with Reader(path) as reader:
        whole, failed = (reader.episode(str(trajectory.traj_id)).summary for trajectory in trajectories)
        assert (whole.status, whole.steps, whole.return_, whole.seed, whole.run_uid) == (
            "done", 2, 2.0, "3", manager.run_uid,
        )  # fmt: skip
        assert (failed.status, failed.steps, failed.detail) == ("failed", 0, "env: RuntimeError: broken")
    with connect_writer(path) as writer:
        (again,) = await RolloutManager(Going(), store=writer).sample_trajectories(environments=[Counter(2)], seed=3)
    assert chain(path, str(again.traj_id)) == chain(path, str(trajectories[0].traj_id))


async def test_recording_that_is_stopped(tmp_path: Path) -> None:
    """The episode so far is there, as aborted."""
    path = tmp_path / "ldp.db"

    class Stop(Callback):
        async def after_transition(self, traj_id: str, agent: Any, env: Any, transition: Any) -> None:
            if transition.timestep == 1:
                raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        await RolloutManager(Going(), callbacks=[Stop()], store=path).sample_trajectories(environments=[Counter(9)])
    with Reader(path) as reader:
        (summary,) = reader.episodes().episodes
    assert (summary.status, summary.steps) == ("aborted", 2)


async def test_summary_of_exceptions(caplog: pytest.LogCaptureFixture) -> None:
    """One line for each kind of failure, with its count, instead of one for each failure."""
    with caplog.at_level(logging.WARNING, logger="ldp_tui.alg"):
        await going().sample_trajectories(
            environments=[Counter(step=broken), Counter(step=broken), Counter(1)], summarize_exceptions=True
        )
    (line,) = caplog.messages
    assert line.splitlines()[2].split(maxsplit=1) == ["2", "RuntimeError('broken')"]


async def test_memory_after_an_episode() -> None:
    """Nothing is kept of a trajectory that nobody keeps: further steps leave the same memory."""
    manager = RolloutManager(ScriptedAgent([("cast_int", {"x": 1.0})], repeat=True))

    async def play(episodes: int) -> int:
        for _ in range(episodes):
            await manager.sample_trajectories(environments=[DummyEnv(end_immediately=False)], max_steps=20)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        sizes = [await play(25) for _ in range(6)]
    finally:
        tracemalloc.stop()
    grown = min(after - before for before, after in itertools.pairwise(sizes))  # threads and caches come once
    assert grown < 10 * 500  # of five hundred steps: less than 10 bytes each, so nothing per step


async def test_phases_as_types() -> None:
    """A failure can be raised again as what it is; the first exception is kept."""
    with pytest.raises(EnvError, match="RuntimeError: broken") as caught, reraise_exc_as(EnvError, enabled=True):
        broken()
    assert isinstance(caught.value, CaughtError)
    assert isinstance(caught.value.original_exc, RuntimeError)
    with pytest.raises(RuntimeError), reraise_exc_as(AgentError, enabled=False):
        broken()


async def test_agent_of_a_compute_graph() -> None:
    """The node that the agent returned is the transition's action, with all that led to it."""
    from ldp_tui.graph import FxnOp, OpResult, compute_graph

    class GraphAgent(Agent[None]):
        def __init__(self) -> None:
            self.op = FxnOp(lambda: ToolRequestMessage(tool_calls=[]))

        async def init_state(self, tools: list[Tool]) -> None:
            return None

        @compute_graph()
        async def get_asv(self, agent_state: None, obs: list[Message]) -> tuple[OpResult[Any], None, float]:
            return await self.op(), None, 0.0

    (trajectory,) = await RolloutManager(GraphAgent()).sample_trajectories(environments=[DummyEnv()], max_steps=2)
    results = [step.action for step in trajectory.steps]
    assert all(isinstance(result, OpResult) for result in results)
    assert len({result.run_id for result in results}) == 2
    results[0].compute_grads()


async def test_trajectory_of_a_batch_as_file(tmp_path: Path) -> None:
    """It is read back as it was, metadata included."""
    (trajectory,) = await going().sample_trajectories(environments=[Counter(2, get_id=lambda _: "t")], seed=1)
    await trajectory.to_jsonl(tmp_path / "t.jsonl")
    again = Trajectory.from_jsonl(tmp_path / "t.jsonl")
    assert again.traj_id == trajectory.traj_id
    assert again.metadata == {"env_id": "t", "seed": 1}
    for old, new in zip(trajectory.steps, again.steps, strict=True):
        assert (new.observation, new.next_observation) == (old.observation, old.next_observation)
        assert new.action.value == old.action.value
        assert (new.reward, new.done, new.metadata) == (old.reward, old.done, old.metadata)


async def test_agent_that_thinks_aloud() -> None:
    """It is played like any other; a callback's error is not taken for its own."""

    class Failing(Callback):
        async def before_transition(self, *_: Any) -> None:
            raise LookupError("callback")

    (trajectory,) = await RolloutManager(Thinking()).sample_trajectories(environments=[Counter(2)])
    assert (len(trajectory.steps), trajectory.done) == (2, True)
    with pytest.raises(LookupError, match="callback"):
        await RolloutManager(Thinking(), callbacks=[Failing()]).sample_trajectories(environments=[Counter(2)])
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_is_said_of_an_episode(tmp_path: Path) -> None:
    """Environment, player and pictures are recorded as wished."""
    path = tmp_path / "ldp.db"
    manager = RolloutManager(
        Going(),
        store=path,
        pictures=True,
        player=AgentRecord("tester", "llm", "m"),
        environment=lambda env: EnvironmentRecord(f"to-{env.n}"),
    )
    env = Counter(2, render=lambda env: f"at {env.state}")
    (trajectory,) = await manager.sample_trajectories(environments=[env])
    with Reader(path) as reader:
        header = reader.episode(str(trajectory.traj_id))
        picture = reader.picture(str(trajectory.traj_id), 1)
    assert (header.env.name, header.agent.name, header.agent.model) == ("to-2", "tester", "m")
    assert picture is not None
    assert picture.text == "at 1"
    assert {step.metadata["episode"] for step in trajectory.steps} == {trajectory.traj_id}


async def test_agent_that_cancels_itself() -> None:
    """Nothing hangs, and the environments are closed."""

    def cancelled(_: Any) -> None:
        raise asyncio.CancelledError

    env = Counter(2)
    with pytest.raises(asyncio.CancelledError):
        await going(choose=cancelled).sample_trajectories(environments=[env])
    assert env.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_manager_in_several_calls_at_once() -> None:
    """Calls do not disturb each other."""
    manager = RolloutManager(Going(choose=lambda _: asyncio.sleep(0)), concurrency_limit=1)
    batches = await asyncio.gather(
        *(manager.sample_trajectories(environments=[Counter(n), Counter(n)]) for n in (1, 2, 3))
    )
    assert [[len(trajectory.steps) for trajectory in batch] for batch in batches] == [[1, 1], [2, 2], [3, 3]]


async def test_database_that_stays_open(tmp_path: Path) -> None:
    """`recording` opens it once for several calls, also for calls at once; afterwards others may write it again."""
    path = tmp_path / "ldp.db"
    manager = RolloutManager(Going(), store=path)
    with manager.recording() as writer:
        for _ in range(2):
            await manager.sample_trajectories(environments=[Counter(1)])
        await asyncio.gather(*(manager.sample_trajectories(environments=[Counter(n)]) for n in (1, 3)))
        assert writer is not None
        assert writer.failure is None
    await asyncio.gather(*(manager.sample_trajectories(environments=[Counter(n)]) for n in (1, 3)))
    with Reader(path) as reader:
        assert reader.count() == 6
