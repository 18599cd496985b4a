"""One call that tells whether a model answers, how fast, for how much, and whether it streams and calls tools."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.models.backend import Backend, Delta, Request
from ldp_tui.models.client import LLMModel, backend_of
from ldp_tui.models.config import LLMConfig
from ldp_tui.models.errors import (
    AllModelsExhaustedError,
    AuthenticationFailed,
    ContextWindowExceeded,
    InvalidReply,
    ModelError,
    ModelNotFound,
    ModelRefusalError,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
    RequestRejected,
)

_QUESTION: Final = "How much is 2 + 2? Answer by calling the tool `answer`."
_ADVICE: Final[tuple[tuple[type[ModelError], str], ...]] = (
    (AuthenticationFailed, "set the key's environment variable, or store it by `ldp-tui models key set PROVIDER`"),
    (ModelNotFound, "see `ldp-tui models` for what is there; write provider/model, or the server's own name"),
    (ModelTimeout, "a server may still be loading its model; give it longer by timeout=SECONDS"),
    (ModelUnavailable, "see whether the server runs, and whether base_url is right"),
    (RateLimited, "wait, and keep below the limit by requests_per_minute=… or max_concurrent=…"),
    (RequestRejected, "leave out the setting that the answer names"),
    (ContextWindowExceeded, "serve the model with a longer context"),
    (ModelRefusalError, "ask another model: this one declines a harmless question"),
    (InvalidReply, "see whether base_url ends in /v1 and speaks OpenAI's protocol"),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What one call told. `error` is None for a model that answered; `advice` says what to do about one."""

    model: str
    error: str | None = None
    detail: str | None = None
    advice: str | None = None
    seconds: float | None = None
    seconds_to_first_token: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    streams: bool = False
    tools: bool = False
    tools_detail: str | None = None
    """Why no tool was called; None if one was."""
    reply: str = ""


async def try_model(config: LLMConfig) -> Trial:
    """Ask the first model of the chain one question, streamed, with a tool; without, if it takes none."""
    spec = config.models[0].model_copy(update={"max_retries": 0})
    counting = _Counting(config.answered_by() or backend_of(spec))
    model = LLMModel(llm_config=config.model_copy(update={"models": [spec], "backend": counting}))
    refused: str | None = None
    try:
        try:
            result = await model.call_single(_QUESTION, [_ignored], tools=[_answer_tool()], tool_choice="auto")
        except ModelError as error:
            if not isinstance(_first(error), RequestRejected):
                raise
            refused = str(_first(error))
            result = await model.call_single("How much is 2 + 2?", [_ignored])
    except ModelError as error:
        told = _first(error)
        return Trial(spec.name, error=type(told).__name__, detail=str(told), advice=advice_for(told))
    message = result.messages[0] if result.messages else None
    called = isinstance(message, ToolRequestMessage) and bool(message.tool_calls)
    return Trial(
        result.model,
        seconds=result.seconds_to_last_token,
        seconds_to_first_token=result.seconds_to_first_token,
        tokens_in=result.prompt_count,
        tokens_out=result.completion_count,
        cost_usd=result.cost,
        streams=counting.pieces > 1,
        tools=called,
        tools_detail=None if called else refused or "it answered in words",
        reply=str(message) if message is not None else result.text or "",
    )


def advice_for(error: ModelError) -> str:
    """What to do about an error, in one clause."""
    return next((advice for kind, advice in _ADVICE if isinstance(error, kind)), "")


class _Counting:
    """Passes on what a back end says, and counts the pieces."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner
        self.pieces = 0

    async def reply(self, request: Request) -> AsyncGenerator[Delta, None]:
        self.pieces = 0
        async with aclosing(self._inner.reply(request)) as deltas:
            async for delta in deltas:
                self.pieces += bool(delta.text or delta.reasoning or delta.calls)
                yield delta


def _first(error: ModelError) -> ModelError:
    return error.errors[-1] if isinstance(error, AllModelsExhaustedError) else error


def _ignored(_text: str) -> None:
    """Whoever listens has the reply streamed."""


def _answer_tool() -> Tool:
    def answer(number: int) -> str:
        """Give the answer.

        Args:
            number: The answer.
        """
        return str(number)

    return Tool.from_function(answer)
