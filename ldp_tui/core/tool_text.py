"""A tool's description as text for prompts and people: a manual page, or XML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_QUOTES = {'"': "&quot;", "'": "&apos;"}
_TAG = re.compile(r"[^\W\d][\w.-]*")


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Schema without `allOf` / `anyOf`, for display: types of a union are joined by ` | `."""
    for key in ("allOf", "anyOf"):
        if key not in schema:
            continue
        parts = [resolved(part) for part in schema[key]]
        merged: dict[str, Any] = {}
        if key == "allOf":
            for part in parts:
                merged.update(part)
        else:
            if kinds := [_type_name(part) for part in parts]:
                merged["type"] = " | ".join(kinds)
            if texts := [part["description"] for part in parts if "description" in part]:
                merged["description"] = " / ".join(texts)
        return {**merged, **{name: value for name, value in schema.items() if name != key}}
    return schema


def manual_page(name: str, description: str, properties: Mapping[str, dict[str, Any]]) -> str:
    """NAME, SYNOPSIS, DESCRIPTION and PARAMETERS of a tool."""
    shown = {parameter: resolved(schema) for parameter, schema in properties.items()}
    synopsis = ", ".join(f"{_type_name(schema)} {parameter}" for parameter, schema in shown.items())
    indented = "\n".join(f"    {line}" if line else "" for line in description.split("\n"))
    parameters = "\n".join(
        f"    {parameter} ({_type_name(schema)}): {schema.get('description', 'No description provided.')}"
        for parameter, schema in shown.items()
    )
    return (
        f"NAME: {name}\n\nSYNOPSIS:\n    {name}({synopsis})\n\nDESCRIPTION:\n{indented}\n\nPARAMETERS:\n{parameters}\n"
    )


def xml_text(name: str, value: Any) -> str:
    """JSON value as an XML element; a key that is no tag's name becomes `<key name="…">`, list elements `<item>`."""
    start, end = (name, name) if _TAG.fullmatch(name) else (f"key name={quoteattr(name)}", "key")
    return f"<{start}>{_content(value)}</{end}>"


def _content(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(xml_text(str(key), item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return "".join(xml_text("item", item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else escape(str(value), _QUOTES)


def _type_name(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "enum" in schema and "type" not in schema:
        return "enum"
    return str(schema.get("type", "any"))
