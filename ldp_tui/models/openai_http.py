"""Any server that speaks OpenAI's protocol, spoken to directly: vLLM, llama.cpp, LM Studio, `transformers serve`, ….

It costs less than a millisecond per request and no import of a model library, bounds what it reads, and can tell a cut
stream from a complete one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

import aiohttp
import orjson

from ldp_tui.models import http
from ldp_tui.models.backend import Delta, Request
from ldp_tui.models.errors import InvalidReply, ModelError, ReplyCut, ReplyTooLarge, error_of_status, message_of_body
from ldp_tui.models.providers import served_name
from ldp_tui.models.redaction import clean
from ldp_tui.models.wire import read_chunk, read_completion, without_cache_marks

LARGEST_REPLY: Final = 32 * 2**20
"""Bytes; what is longer is no reply."""
_OK: Final = 200
_WEB_PAGE: Final = "a web page; is base_url right? It usually ends in /v1"
_LARGEST_ERROR: Final = 64 * 2**10
_SHOWN: Final = 300
_GRACE_SECONDS: Final = 0.1
_LIBRARY_SETTINGS: Final = frozenset({"drop_params", "allowed_openai_params", "additional_drop_params"})
"""Settings for litellm, not for a server."""


class OpenAIBackend:
    """Posts to `<api_base>/chat/completions`."""

    async def reply(self, request: Request) -> AsyncGenerator[Delta, None]:
        """See `Backend.reply`."""
        spec = request.spec
        url = f"{spec.api_base}/chat/completions"
        async with http.posted(url, _body(request), _headers(request), model=spec.name) as response:
            if response.status != _OK:
                raise await _refused(response, spec.name, spec.secrets())
            if response.content_type == "text/event-stream":
                async with aclosing(_streamed(response, request)) as deltas:
                    async for delta in deltas:
                        yield delta
            else:
                for delta in read_completion(_json(await _whole(response, spec.name), spec.name), spec.name):
                    yield delta


async def embed(body: Mapping[str, Any], *, base: str, key: str | None, model: str) -> Any:
    """What `<base>/embeddings` answers, as JSON.

    Raises:
        ModelError: As `Backend.reply` does.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with http.posted(f"{base}/embeddings", orjson.dumps(dict(body)), headers, model=model) as response:
        if response.status != _OK:
            raise await _refused(response, model, [key] if key else [])
        return _json(await _whole(response, model), model)


def _body(request: Request) -> bytes:
    settings = {name: value for name, value in request.settings.items() if name not in _LIBRARY_SETTINGS}
    extra = settings.pop("extra_body", None) or {}
    if settings.get("n") == 1:  # what everybody does by themselves, and not everybody knows the word
        del settings["n"]
    settings.pop("extra_headers", None)
    body: dict[str, Any] = {
        "model": served_name(request.spec.name),
        "messages": without_cache_marks(request.messages),
        **settings,
        **extra,
    }
    if request.tools:
        body["tools"] = request.tools
        if request.tool_choice is not None:
            body["tool_choice"] = request.tool_choice
    if request.stream:
        body["stream"] = True
        body.setdefault("stream_options", {"include_usage": True})
    try:
        return orjson.dumps(body)
    except TypeError:  # lone surrogates, which JSON can escape
        return json.dumps(body).encode()


def _headers(request: Request) -> dict[str, str]:
    headers = dict(request.settings.get("extra_headers") or {})
    if key := request.spec.key():
        headers["Authorization"] = f"Bearer {key}"
    return headers


async def _refused(response: aiohttp.ClientResponse, model: str, secrets: list[str]) -> ModelError:
    """The error that an answer other than 200 means."""
    text = clean(await _error_text(response), secrets)
    return error_of_status(response.status, text, model=model, retry_after=http.retry_after(response.headers))


async def _error_text(response: aiohttp.ClientResponse) -> str:
    """What an error answer says, in one short line; of a web page only that it is one."""
    received = bytearray()
    async for piece in response.content.iter_any():
        received += piece
        if len(received) > _LARGEST_ERROR:
            break
    try:
        text = message_of_body(orjson.loads(received))
    except orjson.JSONDecodeError:
        text = received.decode("utf-8", "replace")
        if text.lstrip().startswith("<"):
            text = _WEB_PAGE
    return " ".join(text.split())[:_SHOWN]


async def _whole(response: aiohttp.ClientResponse, model: str) -> bytes:
    received = bytearray()
    async for piece in response.content.iter_any():
        received += piece
        if len(received) > LARGEST_REPLY:
            raise _too_large(model)
    return bytes(received)


async def _streamed(response: aiohttp.ClientResponse, request: Request) -> AsyncGenerator[Delta, None]:
    """Deltas of a stream of server-sent events.

    Raises:
        ReplyCut: If the stream ends without `[DONE]` and without a finish reason.
    """
    model, ended = request.spec.name, False
    async with aclosing(_events(response, model)) as events:
        async for event in events:
            if event == b"[DONE]":
                await _read_on(response)
                return
            for delta in read_chunk(_json(event, model), request):
                ended = ended or delta.finish_reason is not None
                yield delta
    if not ended:
        raise ReplyCut("the stream ended before the reply did", model=model)


async def _read_on(response: aiohttp.ClientResponse) -> None:
    """Let the answer come to its end, so that the connection can be used again; for a moment."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE_SECONDS):
            await response.content.readany()


async def _events(response: aiohttp.ClientResponse, model: str) -> AsyncGenerator[bytes, None]:
    """The data of each event."""
    buffer, received = bytearray(), 0
    async for piece in response.content.iter_any():
        received += len(piece)
        if received > LARGEST_REPLY:
            raise _too_large(model)
        unread = len(buffer)
        buffer += piece
        while (end := buffer.find(b"\n", unread)) >= 0:
            line = bytes(buffer[:end]).strip()
            del buffer[: end + 1]
            unread = 0
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if (line := bytes(buffer).strip()).startswith(b"data:"):
        yield line[5:].strip()


def _json(received: bytes, model: str) -> Any:
    try:
        return orjson.loads(received)
    except orjson.JSONDecodeError as error:
        what = _WEB_PAGE if received.lstrip()[:1] == b"<" else f"something that is no JSON ({error})"
        raise InvalidReply(f"the server answered {what}", model=model) from error


def _too_large(model: str) -> ReplyTooLarge:
    return ReplyTooLarge(f"the reply is larger than {LARGEST_REPLY // 2**20} MB and was given up", model=model)
