"""Episodes as events: what they carry, how they end, what they leave behind."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from ldp_tui.agents.human import HumanAgent, RealTime
from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.core.agent import PlainAction, Usage, propose, reflect, spend
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import EnvError, ToolError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.engine.events import (
    ActionProposed,
    AgentRecord,
    EnvironmentRecord,
    EpisodeEnded,
    EpisodeStarted,
    Event,
    ReflectionDelta,
    StepTaken,
)
from ldp_tui.engine.rollout import close_bounded, rollout
from tests.engine.playing import Counter, Going, Thinking, ending, events_of, only


def broken(*_: Any) -> Any:
    raise RuntimeError("broken\n  twice")


async def test_episode() -> None:
    """The order of events is fixed, and each carries what happened; rewards add up."""
    env, agent = Counter(2, success=lambda _: True, get_id=lambda _: "task"), Going()
    events = await events_of(env, agent, seed=5, options={"a": 1}, uid="u")
    assert [type(event) for event in events] == [
        EpisodeStarted, ActionProposed, StepTaken, ActionProposed, StepTaken, EpisodeEnded,
    ]  # fmt: skip
    started, _, first, proposed, last, ended = events
    assert isinstance(started, EpisodeStarted)
    assert isinstance(first, StepTaken)
    assert isinstance(last, StepTaken)
    assert isinstance(proposed, ActionProposed)
    assert isinstance(ended, EpisodeEnded)
    assert (started.uid, started.seed, started.task_id, dict(started.options)) == ("u", 5, "task", {"a": 1})
    assert (env.seed, env.options) == (5, {"a": 1})
    assert started.environment.name == "Counter"
    assert started.agent == AgentRecord("Going", "scripted")
    assert started.observation[0].content == "Count to 2."
    assert started.tools[0]["name"] == "go"
    assert (first.index, last.index, last.terminated, last.truncated, last.value) == (0, 1, True, False, 0.5)
    assert proposed.action == last.action
    assert last.observation[0].content == "counted to 2"
    assert (ended.reason, ended.return_, ended.steps, ended.success, ended.phase) == ("terminated", 2.0, 2, True, None)
    assert env.closed == 1


async def test_records_that_are_given() -> None:
    """They are the ones in the event, and the uid is a new one each time."""
    environment, player = EnvironmentRecord("e", spec={"x": 1}), AgentRecord("a", "llm", "m")
    started = [(await events_of(Counter(), environment=environment, player=player))[0] for _ in range(2)]
    assert all(isinstance(s, EpisodeStarted) and (s.environment, s.agent) == (environment, player) for s in started)
    assert started[0].uid < started[1].uid  # type: ignore[union-attr]


class Aliasing(Environment[None]):
    """Hands out its own messages, info and legal actions, and changes them afterwards."""

    def __init__(self) -> None:
        self.messages: Messages = []
        self.diagnostics: dict[str, Any] = {"numbers": [0]}
        self.legal: list[dict[str, Any]] = [{"name": "go", "arguments": {"by": [0]}}]

    async def reset(self) -> tuple[Messages, list[Tool]]:  # type: ignore[override]
        self.messages = [Message(content="first", info={"numbers": [0]})]
        return self.messages, []

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        action.content = "changed by the environment"
        self.messages[0].content = "changed"
        self.messages[0].info["numbers"].append(1)  # type: ignore[index]
        self.messages.append(Message(content="later"))
        self.diagnostics["numbers"].append(1)
        self.legal[0]["arguments"]["by"].append(1)
        return self.messages, 1.0, len(self.messages) > 2, False

    def info(self) -> dict[str, Any]:
        return self.diagnostics

    def legal_actions(self) -> list[dict[str, Any]]:
        return self.legal


async def test_environment_that_changes_what_it_gave() -> None:
    """Events stay as they were when they were told."""
    started, _, first, _, _, _ = await events_of(Aliasing(), ScriptedAgent(["a", "b"]))
    assert isinstance(started, EpisodeStarted)
    assert isinstance(first, StepTaken)
    assert [(m.content, m.info) for m in started.observation] == [("first", {"numbers": [0]})]
    assert started.info == {"numbers": [0]}
    assert started.legal_actions == ({"name": "go", "arguments": {"by": [0]}},)
    assert [m.content for m in first.observation] == ["changed", "later"]
    assert first.action.content == "a"
    assert first.info == {"numbers": [0, 1]}


async def test_agent_that_changes_what_it_sees() -> None:
    """Neither the record nor the environment notices; nor that it changes its action later."""
    action = ToolRequestMessage(tool_calls=[ToolCall.from_name("go", id="1", by=1)])

    def spoil(obs: list[Message]) -> Message:
        for message in obs:
            message.content = "spoiled"
            (message.info or {}).clear()
        obs.clear()
        action.tool_calls[0].function.arguments["by"] += 1
        return action

    events = await events_of(Counter(3), Going(choose=spoil), max_steps=2)
    started, *_ = events
    assert isinstance(started, EpisodeStarted)
    assert started.observation[0].content == "Count to 3."
    steps = only(StepTaken, events)
    assert [step.action.tool_calls[0].function.arguments for step in steps] == [{"by": 2}, {"by": 3}]
    assert steps[0].observation[0].content == "counted to 2"


async def test_arrays_in_info_and_arguments() -> None:
    """They are numbers and lists in events, whatever the environment and agent hand out."""
    env = Counter(1, info=lambda _: {"a": np.arange(2), "b": np.float32(0.5), "c": {1}})
    call = ToolRequestMessage(tool_calls=[ToolCall.from_name("go", by=np.int64(1))])
    events = await events_of(env, Going(choose=lambda _: call))
    (step,) = only(StepTaken, events)
    assert step.info == {"a": [0, 1], "b": 0.5, "c": {1}}
    assert step.terminated
    assert type(step.action.tool_calls[0].function.arguments["by"]) is int


@pytest.mark.parametrize(
    ("env", "agent", "phase", "steps", "detail"),
    [
        (Counter(reset=broken), Going(), "env", 0, "RuntimeError: broken twice"),
        (Counter(step=broken), Going(), "env", 0, "RuntimeError: broken twice"),
        (Counter(step=lambda _: ([], "much", False, False)), Going(), "env", 0, "ValueError: could not convert"),
        (Counter(step=lambda _: ([], 0.0)), Going(), "env", 0, "ValueError: not enough values"),
        (Counter(step=lambda _: (["text"], 0.0, False, False)), Going(), "env", 0, "AttributeError"),
        (Counter(info=lambda env: broken() if env.state == 2 else {}), Going(), "env", 1, "RuntimeError"),
        (Counter(render=broken), Going(), "env", 0, "RuntimeError"),
        (Counter(get_id=broken), Going(), "env", 0, "RuntimeError"),
        (Counter(tool=broken), Going(), "tool", 0, "go: RuntimeError: broken twice"),
        (Counter(), Going(prepare=broken), "agent", 0, "RuntimeError: broken twice"),
        (Counter(), Going(init_state=broken), "agent", 0, "RuntimeError"),
        (Counter(), Going(choose=broken), "agent", 0, "RuntimeError: broken twice"),
        (Counter(), Going(choose=lambda _: 3), "agent", 0, "not int"),
        (Counter(), Thinking(choose=broken), "agent", 0, "RuntimeError"),
        (Counter(), ScriptedAgent([("go", {})]), "agent", 1, "all are used up"),
        (Counter(), ScriptedAgent([]), "agent", 0, "0 actions"),
    ],
)
async def test_failure(env: Counter, agent: Any, phase: str, steps: int, detail: str) -> None:
    """It ends the episode with whose failure it was and one line of what happened; the environment is closed."""
    events = await events_of(env, agent, render=True, seed=3, max_steps=9)
    started, *_, ended = events
    assert isinstance(started, EpisodeStarted)
    assert isinstance(ended, EpisodeEnded)
    assert (started.seed, started.max_steps) == (3, 9)
    assert (ended.reason, ended.phase, ended.steps, ended.success) == ("failed", phase, steps, None)
    assert detail in (ended.detail or "")
    assert "\n" not in (ended.detail or "")
    assert env.closed == 1


@pytest.mark.parametrize(("error", "phase"), [(EnvError("mine"), "env"), (ToolError("mine"), "tool")])
async def test_error_that_says_whose_it_is(error: Exception, phase: str) -> None:
    """Its phase counts, wherever it is raised."""

    def choose(_: Any) -> None:
        raise error

    ended = await ending(Counter(), Going(choose=choose))
    assert (ended.phase, ended.detail) == (phase, "mine")


async def test_step_limit() -> None:
    """It truncates with its last step; a task that ends with that very step has terminated."""
    *_, step, ended = await events_of(Counter(3, success=lambda _: False), max_steps=2)
    assert isinstance(step, StepTaken)
    assert isinstance(ended, EpisodeEnded)
    assert (step.terminated, step.truncated) == (False, True)
    assert (ended.reason, ended.steps, ended.success) == ("truncated", 2, False)
    assert (await ending(Counter(2), max_steps=2)).reason == "terminated"
    assert (await ending(Counter(2), max_steps=0)).steps == 0


async def test_environment_that_truncates() -> None:
    """The two facts are told apart, and kept where both hold."""
    env = Counter(step=lambda _: ([], 0.0, False, True))
    assert (await ending(env)).reason == "truncated"
    *_, step, ended = await events_of(Counter(step=lambda _: ([], 0.0, True, True)))
    assert isinstance(step, StepTaken)
    assert isinstance(ended, EpisodeEnded)
    assert (step.terminated, step.truncated, ended.reason) == (True, True, "terminated")


async def test_gate() -> None:
    """It is asked before each step; no ends the episode as aborted."""
    asked: list[int] = []

    async def gate(index: int) -> bool:
        asked.append(index)
        return index < 1

    env = Counter()
    ended = await ending(env, gate=gate)
    assert (ended.reason, ended.steps, asked, env.closed) == ("aborted", 1, [0, 1], 1)


async def test_success_that_cannot_be_told() -> None:
    """The episode has ended as it has; success is unknown."""
    ended = await ending(Counter(1, success=broken))
    assert (ended.reason, ended.success) == ("terminated", None)


async def test_close_that_fails() -> None:
    """It costs nothing that was played."""
    assert (await ending(Counter(1, close=broken))).reason == "terminated"


async def test_close_that_hangs() -> None:
    """It is given up."""
    env = Counter(close=lambda _: asyncio.sleep(60))
    before = asyncio.all_tasks()
    await close_bounded(env, seconds=0.01)
    assert env.closed == 1
    assert asyncio.all_tasks() <= before


async def test_leaving_early() -> None:
    """The environment is closed at once, in the middle of a step's events too."""
    for stop in (EpisodeStarted, ReflectionDelta, ActionProposed, StepTaken):
        env = Counter()
        async with aclosing(rollout(env, Thinking())) as events:
            async for event in events:
                if isinstance(event, stop):
                    break
        assert env.closed == 1, stop


async def test_environment_of_the_caller() -> None:
    """With keep_open it stays open, whatever happens."""
    env = Counter(1)
    await events_of(env, keep_open=True)
    await events_of(env, Going(choose=broken), keep_open=True)
    assert env.closed == 0


async def test_cancelling() -> None:
    """A rollout that is cancelled closes its environment and leaves nothing running."""
    thinking = asyncio.Event()
    stopped: list[str] = []

    async def think(_: Any) -> None:
        thinking.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.append("agent")

    for agent in (Going(choose=think), Thinking(choose=think)):
        env, before = Counter(), asyncio.all_tasks()
        task = asyncio.create_task(ending(env, agent))
        await thinking.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert env.closed == 1
        assert asyncio.all_tasks() <= before
        thinking.clear()
    assert stopped == ["agent", "agent"]


async def test_reflections_while_thinking() -> None:
    """A streaming agent's words come before it has decided; the step repeats them as a whole."""
    decided = asyncio.Event()

    async def wait(_: Any) -> None:
        await asyncio.wait_for(decided.wait(), 20)

    words = []
    async with aclosing(rollout(Counter(1), Thinking(choose=wait))) as events:
        async for event in events:
            if isinstance(event, ReflectionDelta):
                assert not decided.is_set()
                words.append(event.text)
                if len(words) == 3:
                    decided.set()
            elif isinstance(event, StepTaken):
                assert event.reflection == "I count on."
    assert words == ["I ", "count ", "on."]


async def test_leaving_a_thinking_agent() -> None:
    """Its thinking is cancelled, and no task is left."""
    before = asyncio.all_tasks()
    async with aclosing(rollout(Counter(), Thinking(choose=lambda _: asyncio.sleep(60)))) as events:
        async for event in events:
            if isinstance(event, ReflectionDelta):
                break
    assert asyncio.all_tasks() <= before


async def test_what_an_agent_reports() -> None:
    """Reflections, probabilities and cost are those of their own step."""

    def choose(obs: list[Message]) -> None:
        if (obs[0].content or "").startswith("Count to"):
            reflect("a")
            reflect("b")
            propose({"go": np.float32(0.25)})
            spend(Usage(1, 2, 0.5))
            spend(Usage(10, 20, 1.0))

    events = await events_of(Counter(2), Going(choose=choose))
    assert [event.text for event in only(ReflectionDelta, events)] == ["a", "b"]
    first, second = only(StepTaken, events)
    assert (first.reflection, first.probabilities, first.usage) == ("ab", {"go": 0.25}, Usage(11, 22, 1.5))
    assert (second.reflection, second.probabilities, second.usage) == ("", None, None)
    assert [event.probabilities for event in only(ActionProposed, events)] == [{"go": 0.25}, None]
    reflect("outside of an episode nobody listens")


async def test_environment_written_for_aviary() -> None:
    """A reset without seed is called without one; a random message is no failure."""
    events = await events_of(Aliasing(), ScriptedAgent(["a", "b"]), seed=3, options={"a": 1})
    assert [type(event) for event in events].count(StepTaken) == 2


@pytest.mark.parametrize(
    "choice", [ToolCall.from_name("go"), ToolRequestMessage(tool_calls=[ToolCall.from_name("go")])]
)
async def test_forms_of_an_action(choice: Any) -> None:
    """A bare call and a message, wrapped or not, are actions."""
    assert (await ending(Counter(1), Going(choose=lambda _: choice))).reason == "terminated"

    class Bare(Going):
        async def get_asv(self, agent_state: int, obs: list[Message]) -> tuple[Any, int, float]:
            return choice, 0, 0.0

    assert (await ending(Counter(1), Bare())).reason == "terminated"


async def test_call_ids() -> None:
    """Generated ones are the same in every episode, also for episodes that run side by side."""

    async def ids() -> list[str]:
        steps = only(StepTaken, await events_of(Counter(3), Going()))
        return [call.id for step in steps for call in step.action.tool_calls]

    assert await ids() == ["000000000", "000000001", "000000002"]
    assert await asyncio.gather(*(ids() for _ in range(3))) == [await ids()] * 3


async def test_notices() -> None:
    """Each phase is announced before it begins."""
    told: list[str] = []
    await events_of(Counter(2), notice=told.append)
    assert told == ["resetting", "agent", "env", "agent", "env"]


async def test_rendering() -> None:
    """The environment is asked for pictures only where they are wanted."""
    env = Counter(1, render=lambda env: f"at {env.state}")
    shown = await events_of(env, render=True)
    assert [event.rendering for event in shown if isinstance(event, EpisodeStarted | StepTaken)] == ["at 0", "at 1"]
    hidden = await events_of(env)
    assert [event.rendering for event in hidden if isinstance(event, EpisodeStarted | StepTaken)] == [None, None]


async def test_tools_that_change() -> None:
    """An event shows the tools as they are in its episode, whatever was cached of an earlier one."""

    class Renamed(Counter):
        description = "Count on."

        async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
            result = await super().reset(**options)
            self.tools[0].info.description = self.description
            return result

    env = Renamed(1)
    before = (await events_of(env))[0]
    env.description = "Other."
    after = (await events_of(env))[0]
    plain = (await events_of(Counter(1)))[0]
    described = [event.tools[0]["description"] for event in (before, after, plain) if isinstance(event, EpisodeStarted)]
    assert described == ["Count on.", "Other.", "Count on."]


async def test_person_as_player() -> None:
    """What is submitted is played, with its note as reflection, and numbered like any other action."""
    agent = HumanAgent()
    env = Counter(2)
    call = ToolRequestMessage(tool_calls=[ToolCall.from_name("go", id="from the form")])
    events: list[Event] = []
    async with aclosing(rollout(env, agent)) as playing:
        async for event in playing:
            events.append(event)
            if isinstance(event, EpisodeStarted | StepTaken):
                agent.submit(call, note="because" if isinstance(event, EpisodeStarted) else "")
    first, second = only(StepTaken, events)
    assert (first.reflection, second.reflection) == ("because", "")
    assert [step.action.tool_calls[0].id for step in (first, second)] == ["000000000", "000000001"]


async def test_person_in_real_time() -> None:
    """Steps come by the clock: the newest key while it is held, nothing otherwise; switching it wakes the player."""
    agent = HumanAgent()
    noop, key = ("noop", "key")
    waiting = asyncio.create_task(events_of(Counter(step=lambda _: ([], 0.0, False, False)), agent, max_steps=3))
    await asyncio.sleep(0.01)
    agent.pace(RealTime(fps=200.0, noop=lambda: Message(role="assistant", content=noop)))
    agent.submit(Message(role="assistant", content=key))
    played = [step.action.content for step in only(StepTaken, await waiting)]
    assert played[-1] == key
    assert set(played) <= {noop, key}


async def test_scripts() -> None:
    """Messages, calls, pairs and text, in order, again and again if wanted; reflections beside them."""
    message = Message(role="assistant", content="m")
    script = ScriptedAgent(
        [message, ToolCall.from_name("go", id="1"), ("go", {"by": 2}), "text"], repeat=True, reflections=["why"]
    )
    env = Counter(step=lambda _: ([], 0.0, False, False))
    steps = only(StepTaken, await events_of(env, script, max_steps=5))
    assert [step.action.content for step in steps] == ["m", None, None, "text", "m"]
    assert steps[2].action.tool_calls[0].function.arguments == {"by": 2}
    assert [step.reflection for step in steps] == ["why", "", "", "", "why"]


async def test_dummy_environment_with_a_seed() -> None:
    """The same seed gives the same numbers."""

    async def numbers(seed: int) -> list[str | None]:
        script = ScriptedAgent([("get_random_int", {})], repeat=True)
        steps = only(StepTaken, await events_of(DummyEnv(), script, seed=seed, max_steps=8))
        return [step.observation[0].content for step in steps]

    assert await numbers(1) == await numbers(1) != await numbers(2)


async def test_wrapped_action() -> None:
    """`wrap_action` makes an action of a message."""
    message = Message(role="assistant")
    assert await Going.wrap_action(message) == PlainAction(message)
