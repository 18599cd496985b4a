"""Real aviary environments play here, whatever their habits. Each section is one habit that trips up who records."""

from __future__ import annotations

import asyncio
import copy
import json
import random
import threading
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("aviary")

from ldp_tui.adapters.aviary_env import BEST_EFFORT, AviaryEnvironment, AviaryTasks
from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.core.agent import Agent
from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction, ToolRequestMessage, ToolResponseMessage
from ldp_tui.core.tools import tool_schema
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, StepTaken
from ldp_tui.engine.record import record
from ldp_tui.engine.replay import replay
from ldp_tui.engine.rollout import close_bounded, rollout
from ldp_tui.lint.tools import lint_tool, source_file
from ldp_tui.store.reader import Reader
from ldp_tui.store.writer import Writer
from ldp_tui.testing import check_env
from tests.adapters import real_environments as real
from tests.engine.playing import ending, events_of, kept, only

aviary = pytest.importorskip("aviary.core")


def going(*arguments: dict[str, Any]) -> Agent[int]:
    """Calls `go` with each of the arguments, and without any when they are used up."""
    return ScriptedAgent([*(("go", one) for one in arguments), *[("go", {})] * 20])


def request(*calls: tuple[str, str, dict[str, Any]]) -> ToolRequestMessage:
    """A message with calls of (id, name, arguments)."""
    return ToolRequestMessage(
        tool_calls=[ToolCall(id=i, function=ToolCallFunction(name=n, arguments=a)) for i, n, a in calls]
    )


async def recorded(writer: Writer, env: AviaryEnvironment, agent: Agent[Any], **options: Any) -> list[Any]:
    """Events of an episode that is recorded while it is played."""
    async with aclosing(record(rollout(env, agent, **options), writer, run_uid="run")) as events:
        return [event async for event in events]


async def test_conformance() -> None:
    """An adapted environment keeps the rules of this package: seeds, copies, answers to mistakes, close at any time."""
    await asyncio.to_thread(check_env, lambda: AviaryEnvironment(real.Dice()), script=[("throw", {})] * 3)


class TestSharedMutableMessages:
    async def test_dummy_environment(self) -> None:
        """aviary's DummyEnv hands out its own list and extends it; what was seen first stays one message."""
        events = await events_of(
            AviaryEnvironment(aviary.DummyEnv(end_immediately=False)),
            ScriptedAgent([("cast_int", {"x": 3.5}), ("print_story", {"story": "a b c d e"})]),
            max_steps=2,
        )
        (started,) = only(EpisodeStarted, events)
        assert [message.content for message in started.observation] == ["Write a 5 word story via print_story"]
        assert [[m.content for m in step.observation] for step in only(StepTaken, events)] == [["3"], ["null"]]

    async def test_info_that_changes(self) -> None:
        """What is handed out holds no object of the environment's, down to the values of `info`."""
        inner = real.Aliasing()
        (message,), _ = await AviaryEnvironment(inner).reset()
        inner.state[0].info["left"].append("spoilt")
        assert message.info == {"left": [3]}

    async def test_recording_beside_an_independent_log(self, writer: Writer, database: Path) -> None:
        """An environment that rewrites all it ever handed out, and the arguments it got, cannot change the record."""
        env = real.Aliasing()
        words = [("say", {"word": word}) for word in ("one", "two", "three")]
        told = await recorded(writer, AviaryEnvironment(env), ScriptedAgent(words))
        with Reader(database) as reader:
            (uid,) = reader.uids()
            stored = list(replay(reader, uid))
        for events in (told, stored):
            (started,), steps = only(EpisodeStarted, events), only(StepTaken, events)
            assert [[m.content for m in e.observation] for e in (started, *steps)] == env.log
            assert started.observation[0].info == {"left": [3]}
            assert [step.action.tool_calls[0].function.arguments for step in steps] == [args for _, args in words]


class TestWhatDumpsLeaveOut:
    async def test_info_and_kinds(self, writer: Writer, database: Path) -> None:
        """Info, JSON content, cache marks and the kind of each message are in the record."""
        env = real.Saying(
            [aviary.Message(content="text", info={"source": ["a", {"b": 1}]}, cache_breakpoint=True)],
            [
                aviary.Message(content={"a": [1, None]}, info={"is_env_state": True}),
                aviary.ToolResponseMessage(content='{"x": 1}', content_is_json_str=True, name="t", tool_call_id="1"),
                aviary.Message(role="assistant", content="I said that."),
                aviary.ToolRequestMessage(
                    content="call", tool_calls=[aviary.ToolCall.from_name("t", id="c", n=[1])], info={"k": "v"}
                ),
            ],
        )
        await recorded(writer, AviaryEnvironment(env), ScriptedAgent(["hello"]))
        with Reader(database) as reader:
            events = list(replay(reader, reader.uids()[0]))
        (first,) = only(EpisodeStarted, events)[0].observation
        assert (first.content, first.info, first.cache_breakpoint) == ("text", {"source": ["a", {"b": 1}]}, True)
        state, answer, said, call = only(StepTaken, events)[0].observation
        assert state.deserialized_content == {"a": [1, None]}
        assert state.is_env_state
        assert isinstance(answer, ToolResponseMessage)
        assert (answer.content, answer.content_is_json_str) == ('{"x": 1}', True)
        assert type(said) is Message
        assert said.role == "assistant"
        assert isinstance(call, ToolRequestMessage)
        assert (call.content, call.info, call.tool_calls[0].function.arguments) == ("call", {"k": "v"}, {"n": [1]})

    @pytest.mark.filterwarnings("ignore:EnvStateMessage is deprecated:DeprecationWarning")
    async def test_state_message_of_the_old_kind(self) -> None:
        """aviary's deprecated class stays a class of its own here."""
        env = AviaryEnvironment(real.Saying([aviary.EnvStateMessage(content="all of it")]))
        ((message,), _) = await env.reset()
        assert isinstance(message, EnvStateMessage)
        assert message.is_env_state

    @pytest.mark.parametrize(
        ("given", "content", "is_json", "multimodal"),
        [
            ("[not a list", "[not a list", False, False),
            ('[{"type": "text", "text": "x"}]', '[{"type": "text", "text": "x"}]', False, False),
            ({"type": "text"}, '{"type": "text"}', True, False),
            ([{"type": "text", "text": "x"}], '[{"type": "text", "text": "x"}]', True, True),
            ([1, 2], "[1, 2]", True, False),
            (None, None, False, False),
        ],
        ids=["bracket", "json-text", "object", "blocks", "list", "none"],
    )
    async def test_content_that_may_be_json(self, given: Any, content: Any, is_json: bool, multimodal: bool) -> None:
        """What the content is comes from its flag, never from how it begins."""
        env = AviaryEnvironment(real.Saying([aviary.Message(content=copy.deepcopy(given))]))
        ((message,), _) = await env.reset()
        assert (message.content, message.content_is_json_str, message.is_multimodal) == (content, is_json, multimodal)


async def test_same_picture_in_every_step(writer: Writer, database: Path) -> None:
    """A screenshot that comes with each observation is on disk once."""
    url = "data:image/png;base64," + "".join(
        random.Random(0).choices("abcdefghijklmnopqrstuvwxyz0123456789+/", k=400_000)
    )
    screen = aviary.Message(content=[{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "now"}])
    env = real.Saying([screen], *[[screen]] * 8)
    await recorded(writer, AviaryEnvironment(env), ScriptedAgent(["on"], repeat=True))
    writer.close()
    with Reader(database) as reader:
        steps = only(StepTaken, list(replay(reader, reader.uids()[0])))
    assert len(steps) == 8
    assert all(json.loads(step.observation[0].content)[0]["image_url"]["url"] == url for step in steps)
    assert database.stat().st_size < 2.5 * len(url)


async def test_constructors_and_tools_that_change_what_they_get() -> None:
    """The message that is passed on is a copy down to the arguments: the player's own stays as it was."""

    def spoil(env: real.Counting, action: Any) -> Any:
        action.content = "spoilt"
        action.tool_calls[0].function.arguments["by"] = "spoilt"
        return [aviary.Message(content="ok")], 0.0, True, False

    sent = request(("c1", "go", {"by": 2}))
    (step,) = only(StepTaken, await events_of(AviaryEnvironment(real.Counting(step=spoil)), ScriptedAgent([sent])))
    assert step.action == sent == request(("c1", "go", {"by": 2}))


async def test_call_ids_that_repeat(writer: Writer, database: Path) -> None:
    """A model that numbers its calls anew in each turn, or gives one id twice, records and replays like any other."""
    script = [request(("call_1", "go", {"by": 1})), request(("call_1", "go", {"by": 1}), ("call_1", "go", {"by": 2}))]
    told = await recorded(writer, AviaryEnvironment(real.Counting(4)), ScriptedAgent(script))
    with Reader(database) as reader:
        assert kept(list(replay(reader, reader.uids()[0]))) == kept(told)
    answers = [[(m.tool_call_id, m.content) for m in step.observation] for step in only(StepTaken, told)]
    assert answers[0] == [("call_1", "counted to 1")]
    assert [call_id for call_id, _ in answers[1]] == ["call_1", "call_1"]


class TestHiddenArguments:
    async def test_sent_by_a_player(self) -> None:
        """`state` and `tool_call_id` belong to the environment: what a player sends for them does not reach it."""
        env = AviaryEnvironment(aviary.DummyEnv())
        await env.reset()
        arguments = {"story": "a b c d e", "state": {"reward": 99}, "tool_call_id": "mine"}
        _, reward, done, _ = await env.step(request(("1", "print_story", arguments)))
        assert (reward, done) == (1.0, True)

    async def test_shown_to_a_player(self) -> None:
        """Schemas do not mention them."""
        _, tools = await AviaryEnvironment(aviary.DummyEnv()).reset()
        assert {tool.info.name: list(tool.info.get_properties()) for tool in tools} == {
            "print_story": ["story"],
            "cast_float": ["x"],
            "cast_int": ["x"],
            "get_random_int": [],
        }

    async def test_own_parameter_of_that_name(self) -> None:
        """A schema that names one of them gets it."""
        got: list[Any] = []

        def step(env: Any, action: Any) -> Any:
            got.append(action.tool_calls[0].function.arguments)
            return [aviary.Message(content="ok")], 0.0, True, False

        inner = real.Counting(step=step)
        await inner.reset()
        tool = inner.tools[0].model_copy(deep=True)
        tool.info.parameters.properties["state"] = {"type": "string"}

        class Own(real.Counting):
            async def reset(self) -> Any:
                self.tools = [tool]
                return [aviary.Message(content="x")], self.tools

        env = AviaryEnvironment(Own(step=step))
        await env.reset()
        await env.step(request(("1", "go", {"state": "Ohio"})))
        assert got == [{"state": "Ohio"}]


async def test_tools_as_the_browser_shows_them() -> None:
    """Remarks and places are those of the function in the environment's own source."""
    _, tools = await AviaryEnvironment(aviary.DummyEnv()).reset()
    remarks = {tool.info.name: [remark.rule for remark in lint_tool(tool)] for tool in tools}
    assert remarks["print_story"] == []
    assert Path(source_file(tools[0]) or "").parts[-2:] == ("aviary", "env.py")
    _, (method,) = await AviaryEnvironment(real.Counting()).reset()
    assert lint_tool(method) == []


async def test_tools_that_close_over_their_environment() -> None:
    """The tools that players get describe themselves and cannot be called: only `step` calls them."""
    inner = real.Counting()
    env = AviaryEnvironment(inner)
    _, tools = await env.reset()
    with pytest.raises(NotImplementedError, match="step the environment"):
        tools[0].function(by=1)
    assert tool_schema(tools[0])["parameters"]["properties"]["by"]["description"] == "How far."
    await env.step(request(("1", "go", {"by": 2})))
    assert (inner.steps, inner.state) == (1, 2)


class TestArguments:
    async def test_text_where_a_number_is_meant(self) -> None:
        """They are converted where nothing is lost; defaults are left to the tool."""
        inner = real.Counting()
        await (env := AviaryEnvironment(inner)).reset()
        await env.step(request(("1", "go", {"by": "2"})))
        assert inner.got == [{"by": 2, "note": None}]

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [({"by": "two"}, "by: must be a whole number"), ({"distance": 2}, "distance"), ({"by": [1]}, "by: must be")],
        ids=["value", "name", "type"],
    )
    async def test_that_do_not_fit(self, arguments: dict[str, Any], says: str) -> None:
        """aviary would raise TypeError and end the episode; here they are answered without asking the environment."""
        inner = real.Counting()
        await (env := AviaryEnvironment(inner)).reset()
        (answer,), reward, done, truncated = await env.step(request(("1", "go", arguments)))
        assert isinstance(answer, ToolResponseMessage)
        assert says in str(answer.content)
        assert answer.info == {"failed": True}
        assert (reward, done, truncated, inner.steps) == (0.0, False, False, 0)

    async def test_some_that_fit(self) -> None:
        """The others are carried out; every call has one answer, in the order of the calls."""
        inner = real.Counting(99)
        await (env := AviaryEnvironment(inner)).reset()
        answers, *_ = await env.step(
            request(("a", "go", {"by": "?"}), ("b", "go", {"by": 2}), ("c", "go", {"by": {}}), ("d", "go", {"by": 3}))
        )
        assert [answer.tool_call_id for answer in answers] == ["a", "b", "c", "d"]
        assert [answer.content for answer in answers][1::2] == ["counted to 2", "counted to 5"]
        assert [bool((answer.info or {}).get("failed")) for answer in answers] == [True, False, True, False]

    async def test_of_an_unknown_tool(self) -> None:
        """They reach the environment, whose own answer and reward count."""
        await (env := AviaryEnvironment(real.Counting(reward=-1.0))).reset()
        (answer,), reward, *_ = await env.step(request(("1", "fly", {})))
        assert (answer.content, reward) == ("Invalid tool call: fly", -1.0)

    async def test_that_were_no_json(self) -> None:
        """A call that a model garbled is answered as an unknown tool, as in aviary."""
        await (env := AviaryEnvironment(real.Counting())).reset()
        garbled = ToolCall(id="1", function=ToolCallFunction.model_validate({"name": "go", "arguments": "{oops"}))
        (answer,), *_ = await env.step(ToolRequestMessage(tool_calls=[garbled]))
        assert answer.content == "Invalid tool call: INVALID"

    async def test_of_no_call(self) -> None:
        """Text, and a request without calls, reach the environment too."""
        await (env := AviaryEnvironment(aviary.DummyEnv())).reset()
        (answer,), reward, done, _ = await env.step(Message(role="assistant", content="hm"))
        assert "No tool calls received" in str(answer.content)
        (answer,), *_ = await env.step(ToolRequestMessage(content="hm"))
        assert "No tool calls input" in str(answer.content)
        assert (reward, done) == (0.0, False)


class TestSynchronousTools:
    async def test_past_its_time_limit(self) -> None:
        """The thread cannot be stopped: the episode ends as failed and names the tool."""
        env = real.Waiting(timeout=0.01)
        try:
            end = await ending(AviaryEnvironment(env), ScriptedAgent([("wait", {})]))
        finally:
            env.release.set()
        assert (end.reason, end.phase, end.detail) == ("failed", "tool", "wait: TimeoutError: TimeoutError")

    async def test_cancelled(self) -> None:
        """A stop is heard at once, though the thread goes on."""
        env = real.Waiting()
        task = asyncio.create_task(ending(AviaryEnvironment(env), ScriptedAgent([("wait", {})])))
        try:
            assert await asyncio.to_thread(env.begun.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 1)
        finally:
            env.release.set()


class TestExceptions:
    async def test_in_a_tool(self, writer: Writer, database: Path) -> None:
        """The episode is failed, not done; whose failure it was is told, and all steps before it are on disk."""

        def fail(env: real.Counting) -> None:
            if env.state == 2:
                raise ZeroDivisionError("by nothing")

        events = await recorded(writer, AviaryEnvironment(real.Counting(9, tool=fail)), going())
        end = events[-1]
        assert (end.reason, end.phase, end.detail) == ("failed", "tool", "go: ZeroDivisionError: by nothing")
        with Reader(database) as reader:
            steps = only(StepTaken, list(replay(reader, reader.uids()[0])))
        assert [(step.terminated, step.truncated) for step in steps] == [(False, False)] * 2

    @pytest.mark.parametrize("where", ["reset", "step"])
    async def test_in_the_environment(self, where: str) -> None:
        """The phase is `env`."""

        def fail(*_: Any) -> None:
            raise KeyError("lost")

        end = await ending(AviaryEnvironment(real.Counting(**{where: fail})), going())
        assert (end.reason, end.phase, end.detail) == ("failed", "env", "KeyError: 'lost'")

    async def test_value_that_is_no_message(self) -> None:
        """An environment that hands out plain text fails with a sentence."""
        end = await ending(AviaryEnvironment(real.Counting(reset=lambda _: ["hello"])), going())
        assert (end.phase, end.detail) == ("env", "TypeError: a message was expected, not a str")


class TestClose:
    async def test_that_raises(self, writer: Writer) -> None:
        """What was played is kept, and ends as it ended."""

        async def fail() -> None:
            raise OSError("gone")

        inner = real.Counting(1, close=lambda _: fail())
        events = await recorded(writer, AviaryEnvironment(inner), going())
        assert (events[-1].reason, events[-1].return_, inner.closed) == ("terminated", 1.0, 1)

    async def test_that_hangs(self) -> None:
        """It is given up after its time."""
        inner = real.Counting(close=lambda _: asyncio.Event().wait())
        await asyncio.wait_for(close_bounded(AviaryEnvironment(inner), seconds=0.01), 5)
        assert inner.closed == 1


@pytest.mark.parametrize(
    ("reward", "done", "truncated", "reason"),
    [
        (np.float32(0.5), np.bool_(True), 0, "terminated"),
        (1, 0, np.True_, "truncated"),
        (True, 1, 1, "terminated"),
    ],
    ids=["numpy", "whole", "bool"],
)
async def test_reward_and_flags_of_other_types(reward: Any, done: Any, truncated: Any, reason: str) -> None:
    """They are Python's own from here on, and the end has a reason."""
    outcome = ([aviary.Message(content="end")], reward, done, truncated)
    events = await events_of(AviaryEnvironment(real.Counting(step=lambda *_: outcome)), going())
    (step,), (end,) = only(StepTaken, events), only(EpisodeEnded, events)
    assert [type(value) for value in (step.reward, step.terminated, step.truncated)] == [float, bool, bool]
    assert (step.reward, end.reason) == (float(reward), reason)


async def test_tools_that_change_while_playing() -> None:
    """The step in which they change says so in its info, and the new schemas count from then on."""
    env = AviaryEnvironment(real.Growing(9))
    _, tools = await env.reset()
    assert [tool.info.name for tool in tools] == ["go"]
    await env.step(request(("1", "go", {})))
    assert [schema["name"] for schema in env.info()["tools"]] == ["go", "stop"]
    (answer,), *_ = await env.step(request(("1", "stop", {})))
    assert "reason" in str(answer.content)
    assert env.info() == {}
    _, _, done, _ = await env.step(request(("1", "stop", {"reason": "enough"})))
    assert done


class TestOptionalMethods:
    @pytest.mark.parametrize("error", [NotImplementedError, ValueError, AttributeError])
    async def test_that_raise(self, error: type[Exception]) -> None:
        """Each of the exceptions in use means that there is nothing: no identifier, an empty frame."""
        env = AviaryEnvironment(real.Nameless(error))
        assert env.export_frame().model_dump() == {"state": None, "info": None}
        with pytest.raises(NotImplementedError, match="Nameless"):
            await env.get_id()
        (started, *_) = await events_of(env, going())
        assert started.task_id is None

    async def test_that_work(self) -> None:
        """The identifier is the episode's task; the frame is JSON."""
        env = AviaryEnvironment(aviary.DummyEnv(task="cats"))
        (started, *_) = await events_of(env, ScriptedAgent([("print_story", {"story": "a"})]))
        assert started.task_id == "cats"
        assert json.loads(env.export_frame().model_dump_json())["info"]["reward"] == 1.0

    async def test_before_the_first_reset(self) -> None:
        """A dataset's environment has neither yet, and can be closed."""
        env = AviaryTasks(real.Tasks())
        await env.close()
        assert env.export_frame().state is None
        with pytest.raises(NotImplementedError):
            await env.get_id()


class TestSeeds:
    async def test_environment_that_takes_none(self) -> None:
        """The process's own generators are seeded for its calls alone, which is said in the reset's info."""

        async def played(seed: int | None) -> list[Any]:
            events = await events_of(AviaryEnvironment(real.Dice()), ScriptedAgent([("throw", {})] * 3), seed=seed)
            infos.append(events[0].info)
            return [[m.content for m in e.observation] for e in events if isinstance(e, EpisodeStarted | StepTaken)]

        infos: list[Any] = []
        before = random.getstate(), np.random.get_state()[1].tolist()
        first, again, other = await played(7), await played(7), await played(8)
        assert first == again != other
        assert (random.getstate(), np.random.get_state()[1].tolist()) == before
        assert await played(None) != await played(None)
        assert infos == [{"seeded": BEST_EFFORT}] * 3 + [{}] * 2

    async def test_environment_that_takes_one(self) -> None:
        """It gets it, and nothing else is seeded."""
        inner = real.Seeded()
        env = AviaryEnvironment(inner)
        await env.reset(seed=5)
        assert (inner.seed, env.info()) == (5, {})


async def test_constructors_that_block() -> None:
    """A dataset that reads files or asks a server for a task holds up nothing else that runs."""
    begun, allowed = threading.Event(), threading.Event()
    env = AviaryTasks(real.Tasks(begun=begun, wait=allowed))
    resetting = asyncio.create_task(env.reset(seed=1))
    assert await asyncio.to_thread(begun.wait, 10)
    allowed.set()  # the loop runs on, or nothing would ever allow it
    messages, _ = await asyncio.wait_for(resetting, 10)
    assert messages[0].content == "Count to 2."


class TestCopies:
    async def test_refused(self) -> None:
        """A copy's tools would change the original: copying says what to do instead."""
        env = AviaryEnvironment(aviary.DummyEnv())
        await env.reset()
        with pytest.raises(TypeError, match="play its actions again"):
            copy.deepcopy(env)

    async def test_before_the_first_reset(self) -> None:
        """Nothing is shared yet: the copy plays by itself. Copies of a dataset's environment share the dataset."""
        inner, tasks = real.Counting(5), real.Tasks()
        clone = copy.deepcopy(AviaryEnvironment(inner))
        await clone.reset()
        await clone.step(request(("1", "go", {"by": 2})))
        assert (clone.aviary_env.state, inner.steps) == (2, 0)
        other = copy.deepcopy(AviaryTasks(tasks, task=1))
        assert (await other.reset())[0][0].content == "Count to 2."
        assert other.dataset is tasks

    async def test_branch_by_playing_again(self) -> None:
        """Recorded actions lead to the same observations in a new environment."""
        script = [("throw", {})] * 3
        events = await events_of(AviaryEnvironment(real.Dice()), ScriptedAgent(script), seed=3)
        replayed = ScriptedAgent([step.action for step in only(StepTaken, events)])
        again = await events_of(AviaryEnvironment(real.Dice()), replayed, seed=3)
        assert [step.observation[0].content for step in only(StepTaken, again)] == [
            step.observation[0].content for step in only(StepTaken, events)
        ]


class TestTasks:
    async def test_chosen_by_the_seed(self) -> None:
        """Seed s plays task s, beginning again behind the last; each episode gets an environment of its own."""
        tasks = real.Tasks(3)
        env = AviaryTasks(tasks)
        goals = [(await env.reset(seed=seed))[0][0].content for seed in range(4)]
        assert goals == ["Count to 1.", "Count to 2.", "Count to 3.", "Count to 1."]
        assert [inner.closed for inner in tasks.made] == [1, 1, 1, 0]
        assert (await env.get_id(), env.info()["task"]) == ("0", 0)

    async def test_chosen_by_number(self) -> None:
        """The number wins over the seed."""
        env = AviaryTasks(real.Tasks(3), task=2)
        assert {(await env.reset(seed=seed))[0][0].content for seed in range(3)} == {"Count to 3."}

    async def test_without_seed(self) -> None:
        """Any of them is drawn."""
        env = AviaryTasks(real.Tasks(2))
        assert {(await env.reset())[0][0].content for _ in range(64)} == {"Count to 1.", "Count to 2."}

    async def test_endless(self) -> None:
        """Each episode takes the next one, whatever the seed."""
        env = AviaryTasks(real.Endless())
        assert [(await env.reset(seed=0))[0][0].content for _ in range(3)] == [f"Count to {n}." for n in (1, 2, 3)]
        with pytest.raises(NotImplementedError):
            await env.get_id()

    async def test_none_at_all(self) -> None:
        """An empty dataset fails with a sentence."""
        end = await ending(AviaryTasks(real.Tasks(0)), going())
        assert (end.phase, end.detail) == ("env", "ValueError: The dataset holds no task.")
