"""Messages as rows of the store, and back, exactly: type, info and cache mark survive."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from ldp_tui.core.messages import ENV_STATE_INFO_KEY, EnvStateMessage, Message
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction, ToolRequestMessage, ToolResponseMessage
from ldp_tui.store.cleaning import clean_json
from ldp_tui.store.rows import MessageRow

OBSERVATION = "observation"
"""Key of `Message.info` that holds the native observation. A step has one; it is kept in the step's own row."""

_CLOCKS = frozenset({"start_ts", "end_ts"})


def message_rows(message: Message) -> list[MessageRow]:
    """Rows of one message: one each, except a request, whose calls are rows of their own behind it.

    A request that is nothing but one call is that call's row alone.
    """
    extra = _extra(message)
    if isinstance(message, ToolRequestMessage):
        calls = [
            MessageRow("assistant", "tool_call", call.function.name, call.id, json_text(call.function.arguments), None)
            for call in message.tool_calls
        ]
        if len(calls) == 1 and message.content is None and extra is None:
            return calls
        extra = {**(extra or {}), "calls": len(calls)}
        return [MessageRow("assistant", "request", None, None, message.content, json_text(extra)), *calls]
    if isinstance(message, ToolResponseMessage):
        extra_text = None if extra is None else json_text(extra)
        return [MessageRow("tool", "tool_result", message.name, message.tool_call_id, message.content, extra_text)]
    kind = "text"
    if isinstance(message, EnvStateMessage):
        kind = "env_state"
    elif message.content_is_json_str:
        kind = "multimodal" if message.is_multimodal else "json"
    return [MessageRow(message.role, kind, None, None, message.content, None if extra is None else json_text(extra))]


def messages_from_rows(rows: Iterable[MessageRow]) -> list[Message]:
    """The messages that `message_rows` took apart."""
    return list(_messages(iter(rows)))


def _messages(rows: Iterator[MessageRow]) -> Iterator[Message]:
    for row in rows:
        extra: dict[str, Any] = json_value(row.extra) if row.extra else {}
        info = extra.get("info")
        if OBSERVATION in extra:
            info = {**(info or {}), OBSERVATION: None}
        common: dict[str, Any] = {
            "content": row.content,
            "content_is_json_str": bool(extra.get("json")) or row.kind in ("json", "multimodal"),
            "info": info,
            "cache_breakpoint": bool(extra.get("cache")),
        }
        if row.kind == "tool_call":
            yield ToolRequestMessage(tool_calls=[_call(row)])
        elif row.kind == "request":
            calls = [_call(next(rows)) for _ in range(extra.get("calls", 0))]
            yield ToolRequestMessage(**common, tool_calls=calls)
        elif row.kind == "tool_result":
            yield ToolResponseMessage(**common, name=row.name or "", tool_call_id=row.call_id or "")
        elif row.kind == "env_state":
            yield EnvStateMessage(**common, role=row.role)
        else:
            yield Message(**common, role=row.role)


def _call(row: MessageRow) -> ToolCall:
    arguments = json_value(row.content or "{}")
    return ToolCall(id=row.call_id or "", function=ToolCallFunction(name=row.name or "", arguments=arguments))


def _extra(message: Message) -> dict[str, Any] | None:
    extra: dict[str, Any] = {}
    if message.info and not _CLOCKS.issuperset(message.info):
        if OBSERVATION in message.info:
            extra[OBSERVATION] = True
        info = {name: value for name, value in message.info.items() if name not in _CLOCKS and name != OBSERVATION}
        if isinstance(message, EnvStateMessage):
            info.pop(ENV_STATE_INFO_KEY, None)
        if info:
            extra["info"] = info
    if message.cache_breakpoint:
        extra["cache"] = True
    if message.content_is_json_str and isinstance(message, ToolRequestMessage | ToolResponseMessage | EnvStateMessage):
        extra["json"] = True
    return extra or None


def json_value(text: str | bytes) -> Any:
    """The value of a stored JSON text. Whole numbers beyond 64 bits stay whole, which orjson alone does not do."""
    given = text.encode() if isinstance(text, str) else text
    return json.loads(given) if _MANY_DIGITS.search(given) else orjson.loads(given)


_MANY_DIGITS = re.compile(rb"\d{19}")


def json_text(value: object) -> str:
    """Strict JSON text of any value that an environment may hand out."""
    return clean_json(value).text
