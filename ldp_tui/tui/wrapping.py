"""Wrapping of plain text to terminal cells, in a way that can be continued."""

from __future__ import annotations

import re

from rich.cells import cell_len, split_graphemes

# Spaces stay behind the word they follow, so that joining the lines gives the text back.
_WORD = re.compile(r"[^ ]+ *| +")


def wrap(paragraph: str, width: int) -> list[str]:
    """Lines of at most `width` cells (trailing spaces aside) whose concatenation is `paragraph`; at least one.

    Greedy, so all lines but the last are final: `wrap(a + b, w) == wrap(a, w)[:-1] + wrap(wrap(a, w)[-1] + b, w)`.
    A word longer than a line is broken; a character wider than a line gets one of its own.
    """
    if cell_len(paragraph) <= width:
        return [paragraph]
    lines: list[str] = []
    line, used = "", 0
    for word in _WORD.findall(paragraph):
        visible = word.rstrip(" ")
        size = cell_len(visible)
        if line and used + size > width:
            lines.append(line)
            line, used = "", 0
        rest = word
        if size > width:
            *full, last = _break(visible, width)
            lines += full
            rest = last + word[len(visible) :]
        line += rest
        used += cell_len(rest)
    return [*lines, line]


def _break(word: str, width: int) -> list[str]:
    """Pieces of at most `width` cells, never splitting a grapheme."""
    pieces: list[str] = []
    start = used = 0
    for begin, _, size in split_graphemes(word)[0]:
        if used + size > width and begin > start:
            pieces.append(word[start:begin])
            start, used = begin, 0
        used += size
    return [*pieces, word[start:]]
