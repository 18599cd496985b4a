"""Events as plain values for msgpack, and back. Both ends run the same version (the transport checks it)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from ldp_tui.core.agent import Generation, Usage
from ldp_tui.core.environment import Picture
from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.tool_calls import ToolRequestMessage, ToolResponseMessage
from ldp_tui.engine.events import EVENT_TYPES, AgentRecord, EnvironmentRecord, Event, Intervention

_DUMP_CONTEXT = {"include_info": True, "deserialize_content": False}
_MESSAGE_TYPES: dict[str, type[Message]] = {
    kind.__name__: kind for kind in (Message, ToolRequestMessage, ToolResponseMessage, EnvStateMessage)
}
_EVENTS = {kind.__name__: kind for kind in EVENT_TYPES}
_RECORD_FIELDS = frozenset({"environment", "agent", "usage", "rendering"})
_RECORDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (EnvironmentRecord, AgentRecord, Usage, Picture, Generation)
}


def message_to_wire(message: Message) -> dict[str, Any]:
    """Message with its type, info and cache mark; `message_from_wire` restores it exactly."""
    kind = type(message).__name__
    fields_ = message.model_copy(update={"cache_breakpoint": False}).model_dump(context=_DUMP_CONTEXT)
    if message.info:
        fields_["info"] = _plain(message.info)
    if message.cache_breakpoint:
        fields_["cache_breakpoint"] = True
    return {"type": kind if kind in _MESSAGE_TYPES else _nearest_type(message), **fields_}


def message_from_wire(wire: Mapping[str, Any]) -> Message:
    """Message from `message_to_wire`; raises KeyError for an unknown type."""
    values = dict(wire)
    kind = _MESSAGE_TYPES[values.pop("type")]
    return kind.model_validate(values)


def intervention_to_wire(intervention: Intervention) -> dict[str, Any]:
    """Intervention as JSON values; what is empty is left out."""
    proposed = intervention.proposed
    fields_ = {"kind": intervention.kind, "by": intervention.by, "author": intervention.author}
    text = {"text": intervention.text} if intervention.text else {}
    return fields_ | text | ({} if proposed is None else {"proposed": message_to_wire(proposed)})


def intervention_from_wire(wire: Mapping[str, Any]) -> Intervention:
    """Intervention from `intervention_to_wire`."""
    values = dict(wire)
    proposed = values.pop("proposed", None)
    return Intervention(**values, proposed=None if proposed is None else message_from_wire(proposed))


def event_to_wire(event: Event) -> dict[str, Any]:
    """Event as dictionary of JSON values and bytes."""
    return {"event": type(event).__name__, **{f.name: _pack(getattr(event, f.name)) for f in fields(event)}}


def event_from_wire(wire: Mapping[str, Any]) -> Event:
    """Event from `event_to_wire`; raises KeyError for an unknown event."""
    values = dict(wire)
    kind = _EVENTS[values.pop("event")]
    event: Event = kind(**{name: _unpack(value, name) for name, value in values.items()})
    return event


def _pack(value: Any) -> Any:
    if isinstance(value, Message):
        return message_to_wire(value)
    if isinstance(value, Intervention):
        return intervention_to_wire(value)
    if isinstance(value, tuple):
        return [_pack(item) for item in value]
    if isinstance(value, Mapping):
        return _plain(value)
    kind = type(value).__name__
    if kind in _RECORDS and isinstance(value, _RECORDS[kind]):
        packed = {f.name: getattr(value, f.name) for f in fields(value)}
        return {"record": kind, **{name: _plain(v) if isinstance(v, Mapping) else v for name, v in packed.items()}}
    return value


def _plain(value: Mapping[str, Any]) -> Any:
    """JSON values alone, as the store keeps them: what environments hand out may be anything."""
    from ldp_tui.engine.message_rows import json_text, json_value  # the receiving end does without the store

    return json_value(json_text(value))


def _unpack_messages(value: list[Mapping[str, Any]]) -> tuple[Message, ...]:
    return tuple(message_from_wire(item) for item in value)


def _unpack_interventions(value: list[Mapping[str, Any]]) -> tuple[Intervention, ...]:
    return tuple(intervention_from_wire(item) for item in value)


def _unpack_tuple(value: list[Any] | None) -> tuple[Any, ...] | None:
    return None if value is None else tuple(value)


def _unpack_generations(value: list[Mapping[str, Any]]) -> tuple[Generation, ...]:
    return tuple(_unpack_generation(item) for item in value)


def _unpack_generation(value: Mapping[str, Any]) -> Generation:
    fields_: dict[str, Any] = {name: tuple(part) if isinstance(part, list) else part for name, part in value.items()}
    del fields_["record"]
    return Generation(**fields_)


_UNPACKERS: dict[str, Callable[[Any], Any]] = {
    "action": message_from_wire,
    "observation": _unpack_messages,
    "intervention": intervention_from_wire,
    "interventions": _unpack_interventions,
    "tools": _unpack_tuple,
    "legal_actions": _unpack_tuple,
    "generations": _unpack_generations,
}


def _unpack(value: Any, name: str) -> Any:
    if name in _UNPACKERS:
        return _UNPACKERS[name](value)
    if name in _RECORD_FIELDS and value is not None and not isinstance(value, str):
        record = dict(value)
        return _RECORDS[record.pop("record")](**record)
    return value


def _nearest_type(message: Message) -> str:
    for kind in (ToolRequestMessage, ToolResponseMessage):
        if isinstance(message, kind):
            return kind.__name__
    return "Message"
