"""An environment's tools as HTTP endpoints, one for each, and a page at `/` where a person calls them.

Compatible with aviary's tool server: POST /TOOL?environment_id=…, GET /env/create, /env/view/ID and /env/delete/ID,
with a bearer token. Environments stay in memory, are bounded in number and age, and every call goes through `step`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from ldp_tui.adapters.plain import plain
from ldp_tui.adapters.serving.dataset_server import messages_json, reported
from ldp_tui.adapters.serving.extras import extras_of
from ldp_tui.adapters.serving.live import IDLE_SECONDS, Live, LiveEnvironments
from ldp_tui.core.arguments import ArgumentError, Problem
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import MissingExtra, UsageError
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction, ToolRequestMessage
from ldp_tui.core.tools import Tool, tool_schema
from ldp_tui.engine.reset import reset_environment
from ldp_tui.web.guard import MAX_BODY_BYTES, bearer_check, guarded_route, while_connected

try:
    from fastapi import FastAPI, Request, Response
    from fastapi.responses import JSONResponse
except ImportError as error:
    raise MissingExtra("A tool server", "serve") from error

Result = TypeVar("Result")

MAX_ENVIRONMENTS: Final = 64
_NAME = re.compile(r"[\w.-]+")
_ENDED = "has ended"


async def make_tool_server(
    environment_factory: Callable[[], Environment[Any]],
    name: str = "Tool server",
    env_path: Path | None = None,  # noqa: ARG001 (aviary's signature)
    *,
    token: str | None = None,
    max_environments: int = MAX_ENVIRONMENTS,
    idle_seconds: float | None = IDLE_SECONDS,
) -> FastAPI:
    """Application that serves the tools of the environments which `environment_factory` makes.

    Args:
        environment_factory: Called for every new environment, and once now to read its tools.
        name: Title of the page and of the OpenAPI description.
        env_path: Taken for aviary's sake; nothing is written anywhere.
        token: What requests must bring as bearer token; None: the value of `AUTH_TOKEN` at the time of the request.
        max_environments: How many may be live; see LiveEnvironments.
        idle_seconds: Environments unused for longer are closed; None: never.

    Raises:
        UsageError: If a tool's name cannot be part of an address.
    """
    env = environment_factory()
    try:
        _, tools = await reset_environment(env)
    finally:
        await env.close()
    served = _ToolServer(environment_factory, name, tools, max_environments, idle_seconds)
    app = FastAPI(title=name, docs_url=None, redoc_url=None, lifespan=served.lifespan)
    check = bearer_check(lambda: token or os.environ.get("AUTH_TOKEN"))
    app.router.route_class = guarded_route(check, max_body_bytes=MAX_BODY_BYTES)
    app.add_route("/", _page(), include_in_schema=False)
    for tool in tools:
        served.add_tool(app, tool)
    app.add_api_route("/env/create", served.create, operation_id="create_environment", summary="Create environment")
    app.add_api_route("/env/view/{environment_id}", served.view, operation_id="view_environment", summary="View state")
    app.add_api_route("/env/frame/{environment_id}", served.frame, operation_id="environment_frame", summary="Frame")
    app.add_api_route("/env/delete/{environment_id}", served.delete, operation_id="delete_environment", summary="Close")
    return app


class _ToolServer:
    """The environments and what the routes do with them."""

    def __init__(
        self,
        factory: Callable[[], Environment[Any]],
        name: str,
        tools: list[Tool],
        max_environments: int,
        idle_seconds: float | None,
    ) -> None:
        self._factory, self._name, self._tools = factory, name, tools
        self._live: LiveEnvironments[Environment[Any]] = LiveEnvironments(
            max_environments=max_environments, idle_seconds=idle_seconds
        )

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        yield
        await self._live.close_all()

    def add_tool(self, app: FastAPI, tool: Tool) -> None:
        """Route that calls `tool`."""
        name = tool.info.name
        if not _NAME.fullmatch(name):
            raise UsageError(f"The tool {name!r} cannot be served: its name cannot be part of an address.")

        async def call(request: Request, environment_id: str = "") -> Response:
            return await self._call(request, tool, environment_id)

        app.add_api_route(
            f"/{name}",
            call,
            methods=["POST"],
            name=name,
            operation_id=f"call_{name}",
            summary=name,
            description=tool.info.description,
            openapi_extra={"requestBody": _request_body(tool)},
        )

    async def create(self, request: Request, details: bool = False, seed: int | None = None) -> Response:
        """Make an environment and reset it: its id; with `details`, the tools and the first observation too."""
        environment_id = await self._create()
        messages = await self._use(request, environment_id, "reset", lambda live: _reset(live, seed))
        if not details:
            return JSONResponse(environment_id)
        tools = [tool_schema(tool) for tool in self._tools]
        told = {"environment_id": environment_id, "name": self._name, "tools": tools, "messages": messages}
        return _answer(told)

    async def view(self, request: Request, environment_id: str) -> Response:
        """The environment's state, as JSON."""

        async def state(live: Live[Environment[Any]]) -> Any:
            held = getattr(live.env, "state", None)
            return held.model_dump() if isinstance(held, BaseModel) else held

        return _answer(await self._use(request, environment_id, "view", state))

    async def frame(self, request: Request, environment_id: str) -> Response:
        """What the environment looks like now: `frame`, `picture`, `info`, `legal_actions`."""
        want = ("frame", "picture", "info", "legal_actions")
        return _answer(await self._use(request, environment_id, "frame", lambda live: extras_of(live.env, want)))

    async def delete(self, environment_id: str) -> Response:
        """Close an environment; fine if there is none."""
        if environment_id in self._live:
            with reported("delete"):
                await self._live.close(environment_id, "a client asked for it")
        return JSONResponse(environment_id)

    async def _call(self, request: Request, tool: Tool, environment_id: str) -> Response:
        try:
            arguments = tool.signature.schema.coerce(_arguments(await request.body()))
        except ArgumentError as error:
            problems = [{"loc": ["body", problem.path], "msg": problem.reason} for problem in error.problems]
            return JSONResponse({"detail": problems}, 422)
        environment_id = environment_id or await self._create()
        function = ToolCallFunction(name=tool.info.name, arguments=arguments)
        action = ToolRequestMessage(tool_calls=[ToolCall(id=ToolCall.generate_id(), function=function)])
        told = await self._use(request, environment_id, tool.info.name, lambda live: _step(live, action))
        return _answer({**told, "environment_id": environment_id})

    async def _create(self) -> str:
        async def make() -> Environment[Any]:
            return self._factory()

        with reported("create"):
            return await self._live.add(make)

    async def _use(
        self,
        request: Request,
        environment_id: str,
        during: str,
        work: Callable[[Live[Environment[Any]]], Awaitable[Result]],
    ) -> Result:
        with reported(during):
            return await while_connected(request, self._live.use(environment_id, work))


async def _reset(live: Live[Environment[Any]], seed: int | None = None) -> list[dict[str, Any]]:
    messages, _ = await reset_environment(live.env, seed=seed)
    live.unready = ""
    return messages_json(messages)


async def _step(live: Live[Environment[Any]], action: ToolRequestMessage) -> dict[str, Any]:
    """Carry out the call. An environment that has ended begins its next episode first, and the answer says so."""
    begun = bool(live.unready)
    if begun:
        await _reset(live)
    messages, reward, done, truncated = await live.env.step(action)
    if done or truncated:
        live.unready = _ENDED
    success = live.env.success() if done or truncated else None
    return {
        "result": "\n\n".join(message.text for message in messages if message.content),
        "messages": messages_json(messages),
        "reward": float(reward),
        "done": bool(done),
        "truncated": bool(truncated),
        "success": success,
        "new_episode": begun,
    }


def _arguments(body: bytes) -> dict[str, Any]:
    try:
        arguments = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise ArgumentError([Problem("", "must be a JSON object")])
    return arguments


def _answer(value: Any) -> Response:
    return Response(json.dumps(plain(value)), media_type="application/json")


def _request_body(tool: Tool) -> dict[str, Any]:
    """OpenAPI's description of the arguments, whose references lead to where the schema stands in the document."""
    schema = tool.info.parameters.model_dump(exclude_none=True) if tool.info.parameters is not None else {}
    place = f"#/paths/~1{tool.info.name}/post/requestBody/content/application~1json/schema/$defs/"
    return {"content": {"application/json": {"schema": _relocated(schema, place)}}}


def _relocated(schema: Any, place: str) -> Any:
    if isinstance(schema, list):
        return [_relocated(part, place) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: place + value.removeprefix("#/$defs/")
        if key == "$ref" and isinstance(value, str)
        else _relocated(value, place)
        for key, value in schema.items()
    }


def _page() -> Callable[[Request], Awaitable[Response]]:
    """The page, with a policy that lets run and look only what stands in it."""
    html = (files("ldp_tui.adapters.serving") / "tools_page.html").read_text(encoding="utf-8")
    script, style = (_hashes(html, element) for element in ("script", "style"))
    policy = (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src data:; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }

    async def page(_request: Request) -> Response:
        return Response(html, media_type="text/html", headers=headers)

    return page


def _hashes(html: str, element: str) -> str:
    contents = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() for content in contents)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
