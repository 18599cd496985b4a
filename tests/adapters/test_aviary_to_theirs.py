"""Our environments, tasks and players in the real aviary's and LDP's own loops and servers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aviary")
pytest.importorskip("ldp")
pytest.importorskip("fastapi")

from aviary.core import Environment as TheirEnvironment
from aviary.core import Message as TheirMessage
from aviary.core import TaskDatasetClient, TaskDatasetServer
from aviary.core import ToolCall as TheirCall
from aviary.core import ToolRequestMessage as TheirRequest
from hypothesis import given
from ldp.alg import RolloutManager
from ldp.data_structures import Trajectory
from ldp.graph import ops as registries

from ldp_tui.adapters.aviary_env import AviaryEnvironment, AviaryTasks
from ldp_tui.adapters.aviary_messages import message_from_aviary, message_to_aviary
from ldp_tui.adapters.to_aviary import tasks_to_aviary, to_aviary
from ldp_tui.adapters.to_ldp import to_ldp
from ldp_tui.agents.human import HumanAgent
from ldp_tui.agents.optimal import OptimalAgent
from ldp_tui.agents.random_players import MaskRandomAgent, RandomAgent
from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, ToolResponseMessage
from ldp_tui.engine.events import EpisodeStarted, StepTaken
from ldp_tui.registry import make_environment
from ldp_tui.registry_tasks import RegistryTaskDataset
from ldp_tui.web.running import serving
from tests.adapters import real_environments as real
from tests.adapters.served import serving_dataset
from tests.engine.playing import Counter, events_of, only
from tests.engine.test_round_trips import messages

LAKE = "FrozenLake-v1,is_slippery=false"


def environment(name: str) -> Environment[Any]:
    return make_environment(name)[0]


class Counters(TaskDataset[Counter]):
    """Task i counts to i + 1."""

    def __len__(self) -> int:
        return 3

    def get_new_env_by_idx(self, idx: int) -> Counter:
        return Counter(idx + 1)

    def get_new_env_by_args(self, **kwargs: Any) -> Counter:
        return Counter(**kwargs)


@given(messages)
def test_every_message(message: Message) -> None:
    """It comes back from aviary as it was; only the two ways to mark a state become one."""
    back = message_from_aviary(message_to_aviary(message))
    if isinstance(message, EnvStateMessage):
        message = Message(**{name: getattr(message, name) for name in type(message).model_fields})
    assert type(back) is type(message)
    assert back == message


class TestEnvironments:
    async def test_gymnasium_in_their_rollouts(self) -> None:
        """LDP's RolloutManager plays FrozenLake from the first step to the goal."""
        lake = environment(LAKE)
        agent = to_ldp(OptimalAgent(), environment=lake)
        (trajectory,) = await RolloutManager(agent).sample_trajectories(environments=[to_aviary(lake, seed=4)])
        assert [step.reward for step in trajectory.steps] == [0.0] * 5 + [1.0]
        assert (trajectory.done, trajectory.failed) == (True, False)
        assert trajectory.metadata == {"env_id": "FrozenLake-v1,seed=4"}
        assert not trajectory.steps[-1].truncated
        assert [len(step.observation) for step in trajectory.steps] == [1] * 6

    async def test_tools_in_their_rollouts(self) -> None:
        """An agent that is written for LDP plays a tool environment; the reward is that of each step."""
        (trajectory,) = await RolloutManager(real.Going()).sample_trajectories(environments=[to_aviary(Counter(3))])
        assert [(step.reward, step.done) for step in trajectory.steps] == [(1.0, False), (1.0, False), (1.0, True)]
        answers = [step.next_observation[0].content for step in trajectory.steps]
        assert answers == ["counted to 1", "counted to 2", "counted to 3"]

    async def test_mistakes_are_answered(self) -> None:
        """Actions out of range, unknown tools and text come back as messages."""
        env = to_aviary(environment(LAKE), seed=0)
        await env.reset()
        for action, says in (
            (TheirRequest(tool_calls=[TheirCall.from_name("act", action="up and away")]), "Invalid action"),
            (TheirRequest(tool_calls=[TheirCall.from_name("act", place=1)]), "Invalid"),
            (TheirMessage(role="assistant", content="hm"), "No tool calls received"),
        ):
            (answer,), reward, done, truncated = await env.step(action)
            assert says in answer.content
            assert (reward, done, truncated) == (0.0, False, False)

    async def test_step_limit(self) -> None:
        """A limit of Gymnasium's is a truncation there too."""
        env = to_aviary(environment(f"{LAKE},max_episode_steps=1"), seed=0)
        (trajectory,) = await RolloutManager(to_ldp(RandomAgent(), seed=0)).sample_trajectories(environments=[env])
        assert [(step.done, step.truncated) for step in trajectory.steps] == [(False, True)]

    async def test_seeds(self) -> None:
        """Each reset begins the episode of the seed again; messages and lists are new each time."""
        env = to_aviary(environment("Blackjack-v1"), seed=11)
        (first,), _ = await env.reset()
        first.content, told = "spoilt", first.content
        (again,), tools = await env.reset()
        assert again.content == told
        tools.clear()
        assert [tool.info.name for tool in env.tools] == ["act"]

    async def test_written_for_aviary(self) -> None:
        """One of our classes whose reset takes no seed is reset without."""

        class Plain(Counter):
            async def reset(self) -> Any:  # type: ignore[override]
                return await super().reset()

        await to_aviary(Plain(), seed=1).reset()

    async def test_frames(self) -> None:
        """The state as JSON, or the text that a person sees."""
        env = to_aviary(DummyEnv())
        await env.reset()
        frame = env.export_frame()
        assert json.loads(frame.model_dump_json())["state"] == {"messages": ["Write a 5 word story via print_story"]}
        assert to_aviary(Counter(render=lambda _: "drawn")).export_frame().state == "drawn"

    async def test_close_and_names(self) -> None:
        """They are passed on; an environment without a name has none there either."""
        inner = Counter()
        env = to_aviary(inner)
        await env.close()
        assert inner.closed == 1
        with pytest.raises(NotImplementedError):
            await env.get_id()

    async def test_there_and_back(self) -> None:
        """Through both adapters an episode is what it is without them."""

        def seen(events: list[Any]) -> list[Any]:
            told = [e for e in events if isinstance(e, EpisodeStarted | StepTaken)]
            return [[m.model_dump() for m in e.observation] for e in told] + [getattr(e, "reward", None) for e in told]

        alone = await events_of(environment("maze"), RandomAgent(), seed=5, max_steps=12)
        through = AviaryEnvironment(to_aviary(environment("maze"), seed=5))
        assert seen(await events_of(through, RandomAgent(), seed=5, max_steps=12)) == seen(alone)


class TestTasks:
    async def test_of_an_environment(self) -> None:
        """Task i is seed i, of as many as are asked for."""
        tasks = tasks_to_aviary(lambda: environment("Blackjack-v1"), size=3)
        assert (len(tasks), bool(tasks)) == (3, True)
        assert [await tasks.get_new_env_by_idx(i).get_id() for i in range(3)] == [
            f"Blackjack-v1,seed={i}" for i in range(3)
        ]
        with pytest.raises(IndexError, match="0 to 2"):
            tasks.get_new_env_by_idx(3)
        assert tasks.get_new_env_by_args(seed=2).seed == 2
        assert [len(batch) for batch in tasks.iter_batches(2)] == [2, 1]

    async def test_without_end(self) -> None:
        """It has no length, is true all the same, and leaves the seed to chance."""
        tasks = tasks_to_aviary(Counter)
        assert bool(tasks)
        with pytest.raises(TypeError):
            len(tasks)
        assert [env.seed for env in next(tasks.iter_batches(2))] == [None, None]

    async def test_of_our_dataset(self) -> None:
        """Ours keeps its numbers and its arguments."""
        tasks = tasks_to_aviary(Counters())
        (trajectory,) = await RolloutManager(real.Going()).sample_trajectories(
            environments=[tasks.get_new_env_by_idx(1)]
        )
        assert (len(tasks), len(trajectory.steps)) == (3, 2)
        assert tasks.get_new_env_by_args(n=9).environment.n == 9

    async def test_their_server_and_their_client(self) -> None:
        """aviary's own client plays our Blackjack behind aviary's own server, to the same end as here."""
        tasks = tasks_to_aviary(lambda: environment("Blackjack-v1"), size=8)
        agent = to_ldp(ScriptedAgent([("act", {"action": "stick"})]))
        here = await RolloutManager(agent).sample_trajectories(
            environments=[tasks.get_new_env_by_idx(i) for i in range(4)]
        )
        server: TaskDatasetServer[Any] = TaskDatasetServer(tasks, api_key="open-sesame")
        with serving(server.app) as address:
            client = await asyncio.to_thread(TaskDatasetClient, address, api_key="open-sesame")
            there = await RolloutManager(agent).sample_trajectories(
                environments=[client.get_new_env_by_idx(i) for i in range(4)]
            )
            assert len(client) == 8
            assert server.envs == {}

        def told(trajectories: list[Trajectory]) -> list[Any]:
            return [
                [
                    ([(m.content, m.info) for m in step.next_observation], step.reward, step.done)
                    for step in trajectory.steps
                ]
                for trajectory in trajectories
            ]

        assert [trajectory.failed for trajectory in there] == [False] * 4
        assert told(there) == told(here)

    async def test_their_client_here(self) -> None:
        """aviary's own client is an environment like any other: served tasks are played and recorded here."""
        with serving(TaskDatasetServer(real.Tasks(3)).app) as address:
            client = await asyncio.to_thread(TaskDatasetClient, address)
            env = AviaryTasks(client, task=1)
            events = await events_of(env, ScriptedAgent([("go", {})], repeat=True))
        assert [step.observation[0].content for step in only(StepTaken, events)] == ["counted to 1", "counted to 2"]
        assert events[-1].return_ == 2.0

    async def test_theirs_behind_our_server(self) -> None:
        """A real dataset that our server holds is played by aviary's own client, and by ours."""
        with serving_dataset(RegistryTaskDataset("tests.adapters.real_environments:Tasks,size=3", size=3)) as address:
            client = await asyncio.to_thread(TaskDatasetClient, address)
            played = await RolloutManager(real.Going()).sample_trajectories(
                environments=[client.get_new_env_by_idx(i) for i in range(3)]
            )
            env, _ = make_environment(f"remote:{address},task=2")
            events = await events_of(env, ScriptedAgent([("go", {})], repeat=True))
        assert [len(trajectory.steps) for trajectory in played] == [1, 2, 3]
        assert [trajectory.failed for trajectory in played] == [False] * 3
        assert (events[-1].reason, events[-1].return_) == ("terminated", 3.0)


class TestAgents:
    async def test_that_look_at_the_environment(self) -> None:
        """They are given it; without it they say so."""
        lake = environment(LAKE)
        for agent in (to_ldp(MaskRandomAgent(), environment=lake, seed=1), to_ldp(RandomAgent(), seed=1)):
            (trajectory,) = await RolloutManager(agent).sample_trajectories(
                environments=[to_aviary(lake, seed=1)], max_steps=3
            )
            assert not trajectory.failed
        with pytest.raises(Exception, match="list their legal actions"):
            await RolloutManager(to_ldp(MaskRandomAgent()), catch_agent_failures=False).sample_trajectories(
                environments=[to_aviary(Counter())]
            )

    async def test_person(self) -> None:
        """What a person submits is played."""
        human = HumanAgent()
        agent = to_ldp(human)
        manager = RolloutManager(agent)
        playing = asyncio.create_task(manager.sample_trajectories(environments=[to_aviary(Counter(2))]))
        while human._loop is None:
            await asyncio.sleep(0)
        for _ in range(2):
            human.submit(ToolRequestMessage(tool_calls=[ToolCall.from_name("go")]))
        (trajectory,) = await asyncio.wait_for(playing, 10)
        assert [step.next_observation[0].content for step in trajectory.steps] == ["counted to 1", "counted to 2"]

    async def test_files(self, tmp_path: Path) -> None:
        """States are plain and of constant size, so that LDP's files stay short and can be read again."""
        agent = to_ldp(RandomAgent(), seed=0)
        (trajectory,) = await RolloutManager(agent).sample_trajectories(environments=[to_aviary(Counter(40))])
        await trajectory.to_jsonl(tmp_path / "played.jsonl")
        again = Trajectory.from_jsonl(tmp_path / "played.jsonl")
        assert again.steps[-1].next_agent_state == {"turns": len(again.steps)}
        lines = (tmp_path / "played.jsonl").read_text().splitlines()[1:]
        assert len(lines[-1]) < len(lines[0]) + 100

    async def test_attributes_are_not_walked(self) -> None:
        """LDP looks for ops in all that an agent's attributes reach; a large table of ours costs it nothing."""

        class Large(RandomAgent):
            def __init__(self) -> None:
                super().__init__()
                self.table = Unwalkable()

        class Unwalkable(dict[int, int]):
            def items(self) -> Any:
                raise AssertionError("walked")

        to_ldp(Large())

    async def test_ops_do_not_pile_up(self) -> None:
        """All turns share one op, where LDP's `wrap_action` leaves one behind for each."""
        agent = to_ldp(ScriptedAgent([("go", {})], repeat=True))
        before = len(registries._OP_REGISTRY)
        (trajectory,) = await RolloutManager(agent).sample_trajectories(environments=[to_aviary(Counter(50))])
        assert len(trajectory.steps) == 50
        assert len(registries._OP_REGISTRY) == before

    async def test_messages_are_its_own(self) -> None:
        """What the environment gets is no object of the player's, nor the other way round."""
        script = [
            ToolRequestMessage(tool_calls=[ToolCall(id="1", function={"name": "say", "arguments": {"word": "a"}})])
        ]
        env: TheirEnvironment[Any] = real.Aliasing()
        await RolloutManager(to_ldp(ScriptedAgent(script))).sample_trajectories(environments=[env], max_steps=1)
        assert script[0].tool_calls[0].function.arguments == {"word": "a"}


def test_tool_answer_of_ours() -> None:
    """A tool's answer keeps name, id and info in aviary's class."""
    answer = ToolResponseMessage(content="3", name="go", tool_call_id="x", info={"failed": True})
    theirs = message_to_aviary(answer)
    assert (type(theirs).__name__, theirs.info, theirs.name) == ("ToolResponseMessage", {"failed": True}, "go")
