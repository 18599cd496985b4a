"""Calls and tools that are wrong in one way each, played through the recording pipe.

What a player did wrong is answered, and the episode goes on; what breaks the episode is told with its phase. Either
way, everything that was played is in the store.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.core.arguments import ArgumentError
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import EnvError, EpisodeError, UnknownTool
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, StepTaken
from ldp_tui.engine.record import record
from ldp_tui.engine.replay import replay
from ldp_tui.engine.rollout import rollout
from ldp_tui.store.reader import Reader
from ldp_tui.store.verify import verify
from ldp_tui.store.writer import Writer
from tests.engine.playing import Going


class Bench(Environment[int]):
    """Goes on for ever; `tool` is a tool of the test's, `policy` how calls are carried out."""

    def __init__(self, tool: Callable[..., Any] | None = None, **policy: Any) -> None:
        self.tool, self.policy = tool, policy

    def go(self, by: int, how: str = "fast") -> str:
        """Go on.

        Args:
            by: How far.
            how: In which way.
        """
        self.state += by
        return f"at {self.state}, {how}"

    async def reset(self) -> tuple[Messages, list[Tool]]:  # type: ignore[override]
        self.state = 0
        own = [] if self.tool is None else [Tool.from_function(self.tool, allow_empty_param_descriptions=True)]
        self.tools = [Tool.from_function(self.go), *own]
        return [Message(content="Go.")], list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        assert isinstance(action, ToolRequestMessage)
        answers = await self.exec_tool_calls(action, **self.policy)
        return [*answers], 1.0, False, False


def call(name: str, arguments: Any) -> ToolRequestMessage:
    return ToolRequestMessage.model_validate(
        {"tool_calls": [{"id": "1", "function": {"name": name, "arguments": arguments}}]}
    )


GO = call("go", {"by": 1})
UNPARSABLE, UNKNOWN = call("go", '{"by": 1'), call("fly", {"by": 1})
MISSING, VIOLATED = call("go", {"how": "slow"}), call("go", {"by": "far", "in": 3})


async def played(writer: Writer, env: Environment[Any], *messages: ToolRequestMessage) -> tuple[str, EpisodeEnded]:
    """Uid and end of a recorded episode in which the player says `messages`, one a step."""
    left: Iterator[ToolRequestMessage] = iter(messages)
    uid, last = "", None
    events = record(rollout(env, Going(choose=lambda _: next(left)), max_steps=len(messages)), writer, run_uid="run")
    async with aclosing(events):
        async for event in events:
            uid = event.uid if isinstance(event, EpisodeStarted) else uid
            last = event
    assert isinstance(last, EpisodeEnded)
    return uid, last


def stored(database: Path, uid: str) -> list[str]:
    """What the player was told in each step, as the store has it; it is whole and unchanged."""
    assert verify(database).ok
    with Reader(database) as reader:
        steps = [event for event in replay(reader, uid) if isinstance(event, StepTaken)]
    return [message.content or "" for step in steps for message in step.observation]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (UNPARSABLE, "Invalid tool call: the arguments are not a valid JSON object."),
        (UNKNOWN, "Invalid tool call: fly. Available tools: go."),
        (MISSING, "Invalid arguments for tool 'go': by"),
        (VIOLATED, "Invalid arguments for tool 'go': by"),
    ],
)
async def test_wrong_call_is_answered(message: ToolRequestMessage, told: str, writer: Writer, database: Path) -> None:
    """The player is told what is wrong, and the episode goes on."""
    uid, end = await played(writer, Bench(), GO, message, GO)
    assert (end.reason, end.steps, end.return_) == ("truncated", 3, 3.0)
    first, answer, last = stored(database, uid)
    assert (first, last) == ("at 1, fast", "at 2, fast")
    assert answer.startswith(told)


@pytest.mark.parametrize(
    ("message", "kind", "told"),
    [
        (UNPARSABLE, UnknownTool, "Invalid tool calls: INVALID. Tools: go."),
        (UNKNOWN, UnknownTool, "Invalid tool calls: fly. Tools: go."),
        (MISSING, ArgumentError, "by"),
        (VIOLATED, ArgumentError, "by"),
    ],
)
async def test_wrong_call_that_is_not_answered(
    message: ToolRequestMessage, kind: type[EpisodeError], told: str, writer: Writer, database: Path
) -> None:
    """It ends the episode as the agent's failure; what was played before is kept."""
    env = Bench(handle_invalid_tool_calls=False)
    uid, end = await played(writer, env, GO, message, GO)
    assert (end.reason, end.phase, end.steps) == ("failed", "agent", 1)
    assert (end.detail or "").startswith(told)
    assert stored(database, uid) == ["at 1, fast"]
    with pytest.raises(kind) as raised:
        await env.step(message)
    assert isinstance(raised.value, ValueError)


released = threading.Event()


def raises() -> None:
    """Raise."""
    raise RuntimeError("broken\n  twice")


async def hangs() -> None:
    """Hang."""
    await asyncio.Event().wait()


def hangs_in_a_thread() -> None:
    """Hang until the test is over."""
    released.wait(20)


def gives_an_object() -> object:
    """Give what is no JSON."""
    return object()


def gives_itself() -> list[Any]:
    """Give a list that is in itself."""
    endless: list[Any] = []
    endless.append(endless)
    return endless


def gives_bytes() -> dict[str, bytes]:
    """Give bytes."""
    return {"raw": b"\xff"}


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        (raises, "raises: RuntimeError: broken twice"),
        (hangs, "hangs: TimeoutError: tool hangs took longer than 0.05 s"),
        (hangs_in_a_thread, "hangs_in_a_thread: TimeoutError: tool hangs_in_a_thread took longer than 0.05 s"),
        (gives_an_object, "gives_an_object: TypeError: a value of type object is no JSON"),
        (gives_itself, "gives_itself: ValueError: Circular reference detected"),
        (gives_bytes, "gives_bytes: TypeError: a value of type bytes is no JSON"),
    ],
)
@pytest.mark.parametrize("answered", [False, True])
async def test_tool_that_fails(
    tool: Callable[..., Any], told: str, answered: bool, writer: Writer, database: Path
) -> None:
    """The failure is the tool's, by name; it ends the episode, or is answered where the environment says so."""
    env = Bench(tool, exec_timeout=0.05, handle_tool_exc=answered)
    try:
        uid, end = await played(writer, env, GO, call(tool.__name__, {}), GO)
    finally:
        released.set()
    if answered:
        assert (end.reason, end.steps) == ("truncated", 3)
        _, answer, last = stored(database, uid)
        assert answer.startswith("Encountered exception during tool call: ")
        assert last == "at 2, fast"
    else:
        assert (end.reason, end.phase, end.detail, end.steps) == ("failed", "tool", told, 1)
        assert stored(database, uid) == ["at 1, fast"]
    released.clear()


def gives_half_a_character() -> str:
    """Give a text that no encoding has."""
    return "half \ud800 and \x00"


async def test_text_that_cannot_be_encoded(writer: Writer, database: Path) -> None:
    """It is stored with a replacement, and the episode goes on."""
    uid, end = await played(writer, Bench(gives_half_a_character), call("gives_half_a_character", {}), GO)
    assert (end.reason, end.steps) == ("truncated", 2)
    answer, last = stored(database, uid)
    assert answer.startswith("half ")
    assert last == "at 1, fast"


async def test_tool_that_adds_a_tool(writer: Writer, database: Path) -> None:
    """The new one can be called from the next message on."""

    def learn() -> str:
        """Learn to raise."""
        env.tools.append(Tool.from_function(raises))
        return "learned"

    env = Bench(learn, handle_tool_exc=True)
    both = ToolRequestMessage(tool_calls=[ToolCall.from_name("learn"), ToolCall.from_name("raises")])
    uid, end = await played(writer, env, both, call("raises", {}))
    assert (end.reason, end.steps) == ("truncated", 2)
    first, unknown, answer = stored(database, uid)
    assert first == "learned"
    assert unknown.startswith("Invalid tool call: raises.")
    assert "RuntimeError" in answer


async def test_tool_that_takes_tools_away(writer: Writer, database: Path) -> None:
    """They are unknown from the next message on; the others of the same message still run."""

    def forget() -> str:
        """Forget everything."""
        env.tools.clear()
        return "forgotten"

    env = Bench(forget)
    both = ToolRequestMessage(tool_calls=[ToolCall.from_name("forget"), ToolCall.from_name("go", by=1)])
    uid, end = await played(writer, env, both, GO)
    assert (end.reason, end.steps) == ("truncated", 2)
    forgotten, gone, answer = stored(database, uid)
    assert (forgotten, gone) == ("forgotten", "at 1, fast")
    assert answer.startswith("Invalid tool call: go.")


@pytest.mark.parametrize("value", [None, "tools", [1]])
async def test_tool_that_ruins_the_list(value: Any, writer: Writer, database: Path) -> None:
    """The environment has failed: its list holds no tools."""

    def ruin() -> str:
        """Put something else in place of the tools."""
        env.tools = value
        return "ruined"

    env = Bench(ruin)
    uid, end = await played(writer, env, call("ruin", {}), GO)
    assert (end.reason, end.phase, end.steps) == ("failed", "env", 1)
    assert stored(database, uid) == ["ruined"]


async def test_step_before_reset() -> None:
    """The error says what is missing, and whose mistake it is."""
    with pytest.raises(EnvError, match="Bench has no tools yet: reset it before its first step"):
        await Bench().step(GO)
