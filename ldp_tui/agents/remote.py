"""An agent that thinks elsewhere: the client that takes its place, in LDP's protocol."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from ldp_tui.agents.simple import SimpleAgentState
from ldp_tui.core.agent import AgentKind, Usage, reflect, spend
from ldp_tui.core.errors import TransportError, UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool, ToolsAdapter
from ldp_tui.graph import FxnOp, OpResult, compute_graph
from ldp_tui.graph.agent import Agent
from ldp_tui.web.addresses import check_address
from ldp_tui.web.connections import Connections

StateModel = TypeVar("StateModel", bound=BaseModel)
TOKEN_VARIABLE = "AUTH_TOKEN"  # noqa: S105 (the variable's name, as in LDP)


@dataclass(frozen=True, slots=True)
class Answer(Generic[StateModel]):
    """What came back for one decision."""

    action: Message
    state: StateModel
    value: float


class HTTPAgentClient(Agent[StateModel]):
    """Plays what an agent at `server_url` decides. The state travels to and fro; the graph behind it stays there.

    What the server tells of the agent's reasoning and cost is reported as the agent's own.
    """

    kind: ClassVar[AgentKind] = "llm"

    def __init__(
        self,
        agent_state_type: type[StateModel],
        server_url: str,
        request_headers: Mapping[str, str] | None = None,
        request_timeout: float | None = None,
        *,
        connections: Connections | None = None,
    ) -> None:
        """Client of the agent server at `server_url`, asked first by `init_state`.

        Args:
            agent_state_type: The state that the agent has there.
            server_url: Where `/init_state` and `/get_asv` are.
            request_headers: Sent with each request, such as `Authorization`.
            request_timeout: Seconds for a decision; None: no limit.
            connections: Shared with others.
        """
        check_address(server_url)
        self._url = server_url.rstrip("/")
        self._state: TypeAdapter[StateModel] = TypeAdapter(agent_state_type)
        self._connections = connections or Connections(headers=request_headers, timeout=request_timeout)
        self._ask_op: FxnOp[Answer[StateModel]] = FxnOp(self._ask)
        self._action_op: FxnOp[Message] = FxnOp(lambda answer: answer.action, fxn_name="action")

    async def init_state(self, tools: list[Tool]) -> StateModel:
        """The agent's state for these tools.

        Raises:
            TransportError: If the server cannot be reached, or answers what cannot be used.
        """
        told = ToolsAdapter.dump_python(tools, mode="json", by_alias=True, exclude_none=True)
        return self._read_state(await self._connections.post(f"{self._url}/init_state", told))

    @compute_graph()
    async def get_asv(self, agent_state: StateModel, obs: list[Message]) -> tuple[OpResult[Message], StateModel, float]:
        """What the agent decides there; in this graph, an op of the state and the observations.

        Raises:
            TransportError: If the server cannot be reached, or answers what cannot be used.
            EpisodeError: If it says that the agent failed.
        """
        answer = await self._ask_op(agent_state, obs)
        return await self._action_op(answer), answer.value.state, answer.value.value

    async def _ask(self, agent_state: StateModel, obs: Sequence[Message]) -> Answer[StateModel]:
        context = {"include_info": True}
        body = {
            "agent_state": self._state.dump_python(agent_state, mode="json", context=context),
            "obs": [message.model_dump(mode="json", context=context) for message in obs],
            "training": False,  # LDP's server refuses anything else; what is trained is on this side
        }
        answered = await self._connections.post(f"{self._url}/get_asv", body)
        if not isinstance(answered, list) or len(answered) < 3:
            raise TransportError(f"{self._url}/get_asv answered no list of action, state and value.")
        if len(answered) > 3:
            _report(answered[3])
        return Answer(self._read_action(answered[0]), self._read_state(answered[1]), self._read_value(answered[2]))

    def _read_action(self, dumped: Any) -> Message:
        value = dumped.get("value") if isinstance(dumped, dict) else None
        kind = ToolRequestMessage if isinstance(value, dict) and value.get("tool_calls") is not None else Message
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            raise TransportError(f"{self._url}/get_asv answered an action that is no message.") from error

    def _read_state(self, dumped: Any) -> StateModel:
        try:
            return self._state.validate_python(dumped)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "it"
            raise TransportError(
                f"{self._url} answered a state of another kind ({where}: {problem['msg']})."
            ) from error

    def _read_value(self, dumped: Any) -> float:
        if isinstance(dumped, bool) or not isinstance(dumped, int | float):
            raise TransportError(f"{self._url}/get_asv answered {dumped!r} as value.")
        return float(dumped)


def remote_player(
    model: str = "", *, token_env: str = TOKEN_VARIABLE, timeout: float | None = 300.0
) -> HTTPAgentClient[SimpleAgentState]:
    """The agent at the URL `model`, for people; the token is in the variable `token_env`, where there is one.

    Raises:
        UsageError: If the URL is none, or a variable that was asked for is not set.
    """
    token = os.environ.get(token_env)
    if not token and token_env != TOKEN_VARIABLE:
        raise UsageError(f"The environment variable {token_env} holds no token.")
    headers = {"Authorization": f"Bearer {token}"} if token else None
    return HTTPAgentClient(SimpleAgentState, model, headers, timeout)


def _report(told: Any) -> None:
    """Reasoning and cost, as our own server tells them."""
    if not isinstance(told, dict):
        return
    if isinstance(said := told.get("reflection"), str) and said:
        reflect(said)
    counts = [told.get(name) for name in ("tokens_in", "tokens_out", "cost_usd")]
    if all(isinstance(count, int | float) and count >= 0 for count in counts):
        spend(Usage(int(counts[0] or 0), int(counts[1] or 0), float(counts[2] or 0.0)))
