"""An agent behind HTTP, in LDP's protocol: GET /info, POST /init_state, POST /get_asv, with a bearer token.

Works in training and in evaluation mode alike: the graph of a decision ends with the request. An answer of `/get_asv`
has a fourth element that clients of LDP do not look at: reasoning, tokens and cost. Importing this raises MissingExtra
without the extra `serve`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from ldp_tui.web.guard import (  # isort: skip (first, for it says which extra is needed)
    Refused,
    bearer_check,
    guarded_route,
    while_connected,
)

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, TypeAdapter, ValidationError

from ldp_tui.agents.remote import TOKEN_VARIABLE
from ldp_tui.agents.simple import SimpleAgentState
from ldp_tui.core.agent import Agent, Usage, listening
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages
from ldp_tui.core.tools import ToolsAdapter
from ldp_tui.graph import OpResult, eval_mode
from ldp_tui.web.failures import failure_report

logger = logging.getLogger(__name__)


def make_simple_agent_server(
    agent: Agent[Any],
    render_docs: bool = False,
    *,
    agent_state_type: type[BaseModel] = SimpleAgentState,
    token: str | None = None,
) -> FastAPI:
    """An application that decides as `agent` does, for `HTTPAgentClient` or LDP's own client.

    Args:
        agent: Plays for all clients at once; each sends the state of its episode.
        render_docs: Show the page of the interface at `/docs`.
        agent_state_type: The agent's state.
        token: What clients must bring; the variable AUTH_TOKEN by default. While there is none, none gets in.
    """
    app = FastAPI(title=type(agent).__name__, docs_url="/docs" if render_docs else None, redoc_url=None)
    app.router.route_class = guarded_route(bearer_check(lambda: token or os.environ.get(TOKEN_VARIABLE)))
    served = _Served(agent, TypeAdapter(agent_state_type))

    @app.get("/info")
    async def info() -> dict[str, str]:
        """What kind of agent this is."""
        return {"agent_type": type(agent).__name__}

    @app.post("/init_state")
    async def init_state(request: Request) -> JSONResponse:
        """The state for a list of tools."""
        return JSONResponse(await while_connected(request, served.init_state(await _body(request))))

    @app.post("/get_asv")
    async def get_asv(request: Request) -> JSONResponse:
        """Action, next state, value and report for `{"agent_state", "obs"}`."""
        return JSONResponse(await while_connected(request, served.get_asv(await _body(request))))

    return app


class _Served:
    """The agent's methods on JSON; what fails is told in one line (status 422 for the request, 500 for the agent)."""

    def __init__(self, agent: Agent[Any], state: TypeAdapter[Any]) -> None:
        self._agent, self._state = agent, state

    async def init_state(self, body: Any) -> Any:
        tools = _validated(ToolsAdapter, body, "tools")
        try:
            return self._dumped(await self._agent.init_state(tools))
        except Exception as error:
            raise _failed(error, "init_state") from error

    async def get_asv(self, body: Any) -> list[Any]:
        if not isinstance(body, Mapping):
            raise _refused("The body is no object.")
        state = _validated(self._state, body.get("agent_state"), "agent_state")
        obs = _validated(_MESSAGES, body.get("obs"), "obs")
        heard = _Heard()
        try:
            with eval_mode, listening(heard):
                action, state, value = await self._agent.get_asv(state, obs)
            return [_action(action), self._dumped(state), float(value), heard.report()]
        except Exception as error:
            raise _failed(error, "get_asv") from error

    def _dumped(self, state: Any) -> Any:
        return self._state.dump_python(state, mode="json", context={"include_info": True})


_MESSAGES: TypeAdapter[Messages] = TypeAdapter(Messages)


class _Heard:
    """What the agent reports while it decides; it travels with the answer, all at once."""

    live = False

    def __init__(self) -> None:
        self._said: list[str] = []
        self._spent: list[Usage] = []

    def reflect(self, text: str) -> None:
        self._said.append(text)

    def propose(self, probabilities: Mapping[str, float]) -> None:
        """Not in the protocol."""

    def spend(self, usage: Usage) -> None:
        self._spent.append(usage)

    def report(self) -> dict[str, Any]:
        return {
            "reflection": "".join(self._said),
            "tokens_in": sum(usage.tokens_in for usage in self._spent),
            "tokens_out": sum(usage.tokens_out for usage in self._spent),
            "cost_usd": sum(usage.cost_usd for usage in self._spent),
        }


def _action(action: Any) -> dict[str, Any]:
    """LDP's form of an action; of a plain one, its value alone is known."""
    if isinstance(action, OpResult):
        return action.to_dict()
    value: Message = getattr(action, "value", action)
    return {"value": value.model_dump(mode="json")}


async def _body(request: Request) -> Any:
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise _refused("The body is no JSON.") from error


def _validated(adapter: TypeAdapter[Any], value: Any, what: str) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, (what, *problem["loc"])))
        raise _refused(f"{where}: {problem['msg']}") from error


def _refused(detail: str) -> Refused:
    return Refused(422, {"detail": detail})


def _failed(error: Exception, during: str) -> Refused:
    report = failure_report(error, during=f"{during} failed", phase="agent")
    logger.warning("%s", report["detail"])
    return Refused(500, report)
