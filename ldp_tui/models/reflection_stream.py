"""The reflection inside a reply, while the reply is still coming."""

from __future__ import annotations

import json
import re
from typing import Final

from ldp_tui.models.parsing import REFLECTION_KEYS

_KEY: Final = re.compile(rf'"(?:{"|".join(REFLECTION_KEYS)})"\s*:\s*"', re.IGNORECASE)
_LONGEST_KEY: Final = 64
_LONGEST_ESCAPE: Final = 12
_MOST_SPACE: Final = 1024
_TEXT: Final = re.compile(
    r"""[^"\\]+|"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[^u]""", re.DOTALL
)
"""Plain characters, the closing quote, or one escape; characters beyond 16 bits are a pair of escapes."""
_LEADS_PAIR: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")
_MAY_FOLLOW: Final = re.compile(r"(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z")


class ReflectionStream:
    """Takes a reply in pieces and gives the text that a person should read: prose, and of JSON the reflection.

    What is given, joined, is the reflection for a reply that is one JSON object with a reflection; for prose it is the
    prose up to the first brace or fence.
    """

    def __init__(self) -> None:
        self._held = ""
        self._spoke = False
        self._part = self._prose

    def feed(self, piece: str) -> str:
        """What can be read after one more piece; may be empty."""
        self._held += piece
        said = ""
        while True:
            before = self._part
            said += before()
            if self._part == before:
                return said

    def _prose(self) -> str:
        """Up to a brace or a fence; white space is held back, for it may be what leads an object."""
        begins = min((at for mark in ("{", "```") if (at := self._held.find(mark)) >= 0), default=-1)
        if begins >= 0:
            said, self._held = self._held[:begins], self._held[begins:]
            self._part = self._object
        else:
            said = self._held.rstrip(" \t\r\n`")
            self._held = self._held[len(said) :][-_MOST_SPACE:]
        said = said if self._spoke else said.lstrip()
        self._spoke = self._spoke or bool(said)
        return said

    def _object(self) -> str:
        """Up to the opening quote of the reflection."""
        found = _KEY.search(self._held)
        if found is None:
            self._held = self._held[-_LONGEST_KEY:]
        else:
            self._held = self._held[found.end() :]
            self._part = self._string
        return ""

    def _string(self) -> str:
        """Up to the closing quote, escapes undone; one that is not whole yet waits."""
        said, at = [], 0
        while at < len(self._held):
            found = _TEXT.match(self._held, at)
            if found is None:
                if len(self._held) - at < _LONGEST_ESCAPE:
                    break
                said.append(self._held[at])  # no escape of JSON: as it stands
                at += 1
                continue
            if found[0] == '"':
                self._part, at = self._rest, len(self._held)
                break
            if _LEADS_PAIR.fullmatch(found[0]) and _MAY_FOLLOW.match(self._held, found.end()):
                break
            said.append(_unescaped(found[0]))
            at = found.end()
        self._held = self._held[at:]
        return "".join(said)

    def _rest(self) -> str:
        self._held = ""
        return ""


def _unescaped(text: str) -> str:
    if not text.startswith("\\"):
        return text
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:  # an escape that JSON does not know stands for its character
        return text[1:]
