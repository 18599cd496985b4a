"""What a scripted model server answers, as values: replies, refusals, and the ways in which servers misbehave."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_NEVER = 1e9


@dataclass(frozen=True, slots=True)
class Says:
    """An ordinary reply: text, tool calls as `(name, arguments)`, or both.

    In a stream the text comes in `pieces` parts and each call's arguments in three, `pause` seconds apart. Arguments
    may be given as text, to send what no JSON parser reads. `calls_without_id` leaves out the ids, as some servers do.
    """

    text: str = ""
    calls: Sequence[tuple[str, Mapping[str, Any] | str]] = ()
    reasoning: str = ""
    refusal: str = ""
    finish_reason: str | None = None
    pieces: int = 3
    pause: float = 0.0
    logprobs: Sequence[float] = ()
    prompt_tokens: int = 10
    completion_tokens: int = 5
    cached_tokens: int | None = None
    model: str | None = None
    calls_without_id: bool = False
    alternatives: Sequence[str] = ()
    """Texts of further choices, for requests with `n`."""


@dataclass(frozen=True, slots=True)
class Fails:
    """An HTTP error, with `Retry-After` where `retry_after` is given (seconds, or a date as text)."""

    status: int = 500
    message: str = "the model is on fire"
    code: str = ""
    retry_after: float | str | None = None


@dataclass(frozen=True, slots=True)
class Hangs:
    """Takes the request and answers nothing until the client goes away, or `seconds` have passed."""

    seconds: float = _NEVER


@dataclass(frozen=True, slots=True)
class Cuts:
    """Begins the stream of `reply` and closes the connection after `events` of its events."""

    reply: Says = field(default_factory=lambda: Says("never said to its end"))
    events: int = 2


@dataclass(frozen=True, slots=True)
class Sends:
    """Any bytes with any type: web pages, broken JSON, events of a stream that mean nothing."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Floods:
    """A reply of `size` bytes of text, written as they are needed."""

    size: int


Reply = Says | Fails | Hangs | Cuts | Sends | Floods
Scripted = Reply | str | tuple[str, Mapping[str, Any]] | Callable[[dict[str, Any]], "Reply | str"]
"""A reply; a text; one tool call; or a function of the request's body that returns one."""

WEB_PAGE = Sends(b"<!doctype html><html><body>502 Bad Gateway</body></html>", "text/html")
BROKEN_JSON = Sends(b'{"choices": [{"message": {"content": "half a rep')
NO_CHOICE = Sends(b'{"id": "x", "object": "chat.completion", "choices": []}')
EMPTY = Says()


def reply_of(scripted: Scripted, request: dict[str, Any]) -> Reply:
    """The reply that a script's item stands for."""
    if isinstance(scripted, str):
        return Says(scripted)
    if isinstance(scripted, tuple):
        return Says(calls=[scripted])
    if callable(scripted):
        return reply_of(scripted(request), request)
    return scripted


def completion(says: Says, request: Mapping[str, Any]) -> bytes:
    """The whole reply as one JSON object."""
    message: dict[str, Any] = {"role": "assistant", "content": says.text or None}
    if says.reasoning:
        message["reasoning_content"] = says.reasoning
    if says.refusal:
        message["refusal"] = says.refusal
    if says.calls:
        message["tool_calls"] = [_call(says, index, name, text) for index, (name, text) in enumerate(_texts(says))]
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": _finish(says)}
    if says.logprobs:
        choice["logprobs"] = {"content": [_token(says, i) for i in range(len(says.logprobs))]}
    others = [
        {"index": number, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for number, text in enumerate(says.alternatives, 1)
    ]
    body = {**_head(says, request, "chat.completion"), "choices": [choice, *others], "usage": _usage(says)}
    return json.dumps(body).encode()


def events(says: Says, request: Mapping[str, Any]) -> Iterator[bytes]:
    """The events of the reply's stream, `[DONE]` included."""
    head = _head(says, request, "chat.completion.chunk")
    for delta in _deltas(says):
        yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    last: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": _finish(says)}
    if says.logprobs:
        last["logprobs"] = {"content": [_token(says, i) for i in range(len(says.logprobs))]}
    yield _event({**head, "choices": [last]})
    if (request.get("stream_options") or {}).get("include_usage"):
        yield _event({**head, "choices": [], "usage": _usage(says)})
    yield b"data: [DONE]\n\n"


def embeddings(request: Mapping[str, Any]) -> bytes:
    """A small deterministic embedding of each text: counts of the letters, in `dimensions` numbers."""
    texts = request.get("input") or []
    size = int(request.get("dimensions") or 8)
    data = []
    for index, text in enumerate([texts] if isinstance(texts, str) else texts):
        vector = [0.0] * size
        for letter in text:
            vector[ord(letter) % size] += 1.0
        data.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return json.dumps({"object": "list", "model": request.get("model"), "data": data, "usage": usage}).encode()


def _deltas(says: Says) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    if says.reasoning:
        yield {"reasoning_content": says.reasoning}
    if says.refusal:
        yield {"refusal": says.refusal}
    for piece in _parts(says.text, says.pieces):
        yield {"content": piece}
    for index, (name, text) in enumerate(_texts(says)):
        call = _call(says, index, name, "")
        yield {"tool_calls": [{"index": index, **call}]}
        for piece in _parts(text, 3):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _texts(says: Says) -> list[tuple[str, str]]:
    return [(name, given if isinstance(given, str) else json.dumps(given)) for name, given in says.calls]


def _call(says: Says, index: int, name: str, arguments: str) -> dict[str, Any]:
    call: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return call if says.calls_without_id else {"id": f"call_{index}", **call}


def _finish(says: Says) -> str:
    return says.finish_reason or ("tool_calls" if says.calls else "stop")


def _token(says: Says, index: int) -> dict[str, Any]:
    other = {"token": "other", "logprob": says.logprobs[index] - 1.0}
    return {"token": f"t{index}", "logprob": says.logprobs[index], "top_logprobs": [other]}


def _head(says: Says, request: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-0", "object": kind, "created": 0, "model": says.model or request.get("model") or "scripted"}


def _usage(says: Says) -> dict[str, Any]:
    read, written = says.prompt_tokens, says.completion_tokens
    usage: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    if says.cached_tokens is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": says.cached_tokens}
    return usage


def _event(body: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _parts(text: str, count: int) -> Iterator[str]:
    """`text` in at most `count` parts; none if it is empty."""
    size = -(-len(text) // max(1, count)) or 1
    return (text[start : start + size] for start in range(0, len(text), size))
