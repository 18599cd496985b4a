"""What a model answered: the message, and everything that is known about how it came about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolRequestMessage
from ldp_tui.models.providers import provider_of

_session: ContextVar[UUID | None] = ContextVar("ldp_tui_llm_session", default=None)


def current_session() -> UUID | None:
    """The session that results belong to which are made now; None outside of any."""
    return _session.get()


@contextmanager
def set_llm_session_ids(session_id: UUID) -> Iterator[None]:
    """Results made inside the block carry `session_id`, so that those of one task can be found again."""
    token = _session.set(session_id)
    try:
        yield
    finally:
        _session.reset(token)


class LLMResult(BaseModel):
    """One completion. Counts and log-probabilities are None where the provider does not tell them.

    `messages` are kept whole in dumps, tool calls included. Seconds are those of the attempt that succeeded.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: UUID = Field(default_factory=uuid4)
    session_id: UUID | None = Field(default_factory=current_session, alias="answer_id")
    name: str | None = Field(default=None, description="The caller's own label.")
    config: dict[str, Any] | None = Field(default=None, description="Settings of the request, without secrets.")
    prompt: Messages | None = Field(default=None, description="What was asked.")
    text: str | None = None
    messages: Messages | None = Field(default=None, description="The reply as messages; one in the usual case.")
    prompt_count: int | None = Field(default=None, ge=0, description="Tokens read.")
    completion_count: int | None = Field(default=None, ge=0, description="Tokens written.")
    model: str
    date: str = Field(default_factory=lambda: datetime.now(UTC).isoformat())
    cache_read_tokens: int | None = Field(default=None, ge=0, description="Tokens read from the provider's cache.")
    cache_creation_tokens: int | None = Field(default=None, ge=0, description="Tokens put into that cache.")
    cost: float = Field(default=0.0, ge=0, description="US dollars; 0 where no price is known.")
    seconds_to_first_token: float = Field(default=0.0, ge=0, description="0 where the reply was not streamed.")
    seconds_to_last_token: float = Field(default=0.0, ge=0)
    logprob: float | None = Field(default=None, description="Sum over the tokens of the reply.")
    top_logprobs: list[list[tuple[str, float]]] | None = None
    prompt_ids: list[int] | None = Field(default=None, description="Tokens read, where logprobs were asked for.")
    token_ids: list[int] | None = Field(default=None, description="Tokens written, exactly as they were sampled.")
    token_logprobs: list[float] | None = Field(default=None, description="Of each token written, at temperature 1.")
    reasoning_content: str | None = Field(default=None, description="What the model thought before it replied.")
    finish_reason: str | None = Field(default=None, description="Such as stop, length, tool_calls.")

    def __str__(self) -> str:
        return self.text or ""

    @property
    def provider(self) -> str:
        """Who served the model, as far as its name says; empty if it does not."""
        return provider_of(self.model)


class Choice(BaseModel):
    """A whole reply before it becomes a result; what a `ToolParser` may ask for."""

    model_config = ConfigDict(frozen=True)

    message: ToolRequestMessage | Message
    finish_reason: str | None = None
    reasoning_content: str | None = None
