"""The seam between the client and whoever computes a reply: one request in, pieces of the reply out.

LLMModel → Backend.reply(request) → Delta, Delta, …      openai_http · litellm · a local model · a test's own
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from ldp_tui.models.config import ModelSpec


@dataclass(frozen=True, slots=True)
class Request:
    """One attempt at one model. Messages and tools are in OpenAI's shape; `settings` holds temperature and the like."""

    spec: ModelSpec
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False


@dataclass(frozen=True, slots=True)
class CallDelta:
    """A piece of a tool call: the call at `position` gets these texts appended; the id comes once."""

    position: int
    id: str | None = None
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token of the reply with its natural log-probability, and the best alternatives with theirs."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()
    id: int | None = None
    """Its number in the model's vocabulary, where the back end tells it."""


@dataclass(frozen=True, slots=True)
class TokenCount:
    """What a request took. None: the back end does not say. `cost_usd` is None where no price is known."""

    prompt: int | None = None
    completion: int | None = None
    cache_read: int | None = None
    cache_creation: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of reply number `choice`, in the order of its coming. A reply that is not streamed is one delta."""

    choice: int = 0
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[CallDelta, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: str | None = None
    usage: TokenCount | None = None
    model: str | None = None
    prompt_ids: tuple[int, ...] = ()
    """The tokens that were read, once and where the back end tells them; they are those of every choice."""


class Backend(Protocol):
    """Answers requests. Stateless towards callers: concurrent requests do not know of each other."""

    def reply(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Pieces of the reply as they come; closing the generator cancels the request.

        Raises:
            ModelError: Of the kind that tells the client whether to ask again, to ask another, or to give up.
        """


@runtime_checkable
class Scorer(Protocol):
    """A back end that also tells how probable a given reply is."""

    async def score(self, request: Request, choices: Sequence[Mapping[str, Any]]) -> list[float]:
        """Natural log-probability of each choice, an assistant's message in OpenAI's shape, as the whole reply.

        Raises:
            ModelError: If it cannot be told.
        """
