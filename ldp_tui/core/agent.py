"""What an agent is: a state and a choice, and how it tells its reasons while it chooses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Generic, Literal, Protocol, TypeVar, runtime_checkable

from ldp_tui.core.above import borrow
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.tools import Tool

AgentState = TypeVar("AgentState")
AgentKind = Literal["human", "llm", "random", "scripted", "policy"]


class Action(Protocol):
    """What `get_asv` returns first: a node whose `value` is the message to send."""

    @property
    def value(self) -> Message:
        """The message for the environment."""


@dataclass(frozen=True, slots=True)
class PlainAction:
    """An action made by plain Python, outside any compute graph."""

    value: Message


@dataclass(frozen=True, slots=True)
class Usage:
    """Cost of one decision: tokens and US dollars, zero where nothing was spent."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Generation:
    """One request to a model and what came of it; requests that failed are told too. Values are JSON, without keys."""

    model: str
    """As the server names it; as it was asked for where none answered."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the request."""
    request: str = ""
    """Hash of everything that was sent: equal for equal requests."""
    finish: str | None = None
    """Why the model stopped, such as `stop`, `length`, `tool_calls`; `error:TYPE` for a request that failed."""
    raw: str = ""
    """The reply as a JSON message, as it came; what had come of one that failed, else what went wrong."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    cost_usd: float = 0.0
    latency_us: int = 0
    ttft_us: int | None = None
    """Microseconds to the first token; None where the reply was not streamed."""
    token_ids: tuple[int, ...] = ()
    """Tokens of the reply, where the back end tells them."""
    logprobs: tuple[float, ...] = ()
    """Natural log-probability of each of its tokens, where the back end tells them."""

    @property
    def error(self) -> str | None:
        """Type of the failure; None for a request that was answered."""
        return self.finish[len(FAILED) :] if self.finish is not None and self.finish.startswith(FAILED) else None


FAILED: Final = "error:"
"""How the finish of a generation begins that failed; the type of the error follows."""


class Agent(ABC, Generic[AgentState]):
    """Chooses messages. The state lives outside the agent, so that one agent plays many episodes at once."""

    streams: ClassVar[bool] = False
    """True if `get_asv` reports text while it runs; the rollout then passes it on at once."""
    kind: ClassVar[AgentKind] = "scripted"

    def prepare(self, *, env: Environment[Any], seed: int | None) -> None:
        """Called before each episode. Policies that read the environment's model, or draw numbers, start here."""

    @abstractmethod
    async def init_state(self, tools: list[Tool]) -> AgentState:
        """State before the first observation."""

    @abstractmethod
    async def get_asv(self, agent_state: AgentState, obs: list[Message]) -> tuple[Action, AgentState, float]:
        """Action, next state and value estimate for the newest observations (not the whole history)."""

    def witness(self, agent_state: AgentState, obs: list[Message], action: Message) -> AgentState | None:
        """The state in which this agent saw `obs` and somebody else played `action` in its place.

        None, the default: it cannot tell. A language model is then shown both ahead of the next observation; any other
        agent plays on from the state that it has.
        """
        return None

    @staticmethod
    def from_name(name: str, **kwargs: Any) -> Agent[Any]:
        """An agent by the name of its class (one of this package's, or defined in this process) or `module:Class`.

        Raises:
            UnknownName: If there is none of that name.
        """
        made: Agent[Any] = borrow("agent_class")(name)(**kwargs)
        return made

    @classmethod
    async def wrap_action(cls, action: Message) -> Action:
        """Action from a message that plain Python made."""
        return PlainAction(action)


class Listener(Protocol):
    """Receives what an agent says of its decision before it is made."""

    @property
    def live(self) -> bool:
        """Whether words are passed on while they are said; otherwise they may come all at once."""

    def reflect(self, text: str) -> None:
        """A further piece of reasoning."""

    def propose(self, probabilities: Mapping[str, float]) -> None:
        """Probability of each action considered, by its name."""

    def spend(self, usage: Usage) -> None:
        """Tokens and money that the decision took."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an episode stands at a decision: steps played, the last step's reward (None before the first), the sum.

    `cost_usd` is what its requests to models have cost so far, failed ones and those of this decision included.
    """

    step: int = 0
    reward: float | None = None
    return_: float = 0.0
    cost_usd: float = 0.0


@runtime_checkable
class Host(Protocol):
    """A listener that plays the episode: it knows how it stands, and keeps diagnostics of the decision."""

    def standing(self) -> Standing:
        """How the episode stands."""

    def annotate(self, facts: Mapping[str, Any]) -> None:
        """Facts about how the decision came about, as JSON values."""

    def generated(self, generation: Generation) -> None:
        """A request to a model has come to its end."""


_listener: ContextVar[Listener | None] = ContextVar("ldp_tui_listener", default=None)


class listening:  # noqa: N801 (used as a context manager)
    """Within the block, `reflect`, `propose` and `spend` reach `listener`. Re-usable, not re-entrant."""

    __slots__ = ("_listener", "_token")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._token: Token[Listener | None] | None = None

    def __enter__(self) -> None:
        self._token = _listener.set(self._listener)

    def __exit__(self, *exception: object) -> None:
        if self._token is not None:
            _listener.reset(self._token)


def heard_live() -> bool:
    """Whether somebody hears words while they are said; where nobody does, a reply need not be streamed."""
    listener = _listener.get()
    return listener is not None and listener.live


def reflect(text: str) -> None:
    """Report reasoning from inside `get_asv`: shown, recorded, never executed."""
    if (listener := _listener.get()) is not None:
        listener.reflect(text)


def propose(probabilities: Mapping[str, float]) -> None:
    """Report the distribution an action is drawn from, by action name."""
    if (listener := _listener.get()) is not None:
        listener.propose(probabilities)


def spend(usage: Usage) -> None:
    """Report what a decision cost."""
    if (listener := _listener.get()) is not None:
        listener.spend(usage)


def annotate(facts: Mapping[str, Any]) -> None:
    """Keep facts about this decision (JSON values) with its step, under `agent` of its info.

    Lists that are told under one name add up; of other values the last is kept.
    """
    if (host := _host()) is not None:
        host.annotate(facts)


def tell_generation(make: Callable[[], Generation]) -> None:
    """Keep a request to a model with the decision it served; `make` is called only where somebody keeps it."""
    if (host := _host()) is not None:
        host.generated(make())


def standing() -> Standing | None:
    """How the episode stands, asked from inside `get_asv`; None where no rollout plays it."""
    return None if (host := _host()) is None else host.standing()


def _host() -> Host | None:
    listener: object = _listener.get()
    return listener if isinstance(listener, Host) else None


def current_listener() -> Listener | None:
    """Who hears what is reported here; for an agent that puts itself in between (see `listening`)."""
    return _listener.get()
