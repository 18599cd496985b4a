"""Steps as lines of LDP's trajectory files: what its `Trajectory.from_jsonl` reads, and what its `to_jsonl` writes.

Beyond LDP's own files, messages keep `info` and their cache mark. Agent states are left out unless asked for: they
repeat the whole history in every line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, ToolResponseMessage

PLAIN_OP = "ldp.graph.ops.IdentityOp"
"""Class named for actions that plain Python made, as LDP's `wrap_action` does."""


@dataclass(frozen=True, slots=True)
class RecordedAction:
    """An action read from a file: its message, and the names of the call of the compute graph that made it."""

    value: Message
    call_id: Mapping[str, str]
    op_name: str = ""
    op_class_name: str = ""
    logprob: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As it was read."""
        return {
            "call_id": dict(self.call_id),
            "op_name": self.op_name,
            "op_class_name": self.op_class_name,
            "value": message_json(self.value),
            "logprob": self.logprob,
        }


def message_json(message: Message) -> dict[str, Any]:
    """The message as JSON values, with `info` and cache mark; JSON content is a list or a text as LDP writes it."""
    fields: dict[str, Any]
    if message.content_is_json_str:
        plain = message.model_copy(update={"cache_breakpoint": False, "info": None})
        fields = plain.model_dump(context={"include_info": True})
    else:
        fields = {"role": message.role, "content": message.content}
        if isinstance(message, ToolResponseMessage):
            fields["name"], fields["tool_call_id"] = message.name, message.tool_call_id
        elif isinstance(message, ToolRequestMessage):
            fields["function_call"], fields["tool_calls"] = None, [_call_json(call) for call in message.tool_calls]
    if message.info:
        fields["info"] = message.info
    if message.cache_breakpoint:
        fields["cache_breakpoint"] = True
    return fields


def _call_json(call: ToolCall) -> dict[str, Any]:
    arguments = _encode(call.function.arguments)
    return {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": arguments}}


def read_message(fields: Any) -> Any:
    """Message from `message_json`, of the type it was written with; anything but a mapping as it is."""
    if not isinstance(fields, Mapping):
        return fields
    if "tool_calls" in fields:
        return ToolRequestMessage.model_validate(fields)
    if fields.get("role") == "tool" and "tool_call_id" in fields and "name" in fields:
        return ToolResponseMessage.model_validate(fields)
    return Message.model_validate(fields)


def action_json(action: Any, *, unique: str) -> dict[str, Any] | None:
    """An action as LDP writes an `OpResult`. Plain ones get a call id derived from `unique`."""
    if action is None:
        return None
    if isinstance(action, RecordedAction):
        return action.to_dict()
    call = getattr(action, "call_id", None)
    if call is None:
        digest = blake2b(unique.encode(), digest_size=32).digest()
        ids = {"run_id": str(UUID(bytes=digest[:16])), "fwd_id": str(UUID(bytes=digest[16:]))}
        return RecordedAction(action.value, ids, "action", PLAIN_OP).to_dict()
    ids = {"run_id": str(call.run_id), "fwd_id": str(call.fwd_id)}
    return RecordedAction(action.value, ids, action.op_name, action.op_class_name, action.logprob).to_dict()


def read_action(fields: Any) -> Any:
    """Action from `action_json`; anything but a mapping as it is."""
    if not isinstance(fields, Mapping):
        return fields
    logprob = fields.get("logprob")
    return RecordedAction(
        value=read_message(fields.get("value") or {"role": "assistant"}),
        call_id=dict(fields.get("call_id") or {}),
        op_name=str(fields.get("op_name") or ""),
        op_class_name=str(fields.get("op_class_name") or ""),
        logprob=logprob if isinstance(logprob, int | float) else None,
    )


def json_line(fields: Mapping[str, Any], *, indent: int | None = None) -> str:
    """One line of JSON. What environments put into `info` and JSON has no form for becomes its `repr`."""
    return _encode(fields) if indent is None else json.dumps(fields, default=_json_form, indent=indent)


def _json_form(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    if isinstance(value, UUID):
        return str(value)
    return repr(value)


_encode = json.JSONEncoder(default=_json_form).encode


def without_answers(observation: Iterable[Message], action: Any) -> list[Message]:
    """The first observation of an episode without what came after it.

    LDP records the list that an environment goes on writing to, so that the first observation may hold the answers to
    the action that followed it. It ends before the first of them.
    """
    message = getattr(action, "value", None)
    calls = {call.id for call in message.tool_calls} if isinstance(message, ToolRequestMessage) else set()
    kept: list[Message] = []
    for seen in observation:
        if isinstance(seen, ToolResponseMessage) and seen.tool_call_id in calls:
            break
        kept.append(seen)
    return kept
