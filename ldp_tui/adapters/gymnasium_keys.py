"""Keyboard keys for Gymnasium actions, in Textual's spelling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from gymnasium import spaces

_SPECIAL: Final = {
    8: "backspace", 9: "tab", 13: "enter", 32: "space",
    273: "up", 274: "down", 275: "right", 276: "left",  # pygame 1
    1073741903: "right", 1073741904: "left", 1073741905: "down", 1073741906: "up",  # pygame 2
}  # fmt: skip
_PAIRS: Final = [
    ("q", "a"),
    ("w", "s"),
    ("e", "d"),
    ("r", "f"),
    ("t", "g"),
    ("y", "h"),
    ("u", "j"),
    ("i", "k"),
    ("o", "l"),
]
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


def keys_by_name(names: Sequence[str]) -> dict[str, str]:
    """Arrows for actions that are called like them, and space for `fire`, however they are written."""
    folded = {name.casefold(): name for name in names}
    keys = {key: folded[key] for key in ("up", "down", "left", "right") if key in folded}
    return keys | ({"space": folded["fire"]} if "fire" in folded else {})


def pairs_for(space: spaces.Space[Any]) -> dict[str, Any]:
    """A key for the most and one for the least of each entry of a short bounded vector, the others being zero."""
    if not isinstance(space, spaces.Box) or len(space.shape) != 1 or not 0 < space.shape[0] <= len(_PAIRS):
        return {}
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        return {}
    rest = np.clip(np.zeros(space.shape), space.low, space.high)
    keys: dict[str, Any] = {"space": rest.tolist()}
    for i, pair in enumerate(_PAIRS[: space.shape[0]] if space.shape[0] > 1 else [("right", "left")]):
        for key, bound in zip(pair, (space.high[i], space.low[i]), strict=True):
            pushed = rest.copy()
            pushed[i] = bound
            keys[key] = pushed.tolist()
    return {key: value[0] for key, value in keys.items()} if space.shape[0] == 1 else keys


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
