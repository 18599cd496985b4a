"""aviary's own server and client, unmodified, at the other end of the line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi")
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # importing aviary must not ask the network
pytest.importorskip("aviary.core")

from aviary import core as aviary
from aviary.env_client import TaskDatasetClient as TheirClient

from ldp_tui import DummyEnv, ScriptedAgent, TaskDataset, rollout
from ldp_tui.adapters.serving.dataset_client import TaskDatasetClient
from ldp_tui.core.errors import EnvError, TransportError
from ldp_tui.web.running import serving
from tests.adapters.served import Counters, call, serving_dataset


class TheirStories(aviary.TaskDataset):  # type: ignore[misc,name-defined]
    """Two stories by number, others by name."""

    def __len__(self) -> int:
        return 2

    def get_new_env_by_idx(self, idx: int) -> Any:
        return aviary.DummyEnv(task=f"story {idx}")

    def get_new_env_by_args(self, *, task: str) -> Any:
        return aviary.DummyEnv(task=task)


class OurStories(TaskDataset[DummyEnv]):
    """The same of ours."""

    def __len__(self) -> int:
        return 2

    def get_new_env_by_idx(self, idx: int) -> DummyEnv:
        return DummyEnv(task=f"story {idx}")


@pytest.fixture
def their_server() -> Iterator[str]:
    with serving(aviary.TaskDatasetServer(TheirStories(), api_key="secret").app) as url:
        yield url


@pytest.fixture
async def client(their_server: str) -> AsyncIterator[TaskDatasetClient]:
    client = TaskDatasetClient(their_server, api_key="secret")
    yield client
    await client.aclose()


async def test_our_client_at_their_server(client: TaskDatasetClient) -> None:
    """An episode is played; what their server does not tell is not there."""
    assert len(client) == 2
    env = client.get_new_env_by_idx(1)
    agent = ScriptedAgent([("cast_int", {"x": 2.5}), "just text", ("print_story", {"story": "a b c d e"})])
    events = [event async for event in rollout(env, agent, seed=3, render=True)]
    assert (events[-1].reason, events[-1].return_, events[-1].steps, events[-1].success) == ("terminated", 1.0, 3, None)
    assert "story 1" in events[0].observation[0].content
    assert (events[0].task_id, events[0].legal_actions, events[0].rendering, events[0].info) == ("1", None, None, {})
    assert env.export_frame().state is None
    named = client.get_new_env_by_args(task="a dog")
    messages, tools = await named.reset()
    assert "a dog" in str(messages[0].content)
    assert [tool.info.name for tool in tools] == ["print_story", "cast_float", "cast_int", "get_random_int"]
    with pytest.raises(NotImplementedError):
        await named.get_id()
    await named.close()
    await named.close()


async def test_failure_at_their_server(client: TaskDatasetClient) -> None:
    """Of the traceback that it sends, the last line is told; a task that is none fails in the environment."""
    env = client.get_new_env_by_idx(0)
    await env.reset()
    with pytest.raises(EnvError) as raised:
        await env.step(call("cast_float", y="no such argument"))
    assert "Traceback" not in str(raised.value)
    assert "TypeError" in str(raised.value)
    with pytest.raises(EnvError, match="NotImplementedError"):
        await client.get_new_env().reset()
    assert len(await client.close_old_envs(-1)) == 1
    with pytest.raises(TransportError, match=r"answered 404: Environment .* not found"):
        await env.step(call("get_random_int"))


async def test_their_client_at_our_server() -> None:
    """An episode is played, messages come with their info, and nothing of ours confuses it."""
    with serving_dataset(OurStories(), api_key="secret") as url:
        client = await asyncio.to_thread(TheirClient, url, api_key="secret")
        assert len(client) == 2
        env = client.get_new_env_by_idx(1)
        messages, tools = await env.reset()
        assert messages[0].content == "Write a 5 word story via print_story about story 1"
        (answer,), reward, done, truncated = await env.step(
            aviary.ToolRequestMessage(tool_calls=[aviary.ToolCall.from_tool(tools[0], story="a b c d e")])
        )
        assert (answer.role, answer.name, reward, done, truncated) == ("tool", "print_story", 1.0, True, False)
        assert "start_ts" in answer.info
        await env.close()
        with pytest.raises(Exception, match="410"):
            await env.close()


async def test_their_client_and_our_failures() -> None:
    """With catch_http_errors it goes on, as with their own server."""
    with serving_dataset(Counters()) as url:
        client = await asyncio.to_thread(TheirClient, url, catch_http_errors=True)
        env = client.get_new_env_by_idx(1)
        await env.reset()
        request = aviary.ToolRequestMessage(tool_calls=[aviary.ToolCall.from_name("fail", text="oh")])
        messages, *rest = await env.step(request)
        assert rest == [0.0, True, False]
        assert "500" in messages[0].content
