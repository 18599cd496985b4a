"""Tools in words: what a schema says, for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from textual.content import Content

from ldp_tui.lint.remarks import Remark
from ldp_tui.tui.plain import plain, plain_line

_SIZES = {"minimum": "≥ {}", "maximum": "≤ {}", "exclusiveMinimum": "> {}", "exclusiveMaximum": "< {}",
          "minLength": "at least {} characters", "maxLength": "at most {} characters", "pattern": "matching {}",
          "minItems": "at least {} items", "maxItems": "at most {} items", "multipleOf": "a multiple of {}",
          }  # fmt: skip


def type_words(schema: Mapping[str, Any]) -> str:
    """The type that a schema describes: `integer ≥ 0`, `north | south`, `list of string`, `Point`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    for key, word in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if key in schema:
            return word.join(dict.fromkeys(type_words(part) for part in schema[key]))
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        kind = " | ".join(map(str, kind))
    if kind == "array":
        items = schema.get("items")
        return _sized(f"list of {type_words(items)}" if items else "list", schema)
    values = schema.get("additionalProperties")
    if kind == "object" and isinstance(values, Mapping):
        return f"object of {type_words(values)}"
    return _sized(str(kind), schema)


def _sized(kind: str, schema: Mapping[str, Any]) -> str:
    sizes = [words.format(schema[name]) for name, words in _SIZES.items() if name in schema]
    return f"{kind} {', '.join(sizes)}" if sizes else kind


def call_words(schema: Mapping[str, Any]) -> str:
    """`move(direction, steps=1)`: the tool as a person would call it."""
    properties, required = _parts(schema)
    names = [
        name if name in required else f"{name}={json.dumps(part.get('default'), ensure_ascii=False)}"
        for name, part in properties.items()
    ]
    return plain_line(f"{schema['name']}({', '.join(names)})")


def parameter_lines(schema: Mapping[str, Any]) -> Iterator[Content]:
    """Two lines for each parameter: name, type and whether it is needed; then what it is."""
    properties, required = _parts(schema)
    width = max((len(name) for name in properties), default=0)
    for name, part in properties.items():
        if name in required:
            need = "needed"
        elif part.get("default") is None:
            need = "optional"
        else:
            need = f"default {json.dumps(part['default'], ensure_ascii=False)}"
        yield Content.assemble(
            (plain_line(f"{name:<{width}}"), "bold"),
            f"  {plain_line(type_words(part))}",
            (f"  {plain_line(need)}", "$foreground-muted"),
        )
        if part.get("description"):
            text = plain(str(part["description"])).replace("\n", "\n" + " " * (width + 2))
            yield Content(" " * (width + 2) + text)


def remark_lines(remarks: Iterable[Remark]) -> Iterator[Content]:
    """One line for each remark, errors and warnings by sign and colour."""
    for remark in remarks:
        sign, colour = ("✗", "$error") if remark.severity == "error" else ("!", "$warning")
        where = f"line {remark.line}: " if remark.line else ""
        yield Content.assemble((f"{sign} {remark.rule}", f"bold {colour}"), f"  {where}{plain_line(remark.text)}")


def _parts(schema: Mapping[str, Any]) -> tuple[Mapping[str, Mapping[str, Any]], frozenset[str]]:
    parameters = schema.get("parameters") or {}
    return parameters.get("properties") or {}, frozenset(parameters.get("required") or ())
