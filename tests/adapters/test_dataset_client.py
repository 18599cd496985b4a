"""Environments that are played elsewhere: with our server, and with servers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("fastapi")

from pydantic import BaseModel

from ldp_tui import Message, ScriptedAgent, ToolRequestMessage, record, rollout
from ldp_tui.adapters.serving.dataset_client import TaskDatasetClient
from ldp_tui.adapters.serving.environment_client import EnvironmentClient, TaskEnvClientState, TaskEnvironmentClient
from ldp_tui.core.errors import EnvError, EpisodeError, ToolError, TransportError, UsageError
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, StepTaken
from ldp_tui.store import Reader, Writer
from tests.adapters.served import Counter, Counters, call, happened, serving_dataset
from tests.web.answering import Answer, answering, broken_off, endless, whole


@pytest.fixture
def dataset() -> Counters:
    return Counters()


@pytest.fixture
async def remote(dataset: Counters) -> AsyncIterator[TaskDatasetClient]:
    with serving_dataset(dataset) as url:
        client = TaskDatasetClient(url)
        yield client
        await client.aclose()


async def played(env: Any, **options: Any) -> list[Any]:
    """The events of an episode that counts to three, one by one."""
    agent = ScriptedAgent([("add", {"n": 1})], repeat=True)
    return [event async for event in rollout(env, agent, seed=7, render=True, **options)]


async def test_episode_there_and_here(remote: TaskDatasetClient) -> None:
    """The events are equal: messages, info, rewards, legal actions, pictures, task, success."""

    def facts(events: list[Any]) -> list[Any]:
        shown = []
        for event in events:
            if isinstance(event, EpisodeStarted):
                shown.append((event.observation, event.tools, event.task_id, event.seed))
            elif isinstance(event, EpisodeEnded):
                shown.append((event.reason, event.return_, event.steps, event.success, event.phase))
            if isinstance(event, EpisodeStarted | StepTaken):
                shown.append((event.info, event.legal_actions, event.rendering))
            if isinstance(event, StepTaken):
                told = [message.model_dump() for message in event.observation]
                shown.append((event.action, told, event.reward, event.terminated, event.truncated))
        return shown

    there, here = await played(remote.get_new_env_by_idx(2)), await played(Counter(3))
    assert facts(there) == facts(here)
    assert there[-1].success is True


async def test_tasks(remote: TaskDatasetClient, dataset: Counters) -> None:
    """By number, by arguments, or the next; the number of tasks is the server's."""
    assert len(remote) == 4
    for env, goal in (
        (remote.get_new_env_by_idx(1), 2),
        (remote.get_new_env_by_args(goal=7), 7),
        (remote.get_new_env(), 3),
    ):
        await env.reset()
        assert dataset.made[-1].goal == goal
        assert await env.get_id() == f"count to {goal}"
    assert [len(batch) for batch in remote.iter_batches(3)] == [3, 1]


async def test_tasks_without_end() -> None:
    """They have no number."""

    class Endless(Counters):
        def __len__(self) -> int:
            raise TypeError

    with serving_dataset(Endless()) as url, pytest.raises(TypeError, match="have no end"):
        len(TaskDatasetClient(url))


async def test_reset_again(remote: TaskDatasetClient, dataset: Counters) -> None:
    """The same environment is reset; none is left behind at the server."""
    env = remote.get_new_env()
    await env.reset(seed=1)
    messages, tools = await env.reset(seed=2, options={"level": 3})
    assert (len(dataset.made), dataset.made[0].resets) == (1, 2)
    assert (messages[0].content, [tool.info.name for tool in tools]) == ("Count from 2.", ["add", "fail", "wait"])
    assert env.info() == {"count": 0, "options": {"level": 3}}


async def test_reset_after_the_server_closed_it(remote: TaskDatasetClient, dataset: Counters) -> None:
    """The task is started anew."""
    env = remote.get_new_env()
    await env.reset()
    await remote.close_old_envs(-1)
    with pytest.raises(TransportError, match=r"answered 410: Environment .* was closed"):
        await env.step(call("add"))
    await env.reset()
    assert len(dataset.made) == 2


async def test_action_with_info(remote: TaskDatasetClient, dataset: Counters) -> None:
    """The environment gets what was sent, kind and info included."""
    env = remote.get_new_env()
    await env.reset()
    for action in (
        ToolRequestMessage(tool_calls=call("add").tool_calls, content="thought", info={"tokens": 3}),
        Message(role="assistant", content="text", info={"a": [1]}),
        Message(content=[{"type": "text", "text": "blocks"}]),
    ):
        await env.step(action)
        assert dataset.made[0].actions[-1] == action


async def test_frame_and_picture(remote: TaskDatasetClient) -> None:
    """Asked for at the first look, told with each step from then on."""
    env = remote.get_new_env()
    assert (env.export_frame().state, env.render()) == (None, None)
    await env.reset()
    assert env.export_frame().state == {"count": 0}
    await env.step(call("add"))
    picture = env.render()
    assert env.export_frame().state == {"count": 1}
    assert picture is not None
    assert not isinstance(picture, str)
    assert (picture.width, picture.height, picture.rgb[0]) == (2, 1, 1)


async def test_closing(remote: TaskDatasetClient, dataset: Counters) -> None:
    """Twice is fine, and so is never having begun."""
    env = remote.get_new_env()
    await env.close()
    await env.reset()
    await env.close()
    await env.close()
    assert dataset.made[0].closed.is_set()
    with pytest.raises(EnvError, match="reset the environment first"):
        await env.step(call("add"))


async def test_step_before_reset(remote: TaskDatasetClient) -> None:
    """It is an EnvError, not an AttributeError."""
    with pytest.raises(EnvError, match="There is no episode to step in: reset the environment first"):
        await remote.get_new_env().step(call("add"))


async def test_failures_of_the_environment(remote: TaskDatasetClient) -> None:
    """They keep their phase, and the episode so far is told."""
    events = [
        event
        async for event in rollout(
            remote.get_new_env(), ScriptedAgent([("add", {"n": 1}), ("fail", {"text": "oh no"})]), seed=1
        )
    ]
    assert [type(event).__name__ for event in events if isinstance(event, StepTaken)] == ["StepTaken"]
    assert (events[-1].reason, events[-1].phase) == ("failed", "tool")
    assert events[-1].detail.endswith("step failed: fail: RuntimeError: oh no")


async def test_step_given_up(remote: TaskDatasetClient, dataset: Counters) -> None:
    """A cancelled step is cancelled at the server too."""
    env = remote.get_new_env()
    await env.reset()
    stepping = asyncio.ensure_future(env.step(call("wait")))
    assert await happened(dataset.made[0].waiting)
    stepping.cancel()
    await asyncio.gather(stepping, return_exceptions=True)
    assert await happened(dataset.made[0].cancelled)


async def test_key(dataset: Counters) -> None:
    """The client says that it was refused."""
    with serving_dataset(dataset, api_key="secret") as url:
        with pytest.raises(TransportError, match="answered 403: Invalid or missing API key"):
            TaskDatasetClient(url, api_key="wrong")
        client = TaskDatasetClient(url, api_key="secret")
        await client.get_new_env().reset()
        own = TaskEnvironmentClient(0, url, api_key="secret", request_timeout=5.0)
        await own.reset()


async def test_server_that_is_something_else() -> None:
    """The client says so at once."""
    async with answering(whole(b'{"hello": 1}')) as server:
        with pytest.raises(TransportError, match="is this a task dataset server"):
            await asyncio.to_thread(TaskDatasetClient, server.url)


RESET = b'[[{"role": "user", "content": "hi"}], []]'
BAD_STEPS: list[tuple[Answer, str]] = [
    (broken_off(b""), "broke off"),
    (broken_off(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[["), "broke off"),
    (whole(b"<html>Bad gateway</html>"), "answered no JSON"),
    (whole(b"<html>Bad gateway</html>", status="502 Oh"), "answered 502"),
    (whole(b"Internal Server Error", status="500 Oh"), "answered 500"),
    (endless(), "answered more than"),
    (whole(b"{}"), "answered a JSON dict where [messages, reward, done, truncated] is expected"),
    (whole(b"[[], 1.0]"), "answered a list of 2 where"),
    (whole(b'[[{"role": "nobody"}], 1.0, false, false]'), "cannot be read"),
    (whole(b'[[], "much", false, false]'), "cannot be read: could not convert string to float"),
    (whole(b"[[], null, false, false]"), "cannot be read"),
]


@pytest.mark.parametrize(("answer", "told"), BAD_STEPS, ids=[told for _, told in BAD_STEPS])
async def test_server_that_misbehaves_in_a_step(answer: Answer, told: str, writer: Writer, database: Any) -> None:
    """The episode fails in phase transport with one line; what was played before is recorded."""
    steps = 0

    async def one_good_step(connection: asyncio.StreamWriter) -> None:
        nonlocal steps
        request = server.requests[-1]
        if request.startswith(b"POST /start"):
            await whole(b'{"env_id": "e"}')(connection)
        elif request.startswith(b"POST /reset"):
            await whole(RESET)(connection)
        elif request.startswith(b"POST /step") and (steps := steps + 1) > 1:
            await answer(connection)
        else:
            await whole(b'[[{"role": "user", "content": "more"}], 0.5, false, false]')(connection)

    async with answering(one_good_step) as server:
        env = TaskEnvironmentClient(0, server.url, request_timeout=20.0)
        agent = ScriptedAgent([Message(role="assistant", content="go")], repeat=True)
        events = [event async for event in record(rollout(env, agent), writer, run_uid="r")]
    ended = events[-1]
    assert (ended.reason, ended.phase, ended.steps, ended.return_) == ("failed", "transport", 1, 0.5)
    assert told in ended.detail
    with Reader(database) as reader:
        (kept,) = reader.episodes().episodes
    assert (kept.status, kept.steps, kept.return_) == ("failed", 1, 0.5)
    assert kept.detail.startswith("transport: ")


async def test_failures_as_messages(dataset: Counters) -> None:
    """With catch_http_errors nothing raises: a reset without tools, a step that is done, a close that is quiet."""
    with serving_dataset(dataset) as url:
        env = TaskDatasetClient(url, catch_http_errors=True).get_new_env_by_idx(99)
        messages, tools = await env.reset()
        assert tools == []
        assert str(messages[0].content).startswith("Environment.reset() failed: ")
        env = TaskDatasetClient(url, catch_http_errors=True).get_new_env()
        await env.reset()
        messages, *rest = await env.step(call("fail", text="oh no"))
        assert rest == [0.0, True, False]
        assert [(m.role, m.name) for m in messages] == [("tool", "fail")]  # type: ignore[union-attr]
        assert "ToolError: " in str(messages[0].content)
    messages, *rest = await env.step(Message(role="assistant", content="text"))
    assert (rest, messages[0].role) == ([0.0, True, False], "user")
    assert "TransportError: " in str(messages[0].content)
    await env.close()


class Fixed(EnvironmentClient[dict[str, int]]):
    """A service of somebody's own."""

    def _make_post_json(self, state: dict[str, int]) -> dict[str, Any]:
        return {"me": state["me"]}


async def test_own_service() -> None:
    """Two URLs, query parameters and headers, and what the state says; nothing else is sent."""
    async with answering(whole(RESET)) as server:
        env = Fixed(f"{server.url}/r", f"{server.url}/s", {"room": "a"}, {"X-Who": "me"}, 5.0, "key")
        with pytest.raises(UsageError, match=r"Fixed.state must be set before the first reset"):
            await env.reset()
        env.state = {"me": 3}
        messages, tools = await env.reset()
        assert ([message.content for message in messages], tools) == (["hi"], [])
        assert (env.info(), env.legal_actions(), env.success()) == ({}, None, None)
        with pytest.raises(TransportError, match=r"answered a list of 2 where \[messages, reward, done, truncated\]"):
            await env.step(Message(content="x"))
    reset, step = server.requests
    assert reset.startswith(b"POST /r?room=a HTTP/1.1")
    assert b"x-who: me" in reset.lower()
    assert b"x-api-key: key" in reset.lower()
    assert reset.endswith(b'\r\n\r\n{"me": 3}')
    assert b'"action": {"role": "user", "content": "x"}' in step


class State(BaseModel):
    """A state that is a model."""

    token: str


async def test_generic_state() -> None:
    """States may be anything."""

    class Modelled(EnvironmentClient[State]):
        def _make_post_json(self, state: State) -> dict[str, Any]:
            return state.model_dump()

    async with answering(whole(RESET)) as server:
        env = Modelled(reset_endpoint_url=server.url, step_endpoint_url=server.url)
        env.state = State(token="t")
        await env.reset(seed=3)
    assert server.requests[0].endswith(b'{"token": "t", "seed": 3}')


async def test_picture_that_is_none() -> None:
    """It is a TransportError, as all that comes over the line."""
    answer = b'[[], [], {"picture": {"png": "AAAA"}}]'
    async with answering(whole(answer)) as server:
        env = TaskEnvironmentClient(None, server.url)
        env.state = TaskEnvClientState(env_id="e")
        await env.reset()
        with pytest.raises(EpisodeError, match="What should be a picture is none"):
            env.render()


async def test_errors_are_of_their_phase(remote: TaskDatasetClient) -> None:
    """Outside a rollout too."""
    env = remote.get_new_env()
    with pytest.raises(EnvError, match="no such option"):
        await env.reset(options={"fail": True})
    await env.reset()
    with pytest.raises(ToolError, match="oh no"):
        await env.step(call("fail", text="oh no"))
