"""Keyboard keys for Gymnasium actions, in Textual's spelling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gymnasium import spaces

_SPECIAL: Final = {
    8: "backspace", 9: "tab", 13: "enter", 32: "space",
    273: "up", 274: "down", 275: "right", 276: "left",  # pygame 1
    1073741903: "right", 1073741904: "left", 1073741905: "down", 1073741906: "up",  # pygame 2
}  # fmt: skip
_SPELLED: Final = {" ": "space", "\r": "enter", "\t": "tab"}
_PUNCTUATION: Final = {
    "+": "plus", "-": "minus", "*": "asterisk", "/": "slash", ",": "comma", ".": "full_stop", ";": "semicolon",
    ":": "colon", "=": "equals_sign", "?": "question_mark", "!": "exclamation_mark", "<": "less_than_sign",
    ">": "greater_than_sign", "[": "left_square_bracket", "]": "right_square_bracket", "'": "apostrophe",
}  # fmt: skip


def textual_key(key: int | str) -> str | None:
    """Textual's name of a pygame key code or of a character; None if a terminal cannot send it."""
    if isinstance(key, int):
        if key in _SPECIAL:
            return _SPECIAL[key]
        if not 33 <= key < 127:
            return None
        key = chr(key)
    name = _SPELLED.get(key) or _PUNCTUATION.get(key)
    if name is not None:
        return name
    return key if len(key) == 1 and key.isalnum() else None


def keys_of_environment(bindings: Mapping[Any, Any]) -> tuple[dict[str, Any], Any | None]:
    """Keys of a `get_keys_to_action` mapping, and the action for no key at all (None if there is none).

    Chords are left out: a terminal reports one key at a time.
    """
    keys: dict[str, Any] = {}
    idle = None
    for pressed, action in bindings.items():
        codes = _codes(pressed)
        if not codes:
            idle = action
        elif len(codes) == 1 and (name := textual_key(codes[0])) is not None:
            keys[name] = action
    return keys, idle


def digits_for(space: spaces.Space[Any]) -> dict[str, int]:
    """`0` to `9` for the first actions of a Discrete space; empty for others."""
    if not isinstance(space, spaces.Discrete):
        return {}
    return {str(i): int(space.start) + i for i in range(min(int(space.n), 10))}


def _codes(pressed: Any) -> list[int | str]:
    if pressed is None:
        return []
    if isinstance(pressed, str | int):
        return [pressed]
    codes: Iterable[int | str | None] = pressed
    return [code for code in codes if code is not None]
