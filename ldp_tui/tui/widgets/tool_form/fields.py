"""Which field a parameter of a tool gets, read from its JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ldp_tui.tui.plain import plain, plain_line

Kind = Literal["line", "text", "lines", "choice"]

LONG_TEXT = 200
"""A text that may be longer than this gets several lines."""


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """How one parameter is asked for; `initial` is the text of its default, empty if it has none."""

    name: str
    kind: Kind
    type_name: str
    required: bool
    description: str = ""
    initial: str = ""
    choices: tuple[Any, ...] = ()


def field_specs(parameters: Mapping[str, Any]) -> tuple[FieldSpec, ...]:
    """One field for each property of an object schema, the required ones first."""
    definitions = parameters.get("$defs", {})
    required = set(parameters.get("required", ()))
    specs = [
        _field(name, _resolved(schema, definitions), required=name in required)
        for name, schema in parameters.get("properties", {}).items()
    ]
    return tuple(sorted(specs, key=lambda spec: not spec.required))


def _resolved(schema: Any, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with its reference followed and a null alternative left out; what surrounds it stays."""
    if not isinstance(schema, Mapping):
        return {}
    if "$ref" in schema:
        target = definitions.get(schema["$ref"].removeprefix("#/$defs/"), {})
        return _resolved({**target, **{key: value for key, value in schema.items() if key != "$ref"}}, {})
    for key in ("anyOf", "oneOf", "allOf"):
        options = [option for option in schema.get(key, ()) if option != {"type": "null"}]
        if len(options) == 1:
            rest = {name: value for name, value in schema.items() if name != key}
            return _resolved({**options[0], **rest}, definitions)
    return schema


def _field(name: str, schema: Mapping[str, Any], *, required: bool) -> FieldSpec:
    kind, choices = _kind(schema)
    default = schema.get("default")
    return FieldSpec(
        name=name,
        kind=kind,
        type_name=_type_name(schema),
        required=required and "default" not in schema,
        description=reflowed(str(schema.get("description") or "")),
        initial="" if default is None else as_text(default),
        choices=choices,
    )


def _kind(schema: Mapping[str, Any]) -> tuple[Kind, tuple[Any, ...]]:
    if "enum" in schema:
        return "choice", tuple(schema["enum"])
    if "const" in schema:
        return "choice", (schema["const"],)
    match schema.get("type"):
        case "boolean":
            return "choice", (True, False)
        case "integer" | "number":
            return "line", ()
        case "string":
            long = schema.get("maxLength", 0) > LONG_TEXT or "\n" in str(schema.get("default", ""))
            return ("text" if long or schema.get("format") == "multiline" else "line"), ()
        case "array" if _scalar_items(schema):
            return "lines", ()
        case _:
            return "text", ()


def _scalar_items(schema: Mapping[str, Any]) -> bool:
    items = schema.get("items")
    return isinstance(items, Mapping) and items.get("type") in {"string", "integer", "number", "boolean"}


def _type_name(schema: Mapping[str, Any]) -> str:
    """The type in a few words: `integer 0…9`, `list of text`, `JSON`; nothing where the choices say it."""
    if "enum" in schema or "const" in schema:
        return ""
    names = {"string": "text", "boolean": "yes or no", "object": "JSON object"}
    match schema.get("type"):
        case "array":
            return f"list of {_type_name(schema['items'])}, one a line" if _scalar_items(schema) else "JSON list"
        case "integer" | "number" as kind:
            low, high = schema.get("minimum", ""), schema.get("maximum", "")
            return f"{kind} {low}…{high}" if low != "" or high != "" else kind
        case str() as kind:
            return names.get(kind, plain_line(kind))
        case _:
            return "JSON"


def as_text(value: Any) -> str:
    """A value as a person would type it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def reflowed(text: str) -> str:
    """A docstring's text with its line breaks undone; paragraphs stay."""
    paragraphs = re.split(r"\n\s*\n", plain(text).strip())
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
