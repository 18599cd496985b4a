"""Branches: episodes that go on from a moment of another one, environments that are copied or brought there again."""

from __future__ import annotations

import copy
import random
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.environment import Environment
from ldp_tui.core.functional import fenv
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.engine.copying import CannotCopy, copy_environment, entanglement
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, StepTaken
from ldp_tui.engine.fork import Fork
from ldp_tui.engine.record import record
from ldp_tui.engine.replay import replay
from ldp_tui.engine.reset import ReplayDiverged, replay_steps
from ldp_tui.engine.rollout import rollout
from ldp_tui.store import Reader, connect_writer
from ldp_tui.store.verify import verify
from tests.engine.playing import Counter, Going, events_of, kept, only, without_clocks


async def opening(env: Environment[Any], steps: int) -> tuple[EpisodeStarted, list[StepTaken]]:
    """The first events of an episode; the environment is left as it stands then."""
    events = await events_of(env, max_steps=steps, keep_open=True)
    (started,) = only(EpisodeStarted, events)
    return started, only(StepTaken, events)


async def test_branch() -> None:
    """It goes on at its moment: steps, return and call numbers count on, and it names its parent."""
    env = Counter(4)
    started, steps = await opening(env, 2)
    fork = Fork(started, steps[-1], agent_state=2, return_=2.0, calls=2)
    first, *_, ended = events = await events_of(env, fork=fork, uid="branch")
    assert isinstance(first, EpisodeStarted)
    assert isinstance(ended, EpisodeEnded)
    assert (first.uid, first.parent_uid, first.fork_t, first.observation) == (
        "branch", started.uid, 2, started.observation,
    )  # fmt: skip
    assert [step.index for step in only(StepTaken, events)] == [2, 3]
    assert [step.observation[0].content for step in only(StepTaken, events)] == ["counted to 3", "counted to 4"]
    assert (ended.reason, ended.return_, ended.steps) == ("terminated", 4.0, 4)
    ids = [call.id for step in [*steps, *only(StepTaken, events)] for call in step.action.tool_calls]  # type: ignore[attr-defined]
    assert len(set(ids)) == 4


async def test_recorded_branch(tmp_path: Path) -> None:
    """It shares the rows before it with its parent, and is read as a whole episode."""
    path = tmp_path / "ldp.db"
    env, other = Counter(3), Counter(3)
    with connect_writer(path) as writer:
        async with aclosing(record(rollout(env, Going(), uid="parent"), writer, run_uid="run")) as events:
            parent = [event async for event in events]
        (started,), steps = only(EpisodeStarted, parent), only(StepTaken, parent)
        await replay_steps(other, started, steps[:1])
        fork = Fork(started, steps[0], agent_state=1, return_=1.0, calls=1)
        branch = rollout(other, Going(choose=lambda _: ToolRequestMessage(tool_calls=[ToolCall.from_name("go", by=2)])),
                         fork=fork, uid="branch")  # fmt: skip
        async with aclosing(record(branch, writer, run_uid="run", shared=fork.step)) as events:
            lived = [event async for event in events]
    with Reader(path) as reader:
        header = reader.episode("branch")
        assert (header.summary.parent_uid, header.summary.fork_t, header.first_t) == ("parent", 1, 1)
        assert (header.summary.steps, header.summary.return_, header.summary.status) == (2, 2.0, "done")
        _, *stored, _ = replay(reader, "branch")
    assert kept(stored) == [without_clocks(event) for event in (steps[0], *only(StepTaken, lived))]
    assert verify(path).ok


async def test_branch_at_the_reset(tmp_path: Path) -> None:
    """A branch from before the first step stands alone and names its parent."""
    path, env = tmp_path / "ldp.db", Counter(1)
    with connect_writer(path) as writer:
        async with aclosing(record(rollout(Counter(1), Going(), uid="parent"), writer, run_uid="run")) as events:
            (started,) = only(EpisodeStarted, [event async for event in events])
        await replay_steps(env, started, [])
        branch = rollout(env, Going(), fork=Fork(started, None, agent_state=0), uid="branch")
        async with aclosing(record(branch, writer, run_uid="run")) as events:
            assert [event async for event in events]
    with Reader(path) as reader:
        summary = reader.episode("branch").summary
        assert (summary.parent_uid, summary.fork_t, summary.steps) == ("parent", 0, 1)


class Dice(Environment[int]):
    """Rewards are thrown; `honest` throws follow the seed."""

    def __init__(self, *, honest: bool) -> None:
        self.honest = honest
        self.random = random.Random()

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        self.random = random.Random(seed if self.honest else None)
        return [Message(content="throw")], []

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        return [Message(content="thrown")], self.random.random(), False, False


async def test_replay() -> None:
    """Seed and actions bring another environment to the same moment."""
    text = Going(choose=lambda _: Message(role="assistant", content="throw"))
    played = await events_of(Dice(honest=True), text, seed=5, max_steps=3)
    env = Dice(honest=True)
    await replay_steps(env, played[0], only(StepTaken, played))  # type: ignore[arg-type]
    again = await events_of(Dice(honest=True), text, seed=5, max_steps=4)
    assert (await env.step(Message()))[1] == only(StepTaken, again)[-1].reward


async def test_replay_of_what_does_not_repeat() -> None:
    """It is noticed, in the step in which it happens."""
    text = Going(choose=lambda _: Message(role="assistant", content="throw"))
    played = await events_of(Dice(honest=False), text, seed=5, max_steps=3)
    with pytest.raises(ReplayDiverged, match="step 0 gave another reward"):
        await replay_steps(Dice(honest=False), played[0], only(StepTaken, played))  # type: ignore[arg-type]
    with pytest.raises(ReplayDiverged, match="another observation"):
        await replay_steps(Counter(3), played[0], [])  # type: ignore[arg-type]


class Closing(Environment[int]):
    """Its tool is a function of its own: a closure over `what`."""

    def __init__(self, what: str = "self") -> None:
        self.what = what
        self.state = 0
        self.tally = {"n": 0}

    async def reset(self) -> tuple[Messages, list[Tool]]:  # type: ignore[override]
        self.state = 0
        self.tools = [Tool.from_function(getattr(self, f"_{self.what}")())]
        return [Message(content="0")], self.tools

    def _self(self) -> Any:
        def go() -> str:
            """Go on."""
            self.state += 1
            return str(self.state)

        return go

    def _dictionary(self) -> Any:
        tally = {"n": 0}

        def go() -> str:
            """Go on."""
            tally["n"] += 1
            return str(tally["n"])

        return go

    def _variable(self) -> Any:
        count = 0

        def go() -> str:
            """Go on."""
            nonlocal count
            count += 1
            return str(count)

        return go

    def _constant(self) -> Any:
        step = 2

        def go() -> str:
            """Go on."""
            return f"by {step}"

        return go

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        assert isinstance(action, ToolRequestMessage)
        return [*await self.exec_tool_calls(action)], 0.0, False, False


GO = ToolRequestMessage(tool_calls=[ToolCall.from_name("go")])


@pytest.mark.parametrize("what", ["self", "dictionary", "variable"])
async def test_copy_that_would_play_the_original(what: str) -> None:
    """deepcopy leaves closures as they are; that is noticed before anything is played."""
    env = Closing(what)
    await env.reset()
    lying = copy.deepcopy(env)
    assert (await lying.step(GO))[0][0].content == "1"
    assert (await env.step(GO))[0][0].content == "2"  # the copy moved it
    with pytest.raises(CannotCopy, match="acts on the original"):
        copy_environment(env)


async def test_copy_of_a_harmless_closure() -> None:
    """A function that only reads constants is no obstacle."""
    env = Closing("constant")
    await env.reset()
    assert (await copy_environment(env).step(GO))[0][0].content == "by 2"


async def test_copy_that_is_none() -> None:
    """What cannot be copied says so."""

    class Locked(Counter):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("cannot pickle a lock")

    with pytest.raises(CannotCopy, match="cannot pickle a lock"):
        copy_environment(Locked())
    env = Counter()
    assert entanglement(env, env) == "it is the original itself"


async def test_copies_of_honest_environments() -> None:
    """Tools that are methods, and functional environments, play the copy alone."""

    @fenv.start()
    def adding() -> tuple[str, dict[str, int]]:
        return "add", {"n": 0}

    @adding.tool()
    def go(state: Any) -> str:
        """Go on."""
        state.n += 1
        return str(state.n)

    for env in (Counter(9), DummyEnv(), adding()):
        await env.reset()
        clone = copy_environment(env)
        name = clone.tools[0].info.name
        arguments = {"story": "once"} if name == "print_story" else {}
        before = env.export_frame()
        await clone.step(ToolRequestMessage(tool_calls=[ToolCall.from_name(name, **arguments)]))
        assert env.export_frame() == before
