"""OpenAI's wire format ↔ ours: messages and tools going out, completions and chunks coming in.

Readers take what real servers send: reasoning under two names, calls without index or id, arguments as objects, usage
in a chunk of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.models.backend import CallDelta, Delta, Request, TokenCount, TokenLogprob
from ldp_tui.models.errors import InvalidReply, error_of_status, message_of_body
from ldp_tui.models.redaction import clean


def dump_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages in OpenAI's shape. A tool request without calls is an ordinary message: servers refuse empty lists."""
    return [_dump(message) for message in messages]


def _dump(message: Message) -> dict[str, Any]:
    dumped = message.model_dump()
    if isinstance(message, ToolRequestMessage):
        dumped.pop("function_call", None)
        if not message.tool_calls:
            del dumped["tool_calls"]
            dumped["content"] = dumped["content"] or ""
    return dumped


def dump_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Tools in OpenAI's shape."""
    return [tool.model_dump(exclude_none=True, by_alias=True) for tool in tools]


def dump_tool_choice(choice: Tool | str | None) -> str | dict[str, Any] | None:
    """`none`, `auto`, `required`, or one tool by name."""
    if isinstance(choice, Tool):
        return {"type": "function", "function": {"name": choice.info.name}}
    return choice


def without_cache_marks(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages without `cache_control`, which only some providers know."""
    return [
        {**message, "content": [{k: v for k, v in block.items() if k != "cache_control"} for block in content]}
        if isinstance(content := message.get("content"), list)
        else message
        for message in messages
    ]


def read_completion(body: Any, model: str) -> Iterator[Delta]:
    """The deltas of a whole completion, one per choice, then what it cost."""
    for choice in _choices(body, model):
        message = _field(choice, "message", dict, model)
        yield Delta(
            choice=_index(choice),
            **_said(message, model),
            logprobs=_logprobs(choice),
            finish_reason=choice.get("finish_reason") or "stop",
            model=_text(body.get("model")) or None,
        )
    yield Delta(usage=read_usage(body.get("usage")))


def read_chunk(body: Any, request: Request) -> Iterator[Delta]:
    """The deltas of one chunk of a stream; an error that comes in place of a chunk is raised."""
    model = request.spec.name
    if isinstance(body, dict) and body.get("error"):
        code = body["error"].get("code") if isinstance(body["error"], dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
        raise error_of_status(status, clean(message_of_body(body), request.spec.secrets()), model=model)
    for choice in _choices(body, model):
        delta = choice.get("delta")
        yield Delta(
            choice=_index(choice),
            **_said(delta if isinstance(delta, dict) else {}, model),
            logprobs=_logprobs(choice),
            finish_reason=choice.get("finish_reason"),
            model=_text(body.get("model")) or None,
        )
    if body.get("usage"):
        yield Delta(usage=read_usage(body["usage"]))


def read_usage(usage: Any) -> TokenCount:
    """Token counts of a `usage` object; unknown ones are None."""
    if not isinstance(usage, Mapping):
        return TokenCount()
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
    cost = usage.get("cost")
    return TokenCount(
        prompt=_count(usage.get("prompt_tokens")),
        completion=_count(usage.get("completion_tokens")),
        cache_read=_count(cached),
        cache_creation=_count(usage.get("cache_creation_input_tokens")),
        cost_usd=float(cost) if isinstance(cost, int | float) and cost >= 0 else None,
    )


def _said(message: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Text, reasoning, refusal and calls of a message or of a piece of one."""
    calls = message.get("tool_calls") or ()
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise InvalidReply("tool_calls is no list", model=model)
    return {
        "text": _content(message.get("content")),
        "reasoning": _text(message.get("reasoning_content")) or _text(message.get("reasoning")),
        "refusal": _text(message.get("refusal")),
        "calls": tuple(_call(call, position, model) for position, call in enumerate(calls)),
    }


def _call(call: Any, position: int, model: str) -> CallDelta:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise InvalidReply("a tool call has no function", model=model)
    arguments = function.get("arguments")
    index = call.get("index")
    return CallDelta(
        position=index if isinstance(index, int) else position,
        id=_text(call.get("id")) or None,
        name=_text(function.get("name")),
        arguments=arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments else "",
    )


def _content(content: Any) -> str:
    """Text of a reply; of a list of blocks, their texts."""
    if isinstance(content, list):
        return "".join(_text(block.get("text")) for block in content if isinstance(block, dict))
    return _text(content)


def _logprobs(choice: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    container = choice.get("logprobs")
    tokens = container.get("content") if isinstance(container, Mapping) else None
    if not isinstance(tokens, list):
        return ()
    return tuple(
        TokenLogprob(*_token(token), tuple(_token(other) for other in token.get("top_logprobs") or () if _told(other)))
        for token in tokens
        if _told(token)
    )


def _told(token: Any) -> bool:
    return isinstance(token, Mapping) and isinstance(token.get("logprob"), int | float)


def _token(token: Mapping[str, Any]) -> tuple[str, float]:
    return _text(token.get("token")), float(token["logprob"])


def _choices(body: Any, model: str) -> list[dict[str, Any]]:
    choices: list[dict[str, Any]] = _field(body, "choices", list, model)
    if not all(isinstance(choice, dict) for choice in choices):
        raise InvalidReply("a choice is no object", model=model)
    return choices


def _field(body: Any, name: str, kind: type, model: str) -> Any:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, kind):
        said = message_of_body(body) if isinstance(body, dict) else ""
        raise InvalidReply(f"the answer has no {name}{f' but says: {said}' if said else ''}", model=model)
    return value


def _index(choice: Mapping[str, Any]) -> int:
    index = choice.get("index")
    return index if isinstance(index, int) else 0


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
