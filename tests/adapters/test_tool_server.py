"""The tool server, asked by programs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from enum import Enum
from typing import Any

import pytest

pytest.importorskip("fastapi")

import aiohttp
from pydantic import BaseModel

from ldp_tui import Environment, Message, Messages, Tool, ToolRequestMessage, fenv
from ldp_tui.adapters.serving.tool_server import make_tool_server
from ldp_tui.core.errors import UsageError
from ldp_tui.web.running import serving

TOKEN = "the-token"


class Colour(Enum):
    """Colours."""

    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    """A place."""

    x: float
    y: float = 0.0


class Workshop(Environment[dict[str, Any]]):
    """Tools with all kinds of parameters; rewards and endings that have nothing to do with each other."""

    closed = 0

    def __init__(self) -> None:
        self.state, self.tools = {"steps": 0, "resets": 0}, []
        self.reward, self.done = 0.0, False

    async def reset(self) -> tuple[Messages, list[Tool]]:  # type: ignore[override]
        self.state["steps"] = 0
        self.state["resets"] += 1
        functions = (self.paint, self.part, self.finish, self.fail)
        self.tools = [Tool.from_function(function, allow_empty_param_descriptions=True) for function in functions]
        return [Message(content="Work.")], self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        self.state["steps"] += 1
        self.reward, self.done = 0.0, False
        assert isinstance(action, ToolRequestMessage)
        return [*await self.exec_tool_calls(action)], self.reward, self.done, False

    async def close(self) -> None:
        type(self).closed += 1

    def paint(self, names: list[str], colour: Colour = Colour.RED, z: int = 4, at: Point | None = None) -> str:
        """Paint."""
        return json.dumps([names, colour.value, z, at.x if at else None])

    def part(self) -> str:
        """Earn a part of the reward."""
        self.reward = 0.5
        return "half"

    def finish(self) -> str:
        """End without a reward."""
        self.done = True
        return "over"

    def fail(self) -> str:
        """Fail."""
        raise RuntimeError("no\nway")


class Client:
    """Asks a tool server with the token."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str) -> tuple[int, Any]:
        async with self._session.get(path) as answer:
            return answer.status, json.loads(await answer.read())

    async def post(self, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        async with self._session.post(path, json={} if body is None else body, params=query) as answer:
            return answer.status, json.loads(await answer.read())


@contextlib.asynccontextmanager
async def tools_of(factory: Callable[[], Environment[Any]], **options: Any) -> AsyncIterator[Client]:
    app = await make_tool_server(factory, token=TOKEN, **options)
    with serving(app) as url:
        async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {TOKEN}"}) as session:
            yield Client(session)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with tools_of(Workshop) as client:
        yield client


async def test_arguments(client: Client) -> None:
    """Defaults are kept, lists and models work, and text is converted."""
    _, told = await client.post("/paint", {"names": ["a", "b"]})
    assert json.loads(told["result"]) == [["a", "b"], "red", 4, None]
    _, told = await client.post("/paint", {"names": [], "colour": "blue", "z": "5", "at": {"x": 1}})
    assert json.loads(told["result"]) == [[], "blue", 5, 1.0]


@pytest.mark.parametrize("body", [{}, {"names": "a", "z": 1.5}, {"names": [], "other": 1}, [1], "text"])
async def test_arguments_that_do_not_fit(client: Client, body: Any) -> None:
    """Every problem is told in FastAPI's form, and no environment is made for them."""
    status, told = await client.post("/paint", body)
    assert status == 422
    assert all(problem["loc"][0] == "body" and problem["msg"] for problem in told["detail"])


async def test_no_json(client: Client) -> None:
    """It is refused like arguments that do not fit."""
    async with client._session.post("/paint", data=b"{") as answer:
        assert answer.status == 422


async def test_end_is_an_end(client: Client) -> None:
    """A reward ends nothing; an end without a reward is one, and the next call begins the next episode."""
    _, environment_id = await client.get("/env/create")
    answers = [await client.post(f"/{tool}", environment_id=environment_id) for tool in ("part", "part", "finish")]
    told = [(answer["reward"], answer["done"], answer["new_episode"]) for _, answer in answers]
    assert told == [(0.5, False, False), (0.5, False, False), (0.0, True, False)]
    assert (await client.get(f"/env/view/{environment_id}"))[1] == {"steps": 3, "resets": 1}
    assert (await client.post("/part", environment_id=environment_id))[1]["new_episode"] is True
    assert (await client.get(f"/env/view/{environment_id}"))[1] == {"steps": 1, "resets": 2}


async def test_calls_without_an_environment(client: Client) -> None:
    """Each gets a new one, whose id comes with the answer."""
    _, first = await client.post("/part")
    _, second = await client.post("/part")
    assert first["environment_id"] != second["environment_id"]
    assert first["result"] == "half"


async def test_deleting(client: Client) -> None:
    """The environment is closed; again is fine, and looking at it is not."""
    _, environment_id = await client.get("/env/create")
    before = Workshop.closed
    for _ in range(2):
        assert await client.get(f"/env/delete/{environment_id}") == (200, environment_id)
    assert Workshop.closed == before + 1
    assert (await client.get(f"/env/view/{environment_id}"))[0] == 410
    assert (await client.get("/env/view/none"))[0] == 404
    assert (await client.post("/part", environment_id="none"))[0] == 404


async def test_failing_tool(client: Client) -> None:
    """One line says which tool and why."""
    status, told = await client.post("/fail")
    assert (status, told) == (500, {"detail": "fail failed: fail: RuntimeError: no way", "phase": "tool"})


async def test_environments_are_bounded() -> None:
    """When all are in use, no further one is made."""
    async with tools_of(Workshop, max_environments=1) as client:
        assert (await client.get("/env/create"))[0] == 200
        assert (await client.get("/env/create"))[0] == 503


async def test_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment is told without it; as in aviary it can come from AUTH_TOKEN, also later."""
    monkeypatch.delenv("AUTH_TOKEN", raising=False)
    app = await make_tool_server(Workshop)
    with serving(app) as url:
        async with aiohttp.ClientSession(url) as session:
            for token in ("", "Bearer ", "Bearer x"):
                async with session.post("/part", json={}, headers={"Authorization": token}) as answer:
                    assert answer.status == 401
            monkeypatch.setenv("AUTH_TOKEN", "x")
            async with session.post("/part", json={}, headers={"Authorization": "Bearer x"}) as answer:
                assert answer.status == 200
            async with session.get("/env/create") as answer:
                assert answer.status == 401
            async with session.get("/") as answer:
                assert "Work" not in await answer.text()


async def test_description(client: Client) -> None:
    """OpenAPI names every operation once, and references lead to definitions."""
    _, told = await client.get("/openapi.json")
    operations = [operation["operationId"] for path in told["paths"].values() for operation in path.values()]
    assert len(set(operations)) == len(operations)
    assert {"call_paint", "create_environment", "delete_environment"} <= set(operations)
    schema = told["paths"]["/paint"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["z"]["default"] == 4
    target: Any = told
    for part in schema["properties"]["at"]["anyOf"][0]["$ref"].removeprefix("#/").split("/"):
        target = target[part.replace("~1", "/")]
    assert set(target["properties"]) == {"x", "y"}


async def test_page_is_sealed(client: Client) -> None:
    """Its policy lets only its own script run, and load nothing from elsewhere."""
    async with client._session.get("/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        html = await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http://" not in html
    assert "https://" not in html


async def test_tool_that_cannot_be_addressed() -> None:
    """The server is refused with the tool's name."""

    class Odd(Workshop):
        async def reset(self):  # type: ignore[no-untyped-def,override]
            messages, tools = await super().reset()
            tools[0].info.name = "a/b"
            return messages, tools

    with pytest.raises(UsageError, match="The tool 'a/b' cannot be served"):
        await make_tool_server(Odd)


async def test_functional_environment() -> None:
    """Its tools see their state."""

    @fenv.start()
    def counting() -> tuple[str, dict[str, int]]:
        """Count."""
        return "Count.", {"n": 0}

    @counting.tool()
    def up(state: Any) -> str:
        """Count up."""
        state.n += 1
        return str(state.n)

    async with tools_of(counting) as client:
        _, first = await client.post("/up")
        _, second = await client.post("/up", environment_id=first["environment_id"])
        assert second["result"] == "2"
