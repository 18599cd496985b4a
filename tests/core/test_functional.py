"""Environments from functions, frames and pictures."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import BaseModel

from ldp_tui.core.environment import Environment, Frame, Picture
from ldp_tui.core.functional import DynamicState, FunctionalEnvironment, fenv
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage


@fenv.start()
def counting(limit: int = 3, *, seed: int = 0) -> tuple[str, dict[str, Any]]:
    """Counting."""
    return f"Count to {limit} from {seed}.", {"count": 0, "limit": limit, "seen": []}


@counting.tool()
def more(by: int, state: DynamicState) -> str:
    """Count on."""
    state.count += by
    state.seen.append(state.count)
    if state.count == state.limit:
        state.done = True
    if state.count <= state.limit:
        state.reward = 1
    return f"{state.count}"


@counting.tool(concurrency_safe=False)
def explode() -> None:
    """Explode."""
    raise RuntimeError("boom")


async def act(env: FunctionalEnvironment, name: str, **arguments: Any) -> tuple[str | None, float, bool, bool]:
    messages, reward, done, truncated = await env.step(
        ToolRequestMessage(tool_calls=[ToolCall.from_name(name, **arguments)])
    )
    return messages[0].content, reward, done, truncated


async def test_episode() -> None:
    """State is read and written as attributes; the reward is that of each step alone."""
    env = counting(3)
    (question,), tools = await env.reset()
    assert question.content == "Count to 3 from 0."
    assert [tool.info.name for tool in tools] == ["more", "explode"]
    assert await act(env, "more", by="1") == ("1", 1, False, False)
    assert await act(env, "explode") == (
        "Encountered exception during tool call: RuntimeError('boom')",
        0,
        False,
        False,
    )
    assert await act(env, "more", by=2) == ("3", 1, True, False)
    assert await act(env, "more", by=1) == ("4", 0, True, False)
    assert env.state.extras == {"count": 4, "limit": 3, "seen": [1, 3, 4]}
    assert env.export_frame().model_dump() == {
        "state": {"done": True, "reward": 0, "extras": env.state.extras},
        "info": {"tool_names": ["more", "explode"]},
    }


async def test_text_instead_of_a_call() -> None:
    """It is answered with the request to call a tool, with no reward."""
    env = counting()
    await env.reset()
    await act(env, "more", by=1)
    messages, reward, done, truncated = await env.step(Message(content="hello"))
    assert (messages[0].content, reward, done, truncated) == (Environment.NO_TOOL_CALLS, 0, False, False)


@pytest.mark.parametrize("env", [counting(5, seed=2), counting(5), counting(limit=5, seed=1)])
async def test_seed_of_reset(env: FunctionalEnvironment) -> None:
    """It reaches a start function that declares it, over what the environment was made with."""
    (question,), _ = await env.reset(seed=7)
    assert question.content == "Count to 5 from 7."


async def test_seed_that_was_given_by_position() -> None:
    """The seed of reset takes its place; a start function without one is called as it is."""

    @fenv.start()
    def seeded(seed: int) -> tuple[str, dict[str, Any]]:
        return str(seed), {}

    @fenv.start()
    def unseeded() -> tuple[str, dict[str, Any]]:
        return "x", {}

    assert (await seeded(1).reset(seed=7))[0][0].content == "7"
    assert (await seeded(1).reset())[0][0].content == "1"
    assert (await seeded().reset(seed=7))[0][0].content == "7"
    assert (await unseeded().reset(seed=7))[0][0].content == "x"


async def test_asynchronous_start_and_tool() -> None:
    """Both may be coroutines."""

    @fenv.start(allow_concurrency=True)
    async def start() -> tuple[str, dict[str, Any]]:
        return "go", {"x": 1}

    @start.tool()
    async def read(state: DynamicState) -> int:
        """Read."""
        return state.x

    env = start()
    await env.reset()
    assert await act(env, "read") == ("1", 0, False, False)


async def test_environments_share_nothing() -> None:
    """Each has its own state and tool list, and a reset starts anew."""
    one, other = counting(), counting()
    await one.reset()
    await other.reset()
    await act(one, "more", by=1)
    assert (one.state.count, other.state.count) == (1, 0)
    one.tools.clear()
    assert len(other.tools) == len(counting.tools) == 2
    await one.reset()
    assert one.state.count == 0


@pytest.mark.parametrize(("result", "words"), [("text", "observation, state_dict"), (("a", "b"), "dictionary")])
async def test_start_function_that_returns_something_else(result: Any, words: str) -> None:
    """It is refused at reset."""

    @fenv.start()
    def start() -> Any:
        return result

    with pytest.raises(TypeError, match=words):
        await start().reset()


def test_mistakes_in_the_definition() -> None:
    """A tool's name may be used once, and only functions are decorated."""
    with pytest.raises(RuntimeError, match="'more' already exists"):
        counting.tool()(more)
    with pytest.raises(TypeError, match="function"):
        fenv.start()(3)  # type: ignore[arg-type]
    assert counting.__doc__ == "Counting."


def test_state() -> None:
    """Unknown attributes are errors; copies are independent."""
    state = DynamicState(extras={"a": [1]})
    with pytest.raises(AttributeError, match="no attribute 'b'"):
        _ = state.b
    copied = copy.deepcopy(state)
    copied.a.append(2)
    copied.b = 1
    assert state.extras == {"a": [1]}
    assert copied.model_dump() == {"reward": 0, "done": False, "extras": {"a": [1, 2], "b": 1}}


class Pair(BaseModel):
    x: list[int]


@pytest.mark.parametrize("value", [{"x": [1]}, [1, {"a": None}], 1, 1.5, "a", True, None, Pair(x=[1])])
def test_frame(value: Any) -> None:
    """It holds JSON values or models, dumped."""
    expected = value.model_dump() if isinstance(value, BaseModel) else value
    assert Frame(state=value, info=value).model_dump() == {"state": expected, "info": expected}


def test_frame_of_something_mutable() -> None:
    """A frame does not follow it, unless copying was not wanted."""
    state = {"nested": {"numbers": [1]}}
    copied = Frame(state=state)
    state["nested"]["numbers"].append(2)
    assert copied.state == {"nested": {"numbers": [1]}}
    assert Frame(state=state, deepcopy=False).model_dump() == {"state": state, "info": None}


def test_picture_of_the_wrong_size() -> None:
    """It is refused."""
    assert Picture(2, 1, bytes(6)).rgb == bytes(6)
    with pytest.raises(ValueError, match="has 6 bytes, not 5"):
        Picture(2, 1, bytes(5))
