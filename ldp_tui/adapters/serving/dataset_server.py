"""A task dataset behind HTTP, in aviary's protocol: POST /start, /reset, /step, /close, /close_old_envs and GET /info.

Additions that a client of theirs neither sends nor notices:

- `/start` takes `reset` (what `/reset` takes) and then answers `reset` too: one request less for each episode;
- `/reset` takes `seed` and `options`; `/reset` and `/step` take `want` (see `extras`), which POST `/frame` tells alone;
- `/info?limits=true` tells the server's limits.

Errors are `{"detail", "phase"}`: 403 key, 404 unknown environment, 409 step before reset, 410 environment closed (and
why), 413 body too long, 422 not this protocol, 500 the environment failed, 503 no room.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field, field_validator, model_validator

from ldp_tui.adapters.plain import plain
from ldp_tui.adapters.serving.extras import extras_of
from ldp_tui.adapters.serving.live import (
    IDLE_SECONDS,
    MAX_ENVIRONMENTS,
    AnyEnvironment,
    Live,
    LiveEnvironments,
    NoRoom,
    NotLive,
)
from ldp_tui.core.errors import MissingExtra
from ldp_tui.core.messages import Message
from ldp_tui.core.tasks import TaskDataset
from ldp_tui.core.tool_calls import ToolRequestMessage, ToolResponseMessage
from ldp_tui.core.tools import Tool
from ldp_tui.engine.reset import reset_environment
from ldp_tui.web.failures import failure_report
from ldp_tui.web.guard import MAX_BODY_BYTES, Refused, api_key_check, guarded_route, while_connected
from ldp_tui.web.running import bind, serve, serve_until_interrupted

try:
    from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
except ImportError as error:
    raise MissingExtra("A task dataset server", "serve") from error

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

DEFAULT_SERVER_PORT = 8041
BIND_ALL_HOST = "0.0.0.0"  # noqa: S104 (aviary's default; the command line's is this machine)


class ResetOptions(BaseModel):
    """How to reset, and what to tell besides messages and tools."""

    seed: int | None = None
    options: dict[str, Any] | None = None
    want: list[str] = Field(default_factory=list)


class StartRequest(BaseModel):
    """Which task to start: by number, by arguments, or the dataset's next one."""

    task_idx: int | None = Field(default=None, description="Number of the task. Not together with task_kwargs.")
    task_kwargs: dict[str, Any] | None = Field(
        default=None, description="Arguments of the task. Not together with task_idx."
    )
    reset: ResetOptions | None = Field(default=None, description="Reset at once, and answer with the result.")

    @model_validator(mode="after")
    def _one_of_both(self) -> StartRequest:
        if self.task_idx is not None and self.task_kwargs is not None:
            raise ValueError("task_idx and task_kwargs are mutually exclusive; give at most one.")
        return self

    def make_env(self, dataset: TaskDataset[AnyEnvironment]) -> AnyEnvironment:
        """The environment of the task that was asked for."""
        if self.task_kwargs is not None:
            return dataset.get_new_env_by_args(**self.task_kwargs)
        if self.task_idx is not None:
            return dataset.get_new_env_by_idx(self.task_idx)
        return dataset.get_new_env()

    @property
    def method(self) -> str:
        """Which method of the dataset `make_env` calls."""
        by = "_by_args" if self.task_kwargs is not None else "_by_idx" if self.task_idx is not None else ""
        return f"get_new_env{by}"


class EnvRequest(BaseModel):
    """Names a live environment."""

    env_id: str


class ResetRequest(ResetOptions, EnvRequest):
    """Start the environment's episode anew."""


class StepRequest(EnvRequest):
    """Carry out a message."""

    action: ToolRequestMessage | ToolResponseMessage | Message
    want: list[str] = Field(default_factory=list)

    @field_validator("action", mode="before")
    @classmethod
    def _text_stays_text(cls, action: Any) -> Any:
        """An assistant's text is no request for no tools, as which it would be read."""
        if isinstance(action, dict) and not action.keys() & {"tool_calls", "tool_call_id"}:
            return Message.model_validate(action)
        return action


class FrameRequest(EnvRequest):
    """Tell what the environment looks like now."""

    want: list[str]


class FlushRequest(BaseModel):
    """Close what nobody uses."""

    last_used: float = Field(default=3600, description="Seconds since last use.")


class TaskDatasetServer(Generic[AnyEnvironment]):
    """Serves `dataset` at `host:port` by `start` or `astart`, or under your application where a `router` is given.

    Args:
        dataset: Makes the environments.
        host: Where to listen; the default is every network of this machine, as in aviary.
        port: Where to listen; 0 takes a free one.
        api_key: Must be sent as `X-API-Key`; without one, everybody who reaches the server may play.
        router: Gets the routes; mount it under any prefix, and `await close()` when your application ends.
        max_environments: How many may be live; see LiveEnvironments for what gives way, and when a start is refused.
        idle_seconds: Environments unused for longer are closed; None: never.
        max_body_bytes: Longest request body.
        prefix: Where the routes are, such as `/maze`; only without `router`.
    """

    def __init__(
        self,
        dataset: TaskDataset[AnyEnvironment],
        host: str = BIND_ALL_HOST,
        port: int = DEFAULT_SERVER_PORT,
        api_key: str | None = None,
        router: APIRouter | None = None,
        *,
        max_environments: int = MAX_ENVIRONMENTS,
        idle_seconds: float | None = IDLE_SECONDS,
        max_body_bytes: int = MAX_BODY_BYTES,
        prefix: str = "",
    ) -> None:
        self.dataset, self.host, self.port, self.api_key = dataset, host, port, api_key
        self.envs: LiveEnvironments[AnyEnvironment] = LiveEnvironments(
            max_environments=max_environments, idle_seconds=idle_seconds
        )
        self._max_body_bytes = max_body_bytes
        self.router = APIRouter() if router is None else router
        self._add_routes()
        self.app: FastAPI | None = None
        if router is None:
            self.app = FastAPI(title="Task dataset", lifespan=self._lifespan)
            self.app.include_router(self.router, prefix=prefix)

    def start(self) -> None:
        """Answer until interrupted."""
        with self._listening() as listening:
            serve_until_interrupted(self.app, listening)

    async def astart(self) -> None:
        """Answer until interrupted or cancelled."""
        with self._listening() as listening:
            await serve(self.app, listening)

    async def close(self) -> None:
        """Close every environment; what goes wrong is logged."""
        await self.envs.close_all()

    @contextlib.contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        """The server's own socket; `port` is then the one that it has."""
        if self.app is None:
            raise RuntimeError(
                f"{type(self).__name__} was given a router: mount it on your application and run that instead."
            )
        with bind(self.host, self.port) as listening:
            self.port = listening.getsockname()[1]
            yield listening

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        yield
        await self.close()

    def _add_routes(self) -> None:
        route = guarded_route(api_key_check(self.api_key), max_body_bytes=self._max_body_bytes)

        def add(path: str, endpoint: Callable[..., Any], method: str) -> None:
            self.router.add_api_route(path, endpoint, methods=[method], route_class_override=route, name=path[1:])

        add("/start", self._start, "POST")
        add("/reset", self._reset, "POST")
        add("/step", self._step, "POST")
        add("/frame", self._frame, "POST")
        add("/close", self._close, "POST")
        add("/close_old_envs", self._close_old_envs, "POST")
        add("/info", self._info, "GET")

    async def _start(self, request: Request, body: StartRequest) -> Response:
        """Make the environment of a task; with `reset`, begin its episode."""
        with reported(body.method):
            env_id = await self.envs.add(lambda: asyncio.to_thread(body.make_env, self.dataset))
        first = body.reset
        if first is None:
            return _answer({"env_id": env_id})
        try:
            begun = await self._use(request, env_id, "reset", lambda live: _begin(live, first))
        except BaseException:  # the client never learns the id
            with contextlib.suppress(NotLive):
                self.envs.let_go(env_id, "its first reset failed")
            raise
        return _answer({"env_id": env_id, "reset": begun})

    async def _reset(self, request: Request, body: ResetRequest) -> Response:
        """Begin an episode: [messages, tools], and what is wanted."""
        return _answer(await self._use(request, body.env_id, "reset", lambda live: _begin(live, body)))

    async def _step(self, request: Request, body: StepRequest) -> Response:
        """Carry out a message: [messages, reward, done, truncated], and what is wanted."""
        return _answer(await self._use(request, body.env_id, "step", lambda live: _carry_out(live, body)))

    async def _frame(self, request: Request, body: FrameRequest) -> Response:
        """Tell what is wanted."""
        return _answer(await self._use(request, body.env_id, "frame", lambda live: extras_of(live.env, body.want)))

    async def _close(self, body: EnvRequest) -> Response:
        """Close an environment, whatever it is doing."""
        with reported("close"):
            await self.envs.close(body.env_id, "a client asked for it")
        return _answer({"env_id": body.env_id})

    async def _close_old_envs(self, body: FlushRequest) -> Response:
        """Close the environments that nobody used for `last_used` seconds; those that were closed without trouble."""

        async def close(env_id: str) -> bool:
            try:
                await self.envs.close(env_id, f"unused for {body.last_used:g} seconds when a client asked")
            except Exception:  # noqa: BLE001 (logged where it is closed)
                return False
            return True

        old = self.envs.stale(body.last_used)
        closed = await asyncio.gather(*map(close, old))
        return _answer({"closed_env_ids": [env_id for env_id, ok in zip(old, closed, strict=True) if ok]})

    async def _info(self, limits: bool = False) -> Response:
        """Number of tasks (null: endless) and the live environments."""
        try:
            size: int | None = len(self.dataset)
        except TypeError:
            size = None
        told: dict[str, Any] = {"dataset_size": size, "running_env_ids": list(self.envs)}
        if limits:
            told["limits"] = {
                "max_environments": self.envs.max_environments,
                "idle_seconds": self.envs.idle_seconds,
                "max_body_bytes": self._max_body_bytes,
            }
        return _answer(told)

    async def _use(
        self, request: Request, env_id: str, during: str, work: Callable[[Live[AnyEnvironment]], Awaitable[Result]]
    ) -> Result:
        with reported(during):
            return await while_connected(request, self.envs.use(env_id, work))


async def _begin(live: Live[Any], how: ResetOptions) -> list[Any]:
    live.unready = "has not been reset"
    messages, tools = await reset_environment(live.env, seed=how.seed, options=how.options)
    answer: list[Any] = [messages_json(messages), tools_json(tools)]
    if how.want:
        answer.append(await extras_of(live.env, how.want))
    live.unready = ""
    return answer


async def _carry_out(live: Live[Any], body: StepRequest) -> list[Any]:
    if live.unready:
        raise Refused(409, {"detail": f"Environment {body.env_id} {live.unready}; reset it first", "phase": "env"})
    messages, reward, done, truncated = await live.env.step(body.action)
    answer: list[Any] = [messages_json(messages), float(reward), bool(done), bool(truncated)]
    if body.want:
        answer.append(await extras_of(live.env, body.want, ended=bool(done or truncated)))
    return answer


def messages_json(messages: list[Message]) -> list[dict[str, Any]]:
    """Messages with all that they say, `info` included."""
    context = {"include_info": True}
    return [message.model_dump(mode="json", context=context, fallback=plain) for message in messages]


def tools_json(tools: list[Tool]) -> list[dict[str, Any]]:
    """Tools as schemas."""
    return [tool.model_dump(mode="json", exclude_none=True, by_alias=True) for tool in tools]


@contextlib.contextmanager
def reported(during: str) -> Iterator[None]:
    """What goes wrong inside becomes an answer: one line, and whose failure it was."""
    try:
        yield
    except (Refused, HTTPException):
        raise
    except NotLive as error:
        raise Refused(410 if error.reason else 404, {"detail": str(error)}) from None
    except NoRoom as error:
        raise Refused(503, {"detail": str(error)}) from None
    except Exception as error:
        report = failure_report(error, during=f"{during} failed")
        logger.warning("%s", report["detail"])
        logger.debug("Where it failed:", exc_info=error)
        raise Refused(500, report) from error


def _answer(value: Any) -> Response:
    """JSON as Python reads and writes it: rewards may be NaN or infinite."""
    return Response(json.dumps(value, separators=(",", ":")), media_type="application/json")
