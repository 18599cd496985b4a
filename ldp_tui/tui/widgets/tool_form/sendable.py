"""What fits a tool's schema and still cannot be sent: whole numbers too large for the engine's messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ldp_tui.core.arguments import Problem

SMALLEST: Final = -(2**63)
LARGEST: Final = 2**64 - 1


def unsendable(arguments: Mapping[str, Any]) -> list[Problem]:
    """Each whole number that msgpack has no form for, with its place; empty if all can be sent."""
    return [Problem(path, "must be between −2^63 and 2^64−1 to be sent") for path in _too_wide(arguments, "")]


def _too_wide(value: Any, path: str) -> Iterator[str]:
    match value:
        case int():
            if not SMALLEST <= value <= LARGEST:
                yield path
        case Mapping():
            for name, item in value.items():
                yield from _too_wide(item, f"{path}.{name}" if path else str(name))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _too_wide(item, f"{path}[{index}]")
