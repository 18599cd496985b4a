"""Text of models and environments, made safe to show: no control character reaches the terminal."""

from __future__ import annotations

import re
from typing import Final

TAB = "    "
REPLACEMENT = "\ufffd"

_PICTURES: Final = 0x2400
_DELETE: Final = 0x7F

# What would move the cursor, switch colours, reorder letters or hide text: C0 and C1 controls, bidirectional marks,
# embeddings, overrides and isolates, separators, invisible operators, zero-width spaces, tags, lone surrogates.
# Joiners (U+200C, U+200D) stay: scripts and emoji need them, and they hide nothing.
_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def plain(text: str) -> str:
    """`text` with newlines as its only control character; `plain(a + b) == plain(a) + plain(b)`, so streams may be cut.

    Tabs become four spaces, carriage returns go, other C0 controls show as their pictures (`␛`), line separators are
    newlines, C1 controls and lone surrogates become `\ufffd`, and invisible or reordering characters are dropped.
    """
    return _UNSAFE.sub(_visible, text)


def plain_line(text: str) -> str:
    """`plain` on one line: newlines become spaces."""
    return plain(text).replace("\n", " ")


def _visible(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character == "\t":
        return TAB
    if character == "\r":
        return ""
    if character in "\x85\u2028\u2029":
        return "\n"
    if code < 0x20:
        return chr(_PICTURES + code)
    if code == _DELETE:
        return "␡"
    if code <= 0x9F or 0xD800 <= code <= 0xDFFF:
        return REPLACEMENT
    return ""


_SGR = re.compile(r"(\x1b\[[0-9;:]*m)")
_OTHER_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # control sequences: cursor, erase, modes
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # strings: titles, clipboard, links, device control
    r"|\x1b[ -/]*[0-~]?",  # two-character escapes
    re.DOTALL,
)


def plain_except_colours(text: str) -> str:
    """`text` keeping only escape sequences that set colours and weights; the rest is plain."""
    pieces = _SGR.split(text)
    pieces[0::2] = [plain(_OTHER_SEQUENCES.sub("", piece)) for piece in pieces[0::2]]
    return "".join(pieces)
