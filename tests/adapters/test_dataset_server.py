"""The server of task datasets, asked by a client that knows aviary's protocol and nothing of ours."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
from collections.abc import AsyncIterator

import pytest

pytest.importorskip("fastapi")

import aiohttp

from ldp_tui import Environment, TaskDataset
from ldp_tui.adapters.serving.dataset_server import TaskDatasetServer
from ldp_tui.core.errors import EnvError, ToolError, TransportError
from ldp_tui.web.running import serving
from tests.adapters.served import Asking, Counter, Counters, asking, call, happened, sent, serving_dataset


@pytest.fixture
def dataset() -> Counters:
    return Counters()


@pytest.fixture
async def ask(dataset: Counters) -> AsyncIterator[Asking]:
    with serving_dataset(dataset) as url:
        async with asking(url) as ask:
            yield ask


async def status_of(url: str, **json: object) -> tuple[int, dict[str, object]]:
    """Status and body of an answer."""
    async with aiohttp.ClientSession() as client, client.post(url, json=json) as answer:
        return answer.status, await answer.json()


async def test_episode(ask: Asking, dataset: Counters) -> None:
    """Answers have exactly the elements of aviary's protocol, and messages come with their info."""
    env_id = (await ask("/start", task_idx=1))["env_id"]
    messages, tools = await ask("/reset", env_id=env_id)
    assert messages == [{"role": "user", "content": "Count from 0.", "info": {"seed": 0}}]
    assert [tool["function"]["name"] for tool in tools] == ["add", "fail", "wait"]
    (answer,), reward, done, truncated = await ask("/step", env_id=env_id, action=sent("add"))
    assert (answer["role"], answer["content"], reward, done, truncated) == ("tool", "1", 0.25, False, False)
    assert "start_ts" in answer["info"]
    assert (await ask("/step", env_id=env_id, action=sent("add", n=1)))[1:] == [1.0, True, False]
    assert await ask("/close", env_id=env_id) == {"env_id": env_id}
    assert dataset.made[0].closed.is_set()


async def test_tasks(ask: Asking, dataset: Counters) -> None:
    """By number, by arguments, or the next; both at once are refused."""
    for task, goal in (({"task_idx": 0}, 1), ({"task_kwargs": {"goal": 9}}, 9), ({}, 3)):
        await ask("/start", **task)
        assert dataset.made[-1].goal == goal
    with pytest.raises(TransportError, match=r"answered 422: .*mutually exclusive"):
        await ask("/start", task_idx=1, task_kwargs={})


async def test_info(ask: Asking) -> None:
    """Size and environments, and the limits for those who ask."""
    assert await get(ask.url + "/info") == {"dataset_size": 4, "running_env_ids": []}
    env_id = (await ask("/start"))["env_id"]
    assert (await get(ask.url + "/info"))["running_env_ids"] == [env_id]
    limits = (await get(ask.url + "/info?limits=true"))["limits"]
    assert limits == {"max_environments": 1024, "idle_seconds": 3600.0, "max_body_bytes": 2**24}


async def get(url: str) -> dict:  # type: ignore[type-arg]
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return json.loads(await answer.read())  # type: ignore[no-any-return]


async def test_everything_that_can_be_wanted(ask: Asking) -> None:
    """Who asks gets one element more; `/start` can reset at once; a finished episode tells its success."""
    want = ["info", "legal_actions", "success", "task_id", "frame", "picture", "something new"]
    started = await ask("/start", task_idx=0, reset={"seed": 7, "options": {"a": 1}, "want": want})
    _, _, told = started["reset"]
    assert told["info"] == {"count": 0, "options": {"a": 1}}
    assert told["legal_actions"] == [{"name": "add", "arguments": {"n": 1}}]
    assert (told["success"], told["task_id"], told["frame"]) == (
        None,
        "count to 1",
        {"state": {"count": 0}, "info": None},
    )
    assert base64.b64decode(told["picture"]["png"]).startswith(b"\x89PNG")
    assert set(told) == set(want[:-1])
    step = await ask("/step", env_id=started["env_id"], action=sent("add"), want=["success"])
    assert step[1:] == [1.0, True, False, {"success": True}]
    assert await ask("/frame", env_id=started["env_id"], want=["frame"]) == {
        "frame": {"state": {"count": 1}, "info": None}
    }


async def test_seed(ask: Asking, dataset: Counters) -> None:
    """It reaches the environment with the reset."""
    env_id = (await ask("/start"))["env_id"]
    messages, _ = await ask("/reset", env_id=env_id, seed=5)
    assert messages[0]["content"] == "Count from 5."
    assert dataset.made[0].seed == 5


async def test_environment_without_seeds() -> None:
    """It is reset as it can be."""

    class Plain(Counter):
        async def reset(self):  # type: ignore[no-untyped-def,override]
            return await super().reset()

    class Plains(TaskDataset[Plain]):
        def get_new_env(self) -> Plain:
            return Plain()

    with serving_dataset(Plains()) as url:
        async with asking(url) as ask:
            assert (await ask("/start", reset={"seed": 5}))["reset"][0][0]["content"] == "Count from 0."
            assert (await get(url + "/info"))["dataset_size"] is None


async def test_message_without_a_call(ask: Asking, dataset: Counters) -> None:
    """It reaches the environment as what it is; rewards may be no numbers."""
    env_id = await ask.started()
    assert (
        "No tool calls"
        in (await ask("/step", env_id=env_id, action={"content": "hm", "info": {"a": 1}}))[0][0]["content"]
    )
    assert (type(dataset.made[0].actions[0]).__name__, dataset.made[0].actions[0].info) == ("Message", {"a": 1})
    assert math.isnan((await ask("/step", env_id=env_id, action=sent("add", n=-5)))[1])


async def test_failures(ask: Asking, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """One line with whose failure it was: no traceback, no path of the server, no secret of its environment."""
    monkeypatch.setenv("SOME_API_KEY", "s3cret-value-of-the-server")
    env_id = await ask.started()
    action = sent("fail", text="oh\nno: s3cret-value-of-the-server")
    status, body = await status_of(ask.url + "/step", env_id=env_id, action=action)
    assert status == 500
    assert body["phase"] == "tool"
    assert body["detail"] == "step failed: fail: RuntimeError: oh no: [redacted:environment]"
    with pytest.raises(ToolError, match="step failed: fail: RuntimeError"):
        await ask("/step", env_id=env_id, action=action)
    with pytest.raises(EnvError, match="reset failed: ValueError: no such option"):
        await ask("/reset", env_id=env_id, options={"fail": True})
    with pytest.raises(EnvError, match=r"get_new_env_by_idx failed: IndexError: There is no task 9."):
        await ask("/start", task_idx=9)
    assert all("\n" not in record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)


async def test_failure_of_the_first_reset(ask: Asking, dataset: Counters) -> None:
    """An environment whose id nobody learns is closed."""
    with pytest.raises(EnvError):
        await ask("/start", reset={"options": {"fail": True}})
    assert await happened(dataset.made[0].closed)
    assert (await get(ask.url + "/info"))["running_env_ids"] == []


async def test_step_before_reset(ask: Asking) -> None:
    """It is refused with what to do."""
    env_id = (await ask("/start"))["env_id"]
    assert await status_of(ask.url + "/step", env_id=env_id, action=sent("add")) == (
        409,
        {"detail": f"Environment {env_id} has not been reset; reset it first", "phase": "env"},
    )


async def test_unknown_and_closed_environments(ask: Asking) -> None:
    """404 for what never was here, 410 with the reason for what was closed."""
    assert await status_of(ask.url + "/step", env_id="none", action=sent("add")) == (
        404,
        {"detail": "Environment none not found"},
    )
    env_id = await ask.started()
    await ask("/close", env_id=env_id)
    assert await status_of(ask.url + "/close", env_id=env_id) == (
        410,
        {"detail": f"Environment {env_id} was closed: a client asked for it"},
    )


async def test_client_that_goes_away(ask: Asking, dataset: Counters) -> None:
    """Its step is cancelled; the environment stays, and must be reset before it is played on."""
    env_id = await ask.started()
    stepping = asyncio.ensure_future(ask("/step", env_id=env_id, action=sent("wait")))
    assert await happened(dataset.made[0].waiting)
    stepping.cancel()
    await asyncio.gather(stepping, return_exceptions=True)
    assert await happened(dataset.made[0].cancelled)
    status, told = await status_of(ask.url + "/step", env_id=env_id, action=sent("add"))
    assert (status, told["detail"]) == (
        409,
        f"Environment {env_id} was interrupted in the middle of a call; reset it first",
    )
    await ask("/reset", env_id=env_id)
    assert (await ask("/step", env_id=env_id, action=sent("add")))[1] == 0.25


async def test_close_in_the_middle_of_a_step(ask: Asking, dataset: Counters) -> None:
    """The step ends, told that the environment is gone."""
    env_id = await ask.started()
    stepping = asyncio.ensure_future(ask("/step", env_id=env_id, action=sent("wait")))
    assert await happened(dataset.made[0].waiting)
    await ask("/close", env_id=env_id)
    with pytest.raises(TransportError, match=r"answered 410: .* was closed: a client asked for it"):
        await stepping


async def test_closing_that_takes_long(dataset: Counters) -> None:
    """It holds up nobody, and a client that does not wait for it changes nothing."""
    server = TaskDatasetServer(dataset)
    held = Counter()
    held.may_close.clear()
    server.envs["held"] = (held, 0.0)
    with serving(server.app) as url:
        async with asking(url) as ask:
            closing = asyncio.ensure_future(ask("/close_old_envs", last_used=1))
            while "held" in (await get(url + "/info"))["running_env_ids"]:
                pass
            env_id = await ask.started()
            assert (await ask("/step", env_id=env_id, action=sent("add")))[1] == 0.25
            assert not closing.done()
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)
            held.may_close.set()
            assert await happened(held.closed)


async def test_old_environments(dataset: Counters) -> None:
    """What nobody used is closed; what is in the middle of a step is not old, and what cannot close is not told."""

    class Broken(Counter):
        async def close(self) -> None:
            raise OSError("cannot close")

    server = TaskDatasetServer(dataset)
    for name, env in (("a", Counter()), ("b", Counter()), ("broken", Broken())):
        await env.reset()
        server.envs[name] = (env, 0.0)
    waiting = server.envs["b"][0]
    with serving(server.app) as url:
        async with asking(url) as ask:
            stepping = asyncio.ensure_future(ask("/step", env_id="b", action=sent("wait")))
            assert await happened(waiting.waiting)
            server.envs.live("b").last_used = 0.0
            assert await ask("/close_old_envs", last_used=3600) == {"closed_env_ids": ["a"]}
            assert (await get(url + "/info"))["running_env_ids"] == ["b"]
            await ask("/close", env_id="b")
            await asyncio.gather(stepping, return_exceptions=True)


async def test_full_server(dataset: Counters) -> None:
    """The least recently used environment that is idle makes room, and its user is told; else the start is refused."""
    server = TaskDatasetServer(dataset, max_environments=2, idle_seconds=None)
    idle, idler = Counter(), Counter()
    server.envs["idle"], server.envs["idler"] = (idle, 1.0), (idler, 0.0)
    with serving(server.app) as url:
        async with asking(url) as ask:
            await ask.started()
            assert await happened(idler.closed)
            status, told = await status_of(url + "/reset", env_id="idler")
            assert (status, told["detail"]) == (
                410,
                "Environment idler was closed: unused for 60 seconds while another was wanted (least recently used)",
            )
            await ask.started()
            assert await happened(idle.closed)
            status, told = await status_of(url + "/start")
            assert (status, told["detail"]) == (
                503,
                "All 2 environments that this server holds are in use. Close some, or start it with more.",
            )
            assert len(dataset.made) == 2


async def test_idle_environments(dataset: Counters) -> None:
    """They are closed by themselves, and their user is told."""
    with serving_dataset(dataset, idle_seconds=0.05) as url:
        async with asking(url) as ask:
            env_id = await ask.started()
            assert await happened(dataset.made[0].closed)
            with pytest.raises(TransportError, match=r"410: Environment .* was closed: unused for 0.05 seconds"):
                await ask("/reset", env_id=env_id)


async def test_end_of_the_server(dataset: Counters) -> None:
    """Every environment is closed with it."""
    with serving_dataset(dataset) as url:
        async with asking(url) as ask:
            await ask.started()
    assert dataset.made[0].closed.is_set()


async def test_key(dataset: Counters) -> None:
    """Every route asks for it."""
    with serving_dataset(dataset, api_key="secret") as url:
        async with asking(url) as ask:
            for path in ("/start", "/reset", "/step", "/frame", "/close", "/close_old_envs"):
                with pytest.raises(TransportError, match="answered 403: Invalid or missing API key"):
                    await ask(path)
            assert (await get(url + "/info")) == {"detail": "Invalid or missing API key"}
        async with asking(url, **{"X-API-Key": "secret"}) as ask:
            assert await ask.started()


async def test_under_a_prefix(dataset: Counters) -> None:
    """Alone, or mounted on somebody's application."""
    from fastapi import APIRouter, FastAPI

    with serving_dataset(dataset, prefix="/counters") as url:
        async with asking(url) as ask:
            assert await ask.started()
    server = TaskDatasetServer(dataset, router=APIRouter(), api_key="secret", max_body_bytes=100)
    app = FastAPI()
    app.include_router(server.router, prefix="/env")
    with serving(app) as url:
        async with asking(f"{url}/env", **{"X-API-Key": "secret"}) as ask:
            env_id = await ask.started()
            with pytest.raises(TransportError, match="413"):
                await ask("/step", env_id=env_id, action=sent("fail", text="x" * 200))
        async with asking(f"{url}/env") as ask:
            with pytest.raises(TransportError, match="403"):
                await ask("/start")
    with pytest.raises(RuntimeError, match="was given a router"):
        server.start()


async def test_requests_for_one_environment_at_once(ask: Asking) -> None:
    """They take turns."""
    env_id = (await ask("/start", task_kwargs={"goal": 100}))["env_id"]
    await ask("/reset", env_id=env_id)
    answers = await asyncio.gather(*(ask("/step", env_id=env_id, action=sent("add")) for _ in range(20)))
    assert sorted(int(answer[0][0]["content"]) for answer in answers) == list(range(1, 21))


async def test_message_kinds(ask: Asking, dataset: Counters) -> None:
    """A request for tools, a tool's answer and plain text stay what they are."""
    env_id = await ask.started()
    response = {"role": "tool", "content": "x", "name": "t", "tool_call_id": "1"}
    text = {"role": "assistant", "content": "text"}
    for action in (call("add").model_dump(), response, text, {"content": "text"}):
        await ask("/step", env_id=env_id, action=action)
    kinds = [type(action).__name__ for action in dataset.made[0].actions]
    assert kinds == ["ToolRequestMessage", "ToolResponseMessage", "Message", "Message"]


async def test_in_an_event_loop_that_runs(dataset: Counters) -> None:
    """It says which port it took, and closes its environments when it is cancelled."""
    server = TaskDatasetServer(dataset, "127.0.0.1", 0)
    answering = asyncio.ensure_future(server.astart())
    while server.port == 0:
        await asyncio.sleep(0)
    async with asking(f"http://127.0.0.1:{server.port}") as ask:
        await ask.started()
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    assert dataset.made[0].closed.is_set()


def test_dataset_server_is_generic() -> None:
    """It is written as in aviary: with the environment's type, positional arguments, and its defaults."""
    server = TaskDatasetServer[Environment](Counters(), "127.0.0.1", 8041, "key")  # type: ignore[type-arg]
    assert (server.host, server.port, server.api_key) == ("127.0.0.1", 8041, "key")
