"""Names with options, as people type them: `NAME[:MODEL][,key=value…]`.

    random                              a player
    FrozenLake-v1,is_slippery=false     an environment with arguments
    reflect:openai/gpt-5-mini,temperature=0

Values are JSON where they parse as JSON (numbers, true, false, null, lists, quoted text) and plain text otherwise.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from ldp_tui.core.errors import SpecError


@dataclass(frozen=True, slots=True)
class Spec:
    """A parsed specification; `model` is empty where none was given."""

    name: str
    model: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Read `NAME[:MODEL][,key=value…]`.

        Raises:
            SpecError: If the name is missing, a part is no `key=value`, or a key comes twice.
        """
        head, *parts = _split(text.strip())
        name, _, model = head.partition(":")
        if not name.strip():
            raise SpecError(f"{text!r} names nothing; expected NAME[:MODEL][,key=value…].")
        options: dict[str, Any] = {}
        for part in parts:
            key, equals, value = part.partition("=")
            key = key.strip()
            if not equals or not key.isidentifier():
                raise SpecError(f"{text!r}: {part!r} is not key=value.")
            if key in options:
                raise SpecError(f"{text!r}: {key!r} is given twice.")
            options[key] = read_value(value)
        return cls(name.strip(), model.strip(), options)

    def __str__(self) -> str:
        head = f"{self.name}:{self.model}" if self.model else self.name
        return ",".join([head, *(f"{key}={_write_value(value)}" for key, value in self.options.items())])


def read_value(text: str) -> Any:
    """JSON value if the text is JSON, else the text itself."""
    text = text.strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {"True": True, "False": False, "None": None}.get(text, text)


def _write_value(value: Any) -> str:
    if isinstance(value, str) and not _SPECIAL & set(value) and read_value(value) == value:
        return value
    return json.dumps(value, separators=(",", ":"))


_SPECIAL = frozenset(',"\\[]{}')


def _split(text: str) -> list[str]:
    """Split at commas outside brackets and double quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for match in re.finditer(r'\\.|["\[\]{},]', text):
        mark = match.group()
        if mark == '"':
            quoted = not quoted
        elif quoted or len(mark) > 1:
            continue
        elif mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        elif mark == "," and depth <= 0:
            parts.append(text[start : match.start()])
            start = match.end()
    return [*parts, text[start:]]
