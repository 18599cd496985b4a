"""An environment that is played elsewhere: its resets and steps are POST requests.

Subclass `EnvironmentClient` for a service of your own; `TaskEnvironmentClient` speaks to task dataset servers.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field, ValidationError

from ldp_tui.adapters.serving.extras import EACH_STEP, frame_of, picture_of
from ldp_tui.core.environment import Environment, Frame, Picture
from ldp_tui.core.errors import EnvError, EpisodeError, TransportError, UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, MessagesAdapter, ToolRequestMessage, ToolResponseMessage
from ldp_tui.core.tools import Tool, ToolsAdapter
from ldp_tui.web.connections import Connections, Parameters, wait_for

logger = logging.getLogger(__name__)

State = TypeVar("State")

FAILED_RESET_MESSAGE = "Environment.reset() failed: {error}"
NOT_LIVE = frozenset({404, 410})
"""What a server answers about an environment that it does not hold (any more)."""


class EnvironmentClient(Environment[State], ABC, Generic[State]):
    """Plays an environment behind two URLs. `state` must be set before the first reset.

    Args:
        reset_endpoint_url: Answers `[messages, tools]`.
        step_endpoint_url: Answers `[messages, reward, done, truncated]` to an `action`.
        request_params: Query parameters of every request.
        request_headers: Headers of every request.
        request_timeout: Seconds for each request, from beginning to end; None: no limit.
        api_key: Sent as `X-API-Key`.
        catch_http_errors: Failures do not raise: a reset answers a message that tells it, without tools; a step answers
            it to each tool call and is done, with reward 0.
        connections: Shared by environments of one server; own ones when None.
    """

    def __init__(
        self,
        reset_endpoint_url: str,
        step_endpoint_url: str,
        request_params: Parameters | None = None,
        request_headers: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        request_timeout: float | None = None,
        api_key: str | None = None,
        catch_http_errors: bool = False,
        *,
        connections: Connections | None = None,
    ) -> None:
        self._reset_request_url = reset_endpoint_url
        self._step_request_url = step_endpoint_url
        self._request_params = request_params
        self._request_headers = {**dict(request_headers or {}), **({"X-API-Key": api_key} if api_key else {})}
        self._catch_http_errors = catch_http_errors
        self._connections = Connections(timeout=request_timeout) if connections is None else connections
        self._begun = False
        self._told: Mapping[str, Any] = {}
        self.tools = []

    @abstractmethod
    def _make_post_json(self, state: State) -> dict[str, Any]:
        """What every reset and step sends, made of `state`."""

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Begin the episode.

        Raises:
            TransportError: If the server cannot be reached, or answers nothing that can be used.
            EpisodeError: If the server tells whose failure it was.
        """
        self._begun, self._told, self.tools = False, {}, []
        given = {"seed": seed, "options": options}
        try:
            answer = await self._ask_reset({name: value for name, value in given.items() if value is not None})
            messages, self.tools = self._read_reset(answer)
        except EpisodeError as error:
            if not self._catch_http_errors:
                raise
            return [Message(content=FAILED_RESET_MESSAGE.format(error=error))], []
        self._begun = True
        return messages, list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Carry out the message; raises as `reset` does, and EnvError before the first reset."""
        if not self._begun:
            raise EnvError("There is no episode to step in: reset the environment first.")
        try:
            return self._read_step(await self._ask_step(action))
        except EpisodeError as error:
            if not self._catch_http_errors:
                raise
            return _told_to(action, f"{type(error).__name__}: {error}"), 0.0, True, False

    def info(self) -> dict[str, Any]:
        """What the server told with the newest reset or step; empty if it tells nothing."""
        info = self._told.get("info")
        return dict(info) if isinstance(info, Mapping) else {}

    def legal_actions(self) -> list[dict[str, Any]] | None:
        """What the server told with the newest reset or step."""
        legal = self._told.get("legal_actions")
        return list(legal) if isinstance(legal, list) else None

    def success(self) -> bool | None:
        """What the server told when the episode ended."""
        success = self._told.get("success")
        return success if isinstance(success, bool) else None

    async def _ask_reset(self, how: Mapping[str, Any]) -> Any:
        return await self._post(self._reset_request_url, {**self._make_post_json(self._known_state()), **how})

    async def _ask_step(self, action: Message) -> Any:
        sent = action.model_dump(mode="json", context={"include_info": True})
        return await self._post(self._step_request_url, {**self._make_post_json(self._known_state()), "action": sent})

    async def _post(self, url: str, json: Mapping[str, Any]) -> Any:
        return await self._connections.post(url, json, params=self._request_params, headers=self._request_headers)

    def _known_state(self) -> State:
        try:
            return self.state
        except AttributeError:
            raise UsageError(f"{type(self).__name__}.state must be set before the first reset.") from None

    def _read_reset(self, answer: Any) -> tuple[Messages, list[Tool]]:
        (messages, tools), self._told = _parts(answer, 2, self._reset_request_url, "[messages, tools]")
        try:
            return MessagesAdapter.validate_python(messages), ToolsAdapter.validate_python(tools)
        except ValidationError as error:
            raise _unreadable(self._reset_request_url, error) from error

    def _read_step(self, answer: Any) -> tuple[Messages, float, bool, bool]:
        url = self._step_request_url
        (messages, reward, done, truncated), self._told = _parts(answer, 4, url, "[messages, reward, done, truncated]")
        try:
            return MessagesAdapter.validate_python(messages), float(reward), bool(done), bool(truncated)
        except (ValidationError, TypeError, ValueError) as error:
            raise _unreadable(url, error) from error


class TaskEnvClientState(BaseModel):
    """Which environment of the server is played."""

    env_id: str = Field(description="Told by the server at the start.")


class TaskEnvironmentClient(EnvironmentClient[TaskEnvClientState]):
    """Plays a task of a task dataset server: number `idx`, the one of `task_kwargs`, or the dataset's next.

    The environment is started with the first reset; later resets play the same task again. With a server of this
    package, seeds, task names, legal actions, frames and pictures are as if the environment were here.
    """

    def __init__(
        self, idx: int | None, base_url: str, *, task_kwargs: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        self._idx, self._task_kwargs = idx, task_kwargs
        base_url = base_url.rstrip("/")
        self._start_request_url = f"{base_url}/start"
        self._close_request_url = f"{base_url}/close"
        self._frame_request_url = f"{base_url}/frame"
        urls = {"reset_endpoint_url": f"{base_url}/reset", "step_endpoint_url": f"{base_url}/step"}
        super().__init__(**{**urls, **kwargs})
        self._want = set(EACH_STEP)
        self._task_id: str | None = None

    async def close(self) -> None:
        """Close the environment at the server. May be called more than once, and before a reset."""
        if not hasattr(self, "state"):
            return
        sent = self._make_post_json(self.state)
        del self.state
        self._begun = False
        try:
            await self._post(self._close_request_url, sent)
        except EpisodeError as error:
            if isinstance(error, TransportError) and error.status in NOT_LIVE:
                return
            if not self._catch_http_errors:
                raise
            logger.warning("Closing a remote environment failed: %s", error)

    async def get_id(self) -> str:
        """The task's name as the server tells it at a reset, else the task's number.

        Raises:
            NotImplementedError: If there is neither.
        """
        if self._task_id is not None:
            return self._task_id
        if self._idx is not None:
            return str(self._idx)
        raise NotImplementedError("The server does not name its tasks.")

    def export_frame(self) -> Frame:
        """The environment's frame; empty if the server tells none. The first call asks for it and waits."""
        frame = self._shown("frame")
        return Frame() if frame is None else frame_of(frame)

    def render(self) -> Picture | str | None:
        """What a person sees; None if the server shows nothing. The first call asks for it and waits."""
        return picture_of(self._shown("picture"))

    def _make_post_json(self, state: TaskEnvClientState) -> dict[str, Any]:
        return {"env_id": state.env_id}

    def _task(self, seed: int | None) -> dict[str, Any]:
        """What `/start` takes to make the task's environment."""
        if self._task_kwargs is not None:
            return {"task_kwargs": dict(self._task_kwargs)}
        return {} if self._idx is None else {"task_idx": self._idx}

    async def _ask_reset(self, how: Mapping[str, Any]) -> Any:
        how = {**how, "want": sorted(self._want)}
        if hasattr(self, "state"):
            try:
                return await super()._ask_reset(how)
            except TransportError as error:
                if error.status not in NOT_LIVE:
                    raise
                del self.state
        return await self._start(how)

    async def _start(self, how: Mapping[str, Any]) -> Any:
        """Start the environment and reset it: in one request where the server can, else in two."""
        started = await self._post(self._start_request_url, {**self._task(how.get("seed")), "reset": how})
        if not isinstance(started, dict) or not isinstance(started.get("env_id"), str):
            raise TransportError(f"{self._start_request_url} answered no environment's id.")
        self.state = TaskEnvClientState(env_id=started["env_id"])
        return started["reset"] if "reset" in started else await super()._ask_reset(how)

    async def _ask_step(self, action: Message) -> Any:
        sent = action.model_dump(mode="json", context={"include_info": True})
        json = {**self._make_post_json(self.state), "action": sent, "want": sorted(self._want - {"task_id"})}
        return await self._post(self._step_request_url, json)

    def _read_reset(self, answer: Any) -> tuple[Messages, list[Tool]]:
        read = super()._read_reset(answer)
        task_id = self._told.get("task_id")
        self._task_id = task_id if isinstance(task_id, str) else None
        return read

    def _shown(self, what: str) -> Any:
        """`what` of the newest reset or step. From now on the server tells it with each of them."""
        if what in self._told or not self._told or not hasattr(self, "state"):
            return self._told.get(what)
        self._want.add(what)
        request = {**self._make_post_json(self.state), "want": [what]}
        told = wait_for(lambda: self._post(self._frame_request_url, request))
        self._told = {**self._told, what: told.get(what) if isinstance(told, dict) else None}
        return self._told[what]


def _parts(answer: Any, length: int, url: str, shape: str) -> tuple[list[Any], Mapping[str, Any]]:
    """The parts of aviary's answer, and what our servers tell besides."""
    if not isinstance(answer, list) or len(answer) < length:
        raise TransportError(f"{url} answered {_kind(answer)} where {shape} is expected.")
    told = answer[length] if len(answer) > length else {}
    return answer[:length], told if isinstance(told, Mapping) else {}


def _kind(answer: Any) -> str:
    return f"a list of {len(answer)}" if isinstance(answer, list) else f"a JSON {type(answer).__name__}"


def _unreadable(url: str, error: Exception) -> TransportError:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        reason = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    else:
        reason = str(error)
    return TransportError(f"{url} answered what cannot be read: {reason}.")


def _told_to(action: Message, text: str) -> Messages:
    """`text` as the answer to each call of the action, or as a message where it calls nothing."""
    if isinstance(action, ToolRequestMessage):
        return [ToolResponseMessage.from_call(call, content=text) for call in action.tool_calls]
    return [Message(content=text)]
