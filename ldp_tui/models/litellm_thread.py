"""litellm, silenced, in a thread of its own with one event loop. The only module that imports it.

litellm keeps clients and a logging task per event loop, and process-wide; lanes have an event loop each. Kept in one
loop they are shared by all lanes and never outlive a caller's loop, and its import (1.6 s) holds nobody up.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import contextvars
import logging
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Final

from ldp_tui.models.backend import Delta, Request, TokenCount
from ldp_tui.models.errors import (
    AuthenticationFailed,
    ContextWindowExceeded,
    InvalidReply,
    ModelError,
    ModelNotFound,
    ModelRefusalError,
    ModelTimeout,
    ModelUnavailable,
    ReplyCut,
    RequestRejected,
    error_of_status,
)
from ldp_tui.models.http import retry_after
from ldp_tui.models.redaction import clean
from ldp_tui.models.wire import read_chunk, read_completion

logger = logging.getLogger(__name__)

_LOGGERS: Final = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
_CLOSE_SECONDS: Final = 2.0
_SHOWN: Final = 400


class LiteLLMBackend:
    """Asks whatever provider litellm knows."""

    async def reply(self, request: Request) -> AsyncGenerator[Delta, None]:
        """See `Backend.reply`."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Delta | ModelError | None] = asyncio.Queue()

        def deliver(item: Delta | ModelError | None) -> None:
            with contextlib.suppress(RuntimeError):  # the caller's loop is closed: nobody waits any more
                loop.call_soon_threadsafe(arrived.put_nowait, item)

        pumping = _submit(_pump(request, deliver))
        try:
            while (item := await arrived.get()) is not None:
                if isinstance(item, ModelError):
                    raise item
                yield item
        finally:
            pumping.cancel()


async def embed(model: str, texts: list[str], settings: dict[str, Any]) -> Any:
    """litellm's embeddings of `texts`, in OpenAI's form.

    Raises:
        ModelError: As `Backend.reply` does.
    """

    async def ask() -> Any:
        litellm = quiet_litellm()
        try:
            response = await litellm.aembedding(model=model, input=texts, **settings)
        except Exception as error:
            raise _translated(error, model, [str(settings.get("api_key") or "")]) from error
        return {"data": [dict(item) for item in response.data], "usage": None}

    return await in_litellm_thread(ask())


async def in_litellm_thread(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine in litellm's loop and wait for it here."""
    return await asyncio.wrap_future(_submit(coroutine))


def _submit(coroutine: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[Any]:
    """Start it there in an empty context: litellm's connections would keep alive what the caller's holds."""
    return contextvars.Context().run(asyncio.run_coroutine_threadsafe, coroutine, _loop())


def quiet_litellm() -> Any:
    """The module, imported at first use: no price map from the network, no hints on the screen, no telemetry."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_LOG", "ERROR")
    import litellm

    if not litellm.suppress_debug_info:
        litellm.suppress_debug_info = True
        litellm.telemetry = False
        for name in _LOGGERS:
            into_logging(logging.getLogger(name))
    return litellm


def into_logging(library: logging.Logger) -> None:
    """Let a library's logger speak through ours alone: its own handlers write on the screen."""
    library.handlers = [logging.NullHandler()]
    library.propagate = True
    library.setLevel(logging.WARNING)


async def _pump(request: Request, deliver: Callable[[Delta | ModelError | None], None]) -> None:
    """Hand over every delta, then None; or the error in place of the rest."""
    try:
        async with aclosing(_deltas(request)) as deltas:
            async for delta in deltas:
                deliver(delta)
        deliver(None)
    except ModelError as error:
        deliver(error)
    except Exception as error:  # noqa: BLE001 (translated: litellm raises whatever its providers' code raises)
        deliver(_translated(error, request.spec.name, request.spec.secrets()))


async def _deltas(request: Request) -> AsyncGenerator[Delta, None]:
    litellm = quiet_litellm()
    if not request.stream:
        response = await litellm.acompletion(**_arguments(request))
        for delta in read_completion(response.model_dump(warnings=False), request.spec.name):
            yield delta
        yield Delta(usage=TokenCount(cost_usd=_cost(litellm, response, request)))
        return
    stream = await litellm.acompletion(**_arguments(request), stream=True, stream_options={"include_usage": True})
    try:
        async for chunk in stream:
            for delta in read_chunk(chunk.model_dump(warnings=False), request):
                yield delta
            if getattr(chunk, "usage", None) is not None:
                yield Delta(usage=TokenCount(cost_usd=_cost(litellm, chunk, request)))
    finally:
        await stream.aclose()
    if _broke_off(litellm, stream):
        raise ReplyCut("the stream ended before the reply did", model=request.spec.name)


def _broke_off(litellm: Any, stream: Any) -> bool:
    """Whether the provider gave no finish reason. litellm makes one up then, and hides that the connection broke."""
    told = getattr(stream, "received_finish_reason", "?") or getattr(stream, "intermittent_finish_reason", "?")
    telling = {"openai", "azure", "anthropic", *litellm.openai_compatible_providers}
    return told is None and getattr(stream, "custom_llm_provider", None) in telling


def _arguments(request: Request) -> dict[str, Any]:
    spec = request.spec
    arguments: dict[str, Any] = {
        **request.settings,
        "model": spec.name,
        "messages": request.messages,
        "timeout": spec.timeout,
        "max_retries": 0,
        "num_retries": 0,
    }
    if spec.api_base is not None:
        arguments["api_base"] = spec.api_base
    if (key := spec.key()) is not None:
        arguments["api_key"] = key
    if request.tools:
        arguments["tools"] = request.tools
        if request.tool_choice is not None:
            arguments["tool_choice"] = request.tool_choice
    return arguments


def _cost(litellm: Any, response: Any, request: Request) -> float | None:
    """What the price list says; None for a model that is not in it."""
    try:
        return float(litellm.completion_cost(completion_response=response, model=request.spec.name))
    except Exception:  # noqa: BLE001 (any failure means: no price is known)
        return None


_KINDS: Final[tuple[tuple[str, type[ModelError]], ...]] = (
    ("ContextWindowExceededError", ContextWindowExceeded),
    ("ContentPolicyViolationError", ModelRefusalError),
    ("AuthenticationError", AuthenticationFailed),
    ("PermissionDeniedError", AuthenticationFailed),
    ("NotFoundError", ModelNotFound),
    ("LiteLLMUnknownProvider", ModelNotFound),
    ("Timeout", ModelTimeout),
    ("APITimeoutError", ModelTimeout),
    ("MidStreamFallbackError", ReplyCut),
    ("InternalServerError", ModelUnavailable),
    ("ServiceUnavailableError", ModelUnavailable),
    ("BadGatewayError", ModelUnavailable),
    ("APIConnectionError", ModelUnavailable),
    ("APIResponseValidationError", InvalidReply),
    ("UnsupportedParamsError", RequestRejected),
)


def _translated(error: Exception, model: str, secrets: list[str]) -> ModelError:
    """The one place that turns litellm's exceptions into ours. The original is kept with it, without keys."""
    original = str(getattr(error, "message", None) or error)
    told = _kind(error, " ".join(clean(original, secrets).split())[:_SHOWN].removeprefix("litellm."), model)
    if (kept := _without_keys(error, secrets)) is not None:
        told.__cause__ = told.provider_error = kept
    return told


def _without_keys(error: Exception, secrets: list[str]) -> Exception | None:
    """`error` itself, with no key in what a traceback shows of it; None if one cannot be taken out."""
    error.args = tuple(clean(part, secrets) if isinstance(part, str) else part for part in error.args)
    if isinstance(message := getattr(error, "message", None), str):
        error.message = clean(message, secrets)  # type: ignore[attr-defined]
    error.__cause__ = error.__context__ = None  # the provider's library says the same, keys included
    return error if clean(str(error), secrets) == str(error) else None


def _kind(error: Exception, text: str, model: str) -> ModelError:
    """The error of ours that an exception of litellm means."""
    names = {kind.__name__ for kind in type(error).__mro__}
    response = getattr(error, "response", None)
    if "RateLimitError" in names:
        asked = retry_after(getattr(response, "headers", None) or {})
        return error_of_status(429, text, model=model, retry_after=asked)
    if "LLM Provider NOT provided" in text:
        return ModelNotFound(f"no provider of that name; write provider/model, such as openai/{model}", model=model)
    for name, kind in _KINDS:
        if name in names:
            return kind(text, model=model)
    status = getattr(response, "status_code", None) or getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return error_of_status(status, text, model=model)
    return InvalidReply(f"{type(error).__name__}: {text}", model=model)


_starting = threading.Lock()
_running: asyncio.AbstractEventLoop | None = None


def _loop() -> asyncio.AbstractEventLoop:
    """litellm's loop, started at first use and stopped when the interpreter ends."""
    global _running  # noqa: PLW0603 (one thread per process is what this module is for)
    with _starting:
        if _running is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever, name="ldp-litellm", daemon=True)
            thread.start()
            atexit.register(_stop, loop, thread)
            _running = loop
        return _running


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    with contextlib.suppress(Exception):
        asyncio.run_coroutine_threadsafe(_wind_up(), loop).result(_CLOSE_SECONDS)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(_CLOSE_SECONDS)
    if not thread.is_alive():
        loop.close()


async def _wind_up() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await quiet_litellm().close_litellm_async_clients()
