"""What can go wrong between a request and a usable reply, and the one place that reads a provider's answer.

ModelError                      root; one sentence that names the model, never a key
├── ModelUnavailable            no connection, or the server failed (5xx); asked again
│   └── ModelTimeout            no whole reply within `timeout`; asked again
├── RateLimited                 429; asked again after what the server asks for (`retry_after`)
├── InvalidReply                the answer is not what the protocol promises; asked again
│   ├── ReplyCut                the stream ended before the reply did
│   ├── ReplyTooLarge           more than LARGEST_REPLY bytes
│   ├── EmptyReply              neither text nor tool calls
│   └── ResponseValidationError the caller's own check refused it
│       └── JSONSchemaValidationError  it does not fit the output type that was asked for
├── AuthenticationFailed        no key, or one that is refused; the next model is asked
├── ModelNotFound               the server knows no such model; the next model is asked
├── OutOfMemory                 a model that runs here does not fit into memory; the next model is asked
├── ContextWindowExceeded       the conversation is too long; the next model is asked
├── ModelRefusalError           the model or its provider declined; the next model is asked
├── RequestRejected             the request itself is wrong (400); nobody else is asked
├── CostCeilingReached          a budget is used up; nobody is asked
└── AllModelsExhaustedError     every model of the chain failed; `errors` has them all
"""

from __future__ import annotations

from typing import Any, ClassVar

from ldp_tui.core.errors import LdpTuiError


class ModelError(LdpTuiError):
    """No usable reply. `retryable`: the same model may answer; `elsewhere`: another model may."""

    retryable: ClassVar[bool] = False
    elsewhere: ClassVar[bool] = False
    provider_error: Exception | None = None
    """What litellm raised, as it is; None where it was not asked."""

    def __init__(self, message: str, *, model: str = "") -> None:
        self.model = model
        super().__init__(f"{model}: {message}" if model else message)


class ModelUnavailable(ModelError):
    """No connection, or the server failed."""

    retryable = True


class ModelTimeout(ModelUnavailable):
    """No whole reply in the time allowed."""


class RateLimited(ModelError):
    """Too many requests. `retry_after`: seconds the server asks to wait; None if it does not say."""

    retryable = True

    def __init__(self, message: str, *, model: str = "", retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message, model=model)


class InvalidReply(ModelError):
    """The answer is not what the protocol promises."""

    retryable = True


class ReplyCut(InvalidReply):
    """The stream ended before the reply did."""


class ReplyTooLarge(InvalidReply):
    """More bytes than any reply should have."""

    retryable = False
    elsewhere = True


class EmptyReply(InvalidReply):
    """Neither text nor tool calls."""


class ResponseValidationError(InvalidReply):
    """The caller's own check refused the reply."""


class JSONSchemaValidationError(ResponseValidationError, ValueError):
    """The reply does not fit the output type that was asked for."""


class AuthenticationFailed(ModelError):
    """No key, or one that is refused."""

    elsewhere = True


class ModelNotFound(ModelError):
    """The server knows no such model, or has no such page."""

    elsewhere = True


class OutOfMemory(ModelError):
    """A model that runs here, or what it has to remember, does not fit into memory."""

    elsewhere = True


class ContextWindowExceeded(ModelError):
    """The conversation is longer than the model reads."""

    elsewhere = True


class ModelRefusalError(ModelError):
    """The model or its provider declined. `text`: what it said instead; `finish_reason`: why it stopped."""

    elsewhere = True

    def __init__(
        self, message: str, *, model: str = "", finish_reason: str | None = None, text: str | None = None
    ) -> None:
        self.finish_reason, self.text = finish_reason, text
        super().__init__(message, model=model)


class RequestRejected(ModelError):
    """The request itself is wrong."""


class CostCeilingReached(ModelError):
    """A budget is used up."""


class AllModelsExhaustedError(ModelError):
    """Every model of the chain failed; `errors` in the order in which they came.

    `last_exc` is the last as LDP's users know it: litellm's own exception, or ours where litellm was not asked.
    """

    def __init__(self, errors: list[ModelError]) -> None:
        self.errors = errors
        self.last_exc: Exception = errors[-1].provider_error or errors[-1]
        several = f"None of {len(errors)} models answered. " if len(errors) > 1 else ""
        super().__init__(several + " ".join(f"{type(error).__name__}: {error}" for error in errors))


_CONTEXT = (
    "context_length_exceeded",
    "context length",
    "context window",
    "too many tokens",
    "prompt is too long",
    "longer than the model",
    "exceeds the available context",
)
_REFUSED = (
    "content_filter",
    "content_policy",
    "content management policy",
    "safety reasons",
    "flagged for",
    "responsibleaipolicy",
)
_ANOTHERS_LIMIT = ("too much media", "image dimensions exceed", "must contain non-whitespace text")
"""Requests that one provider refuses and another may take."""
_NO_CREDIT = ("insufficient_quota", "exceeded your current quota", "insufficient credit")


def error_of_status(status: int, text: str, *, model: str, retry_after: float | None = None) -> ModelError:
    """The error that an HTTP status and its text mean; `text` must be free of secrets already."""
    folded = text.casefold()
    said = f"the server answered {status}{f': {text}' if text else ''}"
    if status in (401, 403):
        return AuthenticationFailed(f"{said} (set the key's environment variable, or api_key_env=NAME)", model=model)
    if status == 404:
        return ModelNotFound(said, model=model)
    if status == 402 or (status == 429 and any(word in folded for word in _NO_CREDIT)):
        return AuthenticationFailed(said, model=model)
    if status == 429:
        return RateLimited(said, model=model, retry_after=retry_after)
    if status in (408, 504):
        return ModelTimeout(said, model=model)
    if status >= 500:
        return ModelUnavailable(said, model=model)
    if status == 413 or any(word in folded for word in _CONTEXT):
        return ContextWindowExceeded(said, model=model)
    if any(word in folded for word in _REFUSED):
        return ModelRefusalError(said, model=model, finish_reason="content_filter")
    if any(word in folded for word in _ANOTHERS_LIMIT):
        return ContextWindowExceeded(said, model=model)
    return RequestRejected(said, model=model)


def message_of_body(body: Any) -> str:
    """What an error body in OpenAI's form says, with its code; empty for anything else."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return ""
    message = error.get("message") or error.get("detail") or ""
    code = error.get("code") or error.get("type") or ""
    text = message if isinstance(message, str) else str(message)
    return f"{text} ({code})" if text and isinstance(code, str) and code and code not in text else text or str(code)
