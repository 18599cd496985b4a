"""Tool calls carried out: order, concurrency, exclusive tools, limits, failures, results."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, Field

from ldp_tui.core.arguments import ArgumentError
from ldp_tui.core.dummy import DummyEnv, DummyEnvState
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction, ToolRequestMessage, ToolResponseMessage
from ldp_tui.core.tools import Tool

PATIENCE = 20.0
"""Seconds after which a wait inside a tool is given up, so that a failing test ends."""


class Workshop(DummyEnv):
    """An environment whose tools are given."""

    def __init__(self, *functions: Callable[..., Any], exclusive: bool = False) -> None:
        super().__init__()
        self.tools = [
            Tool.from_function(f, allow_empty_param_descriptions=True, concurrency_safe=not exclusive)
            for f in functions
        ]


def request(*calls: tuple[str, dict[str, Any]]) -> ToolRequestMessage:
    return ToolRequestMessage(tool_calls=[ToolCall.from_name(name, **arguments) for name, arguments in calls])


async def run(env: Workshop, *calls: tuple[str, dict[str, Any]], **policy: Any) -> list[str]:
    """The texts of the answers."""
    message = request(*calls)
    answers = await env.exec_tool_calls(message, **policy)
    assert [a.tool_call_id for a in answers] == [call.id for call in message.tool_calls]
    assert [a.name for a in answers] == [call.function.name for call in message.tool_calls]
    return [answer.content for answer in answers]


def failed(answers: list[ToolResponseMessage]) -> list[bool]:
    return [bool((answer.info or {}).get("failed")) for answer in answers]


def echo(x: int) -> int:
    """Echo."""
    return x


def fail(text: str = "broken") -> None:
    """Fail."""
    raise RuntimeError(text)


async def test_answers_in_the_order_of_calls() -> None:
    """Whichever ends first; concurrent or one after the other."""
    done: list[int] = []
    second = asyncio.Event()

    async def first() -> str:
        """Wait for the second."""
        await asyncio.wait_for(second.wait(), PATIENCE)
        done.append(1)
        return "first"

    async def other() -> str:
        """Let the first go on."""
        second.set()
        done.append(2)
        return "other"

    assert await run(Workshop(first, other), ("first", {}), ("other", {})) == ["first", "other"]
    assert done == [2, 1]
    assert await run(Workshop(first, other), ("other", {}), ("first", {}), concurrency=False) == ["other", "first"]


async def test_no_calls() -> None:
    """No answers."""
    assert await run(Workshop(echo)) == []


async def test_synchronous_tools_side_by_side() -> None:
    """Several calls run in threads: each waits for the other, and both return."""
    meeting = threading.Barrier(2, timeout=PATIENCE)

    def meet() -> str:
        """Wait for the other call."""
        meeting.wait()
        return threading.current_thread().name

    assert threading.main_thread().name not in await run(Workshop(meet), ("meet", {}), ("meet", {}))


async def test_synchronous_tool_that_blocks() -> None:
    """Once it was seen to block, a single call of it leaves the event loop free."""
    free = threading.Event()

    def block() -> bool:
        """Block until the event loop had its turn."""
        return free.wait(0.05 if not first else PATIENCE)

    first: list[int] = []
    env = Workshop(block)
    assert await run(env, ("block", {})) == ["false"]
    first.append(1)
    asyncio.get_running_loop().call_later(0.01, free.set)
    assert await run(env, ("block", {})) == ["true"]


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_exclusive_tool(asynchronous: bool) -> None:
    """Nothing else of the message runs while it runs; shared tools run together."""
    running: list[str] = []
    most = {"exclusive": 0, "shared": 0}

    def enter(kind: str) -> None:
        running.append(kind)
        most[kind] = max(most[kind], len(running))

    async def exclusive() -> None:
        """Be alone."""
        enter("exclusive")
        await asyncio.sleep(0.002)
        running.remove("exclusive")

    def exclusive_thread() -> None:
        """Be alone."""
        enter("exclusive")
        threading.Event().wait(0.005)
        running.remove("exclusive")

    async def shared() -> None:
        """Run beside others."""
        enter("shared")
        await asyncio.sleep(0.002)
        running.remove("shared")

    alone = exclusive if asynchronous else exclusive_thread
    env = Workshop(shared)
    env.tools.append(Tool.from_function(alone, concurrency_safe=False))
    name = alone.__name__
    await run(env, *[("shared", {}), (name, {}), ("shared", {}), (name, {}), ("shared", {})])
    assert most["exclusive"] == 1
    assert most["shared"] > 1


async def test_time_limit() -> None:
    """A call past it raises TimeoutError with the tool's name, or is answered with it."""

    async def sleep() -> None:
        """Sleep."""
        await asyncio.sleep(PATIENCE)

    with pytest.raises(TimeoutError, match=r"tool sleep took longer than 0\.01 s"):
        await run(Workshop(sleep), ("sleep", {}), exec_timeout=0.01)
    (text,) = await run(Workshop(sleep), ("sleep", {}), exec_timeout=0.01, handle_tool_exc=True)
    assert text.startswith("Encountered exception during tool call: TimeoutError")
    assert "took longer" in text


async def test_time_limit_that_is_kept() -> None:
    """The result counts, and a TimeoutError of the tool itself is not taken for the limit."""

    def connect() -> None:
        """Connect."""
        raise TimeoutError("no route")

    assert await run(Workshop(echo), ("echo", {"x": 1}), exec_timeout=PATIENCE) == ["1"]
    with pytest.raises(TimeoutError, match=r"^no route$"):
        await run(Workshop(connect), ("connect", {}), exec_timeout=PATIENCE)


async def test_exclusive_tool_whose_thread_outlives_its_limit() -> None:
    """The thread cannot be stopped, so other calls wait until it ends: it still has the state to itself."""
    release, order = threading.Event(), []

    def slow() -> None:
        """Run on after the time limit."""
        release.wait(PATIENCE)
        order.append("slow ended")

    def quick() -> None:
        """Come later."""
        order.append("quick")

    env = Workshop(slow, quick, exclusive=True)
    env.tools[1].concurrency_safe = True
    answers = asyncio.ensure_future(run(env, ("slow", {}), ("quick", {}), exec_timeout=0.05, handle_tool_exc=True))
    texts = await answers
    assert all("TimeoutError" in text for text in texts)
    assert order == []
    release.set()


async def test_call_that_gives_up_waiting() -> None:
    """An exclusive call that runs out of time while it waits no longer holds the shared ones behind it back."""
    entered, release = asyncio.Event(), asyncio.Event()

    async def long() -> str:
        """Run until released."""
        await asyncio.wait_for(release.wait(), PATIENCE)
        return "long"

    async def alone() -> None:
        """Be alone."""

    async def later() -> str:
        """Run beside the long one, then release it."""
        entered.set()
        release.set()
        return "later"

    env = Workshop(long, later)
    env.tools.append(Tool.from_function(alone, concurrency_safe=False))
    long_call, alone_call, later_call = request(("long", {}), ("alone", {}), ("later", {})).tool_calls
    from ldp_tui.core.execution import CallPolicy, _answer, _ExclusiveLock

    by_name, locks = {tool.info.name: tool for tool in env.tools}, _ExclusiveLock()

    def answer(call: ToolCall, timeout: float) -> asyncio.Task[ToolResponseMessage]:
        policy = CallPolicy(handle_tool_exc=True, timeout=timeout)
        return asyncio.create_task(_answer(by_name, call, policy, {}, locks, alone=False))

    first, second, third = answer(long_call, PATIENCE), answer(alone_call, 0.01), answer(later_call, PATIENCE)
    assert "TimeoutError" in (await second).content
    assert (await third).content == "later"
    assert (await first).content == "long"


async def test_exception() -> None:
    """It is raised as it is, with the tool's name beside it, or answered with its text."""
    with pytest.raises(RuntimeError, match=r"^broken$") as caught:
        await run(Workshop(fail), ("fail", {}))
    assert caught.value.failed_tool == "fail"  # type: ignore[attr-defined]
    answers = await Workshop(fail).exec_tool_calls(request(("fail", {})), handle_tool_exc=True)
    assert answers[0].content == "Encountered exception during tool call: RuntimeError('broken')"
    assert failed(answers) == [True]


async def test_exception_stops_the_other_calls() -> None:
    """Nothing of the message runs on behind it."""
    stopped = asyncio.Event()

    async def wait() -> None:
        """Wait."""
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            stopped.set()

    before = asyncio.all_tasks()
    with pytest.raises(RuntimeError):
        await run(Workshop(wait, fail), ("wait", {}), ("fail", {}))
    assert stopped.is_set()
    assert asyncio.all_tasks() <= before


async def test_cancelled_from_outside() -> None:
    """The calls are cancelled with it."""
    started, stopped = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        """Wait."""
        started.set()
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            stopped.set()

    task = asyncio.create_task(run(Workshop(wait), ("wait", {}), ("wait", {})))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stopped.is_set()


async def test_unknown_tool() -> None:
    """It is answered with the tools there are, beside good calls; or raised before any call runs."""
    seen: list[int] = []

    def note(x: int) -> None:
        """Note."""
        seen.append(x)

    env = Workshop(note)
    message = request(("note", {"x": 1}), ("other", {}))
    answers = await env.exec_tool_calls(message)
    assert [a.content for a in answers] == ["null", "Invalid tool call: other. Available tools: note."]
    assert failed(answers) == [False, True]
    with pytest.raises(ValueError, match=r"Invalid tool calls: other\. Tools: note\."):
        await env.exec_tool_calls(message, handle_invalid_tool_calls=False)
    assert seen == [1]


async def test_arguments_that_were_no_json() -> None:
    """The answer says so."""
    function = ToolCallFunction.model_validate({"name": "echo", "arguments": "{x"})
    message = ToolRequestMessage(tool_calls=[ToolCall(id="1", function=function)])
    (answer,) = await Workshop(echo).exec_tool_calls(message)
    assert "not a valid JSON object" in answer.content


async def test_invalid_arguments() -> None:
    """They are answered with every reason before the tool runs, or raised as ArgumentError, which is a ValueError."""
    (text,) = await run(Workshop(echo), ("echo", {"y": "a"}))
    assert text == "Invalid arguments for tool 'echo': y: is not a parameter (parameters: x); x: is required"
    for error in (ArgumentError, ValueError):
        with pytest.raises(error):
            await run(Workshop(echo), ("echo", {}), handle_invalid_tool_calls=False)
    assert await run(Workshop(echo), ("echo", {"x": "5"})) == ["5"]


class Answer(BaseModel):
    number: int = Field(serialization_alias="n")
    nothing: str | None = None


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("plain", "plain"),
        (None, "null"),
        (1.5, "1.5"),
        ((1, "a"), '[1, "a"]'),
        ({"a": [None]}, '{"a": [null]}'),
        (Answer(number=1), '{"n":1}'),
        (Message(role="user", content="said"), "said"),
        (Message(), ""),
    ],
)
async def test_results(result: Any, text: str) -> None:
    """Text stays, messages give their content, models their JSON, the rest is JSON."""

    def give() -> Any:
        """Give."""
        return result

    assert await run(Workshop(give), ("give", {})) == [text]


@pytest.mark.parametrize(
    ("result", "structured"),
    [
        ("[1]", False),
        (None, False),
        (3, False),
        (True, False),
        (np.int64(3), False),
        ([1], True),
        ((1, 2), True),
        ({"a": 1}, True),
        (np.arange(2), True),
        (Answer(number=1), True),
        (Message(content=[1]), True),
        (Message(content="[1]"), False),
    ],
)
async def test_structured_results(result: Any, structured: bool) -> None:
    """Lists, objects and models are told to be JSON; text and single values are text. Arrays are lists."""

    def give() -> Any:
        """Give."""
        return result

    (answer,) = await Workshop(give).exec_tool_calls(request(("give", {})))
    assert answer.content_is_json_str is structured
    if isinstance(result, np.ndarray):
        assert answer.content == "[0, 1]"


async def test_message_as_result() -> None:
    """Multimodal content and info survive in the answer."""
    blocks = [{"type": "text", "text": "x"}]

    def give() -> Message:
        """Give."""
        return Message(content=blocks, info={"a": 1})

    (answer,) = await Workshop(give).exec_tool_calls(request(("give", {})))
    assert answer.is_multimodal
    assert answer.model_dump()["content"] == blocks
    assert answer.info is not None
    assert answer.info["a"] == 1
    assert answer.info["start_ts"] <= answer.info["end_ts"]


async def test_result_without_a_json_form() -> None:
    """It is the tool's failure, raised or answered like any other."""

    def give() -> Any:
        """Give."""
        return object()

    with pytest.raises(TypeError):
        await run(Workshop(give), ("give", {}))
    assert "TypeError" in (await run(Workshop(give), ("give", {}), handle_tool_exc=True))[0]


async def test_injected_arguments() -> None:
    """Each tool gets those it declares, with its call's own id; what a model sends under their names is ignored."""

    def hidden(state: Any, tool_call_id: str) -> list[Any]:
        """Hidden."""
        return [state.reward, tool_call_id]

    def shown(limit: int) -> int:
        """Shown."""
        return limit

    def everything(**more: Any) -> list[str]:
        """Everything."""
        return sorted(more)

    env = Workshop(hidden, shown, everything, echo)
    state = DummyEnvState(reward=3)
    message = request(
        ("hidden", {"state": "mine", "tool_call_id": "mine"}),
        ("shown", {"limit": 1}),
        ("everything", {"state": 0, "own": 1}),
        ("echo", {"x": 1, "state": 2}),
    )
    answers = await env.exec_tool_calls(message, state=state, limit="7")
    first = message.tool_calls[0].id
    assert [a.content for a in answers] == [f'[3.0, "{first}"]', "7", '["limit", "own", "state"]', "1"]


async def test_state_that_is_not_given() -> None:
    """A tool that needs it fails."""

    def hidden(state: Any) -> None:
        """Hidden."""

    with pytest.raises(TypeError, match="state"):
        await run(Workshop(hidden), ("hidden", {}))


def test_splitting_a_request() -> None:
    """Calls of known tools and others, both with the message's content and info."""
    env = Workshop(echo)
    message = request(("echo", {}), ("other", {}))
    message.content, message.info = "why", {"a": 1}
    known, unknown = env.filter_invalid_tool_calls(message)
    assert [call.function.name for call in known.tool_calls] == ["echo"]
    assert [call.function.name for call in unknown.tool_calls] == ["other"]
    assert [(m.content, m.info) for m in (known, unknown)] == [("why", {"a": 1})] * 2
    assert len(message.tool_calls) == 2


async def test_dummy_environment() -> None:
    """It asks for a story, rewards it once, casts numbers, and answers text with the call to use tools."""
    env = DummyEnv.from_task("applesauce")
    (question,), tools = await env.reset(seed=1)
    assert question.content == "Write a 5 word story via print_story about applesauce"
    assert {t.info.name for t in tools} == {"print_story", "cast_float", "cast_int", "get_random_int"}
    assert await env.step(Message(role="assistant", content="hi")) == env.default_no_tool_calls_response
    answers, reward, done, _ = await env.step(request(("cast_float", {"x": "5.5"}), ("cast_int", {"x": 5.5})))
    assert ([a.content for a in answers], reward, done) == (["5.5", "5"], 0, False)
    _, reward, done, truncated = await env.step(request(("print_story", {"story": "Once"})))
    assert (reward, done, truncated, env.success()) == (1, True, False, True)
    assert question.content == "Write a 5 word story via print_story about applesauce"
    assert env.export_frame().info["done"] is True  # type: ignore[index, call-overload]
