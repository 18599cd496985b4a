"""Text in terminal cells: how wide it is, and text that is safe to draw in a grid of them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def plain(text: str) -> str:
    """One line without control, format and surrogate characters: whatever would move or colour other cells."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_plain, text))


def width(text: str) -> int:
    """Cells that `plain` text takes: 2 for East Asian wide characters and emoji, 0 for combining marks."""
    return len(text) if text.isascii() else sum(map(_width, text))


def cut(text: str, cells: int) -> str:
    """`text` in at most that many cells; what is longer ends in …."""
    if width(text) <= cells:
        return text
    kept, used = [], 0
    for character in text:
        used += _width(character)
        if used > cells - 1:
            break
        kept.append(character)
    return f"{''.join(kept)}…"[: max(cells, 0)]


def pad(text: str, cells: int) -> str:
    """`text` with spaces behind it up to that many cells."""
    return text + " " * (cells - width(text))


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Zs" or character == "\t":
        return " "
    if category == "Cf" or "\ufe00" <= character <= "\ufe0f":  # joiners, directions, variations
        return ""
    return _REPLACEMENT if category.startswith(("C", "Zl", "Zp")) else character


@lru_cache(maxsize=4096)
def _width(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
