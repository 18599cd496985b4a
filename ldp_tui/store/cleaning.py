"""Values are converted at the door: what no column or JSON text can hold becomes something that can, and says so."""

from __future__ import annotations

import base64
import datetime
import json
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Final
from uuid import UUID

import numpy as np
import orjson

from ldp_tui.store.errors import ValueRefused

INLINE_TEXT: Final = 16 * 2**20
"""Longer texts (in characters) are kept compressed beside the row, which holds the first PREVIEW characters."""

PICTURE_TEXT: Final = 65_536
"""The same for messages with pictures: environments send one screenshot with many observations, and it is kept once."""

PREVIEW: Final = 65_536
LARGEST: Final = 512 * 2**20
"""Bytes of UTF-8 above which a value is refused."""

HUGE: Final = 1e100
"""Finite numbers of this magnitude are kept in their row and left out of sums, whose squares would overflow."""

_DEEPEST: Final = 200
_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


@dataclass(frozen=True, slots=True)
class CleanJson:
    """Strict JSON text, and where a number that JSON cannot hold became null: `"$.a[3]=nan"`."""

    text: str
    replaced: tuple[str, ...] = ()


def clean_json(value: object) -> CleanJson:
    """`value` as strict JSON: numpy becomes numbers and lists, NaN and infinities become null, bytes base64.

    Objects that JSON has no form for become `{"$type": …, "$repr": …}`. Raises ValueRefused above a depth of 200, and
    for a whole number with more digits than Python writes (4,300, unless it is set otherwise).
    """
    try:
        fast = orjson.dumps(value, option=_OPTIONS)
    except (TypeError, ValueError, RecursionError):  # orjson's JSONEncodeError is a TypeError
        fast = b"null"
    if b"null" not in fast:
        return CleanJson(fast.decode())
    replaced: list[str] = []
    try:
        plain = _plain(value, "$", replaced, 0)
        text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError as error:  # only numbers are left that can fail
        most = sys.get_int_max_str_digits()
        raise ValueRefused(f"A whole number of more than {most:,} digits cannot be stored; give it as text.") from error
    return CleanJson(clean_text(text), tuple(replaced))


def clean_number(value: object) -> tuple[float | None, str | None]:
    """A number as (float, None); NaN and infinities as (None, "nan" | "inf" | "-inf"); None as (None, None).

    SQLite has no negative zero: it becomes zero here, before it is hashed.
    """
    if value is None:
        return None, None
    number = float(value)  # type: ignore[arg-type]  # whatever float() takes: numpy scalars, Decimal, bool
    if math.isfinite(number):
        return number + 0.0, None
    return None, _tag(number)


def reward_of(reward: float | None, tag: str | None) -> float | None:
    """The reward that `clean_number` took apart."""
    return reward if tag is None else float(tag)


def summand(number: float | None, tag: str | None) -> tuple[float, str | None]:
    """What a cleaned number adds to a sum, and the tag that the sum gets from it: "nan", "inf", "-inf" or "huge"."""
    if number is None:
        return 0.0, tag
    return (number, None) if -HUGE < number < HUGE else (0.0, "huge")


def clean_seed(seed: object) -> str | None:
    """A seed as text, so that 64-bit and larger ones fit; numpy integers included."""
    if seed is None:
        return None
    if isinstance(seed, np.generic):
        seed = seed.item()
    return str(seed)


def clean_text(text: str) -> str:
    """`text` with each lone surrogate replaced by U+FFFD; the same object when there is none."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    return text


def check_size(size: int, what: str) -> None:
    """Raise ValueRefused when `size` bytes are more than a value may have."""
    if size > LARGEST:
        raise ValueRefused(
            f"{what} has {size / 2**20:,.0f} MB; at most {LARGEST // 2**20} MB can be stored in one value. Shorten it."
        )


def _plain(value: Any, path: str, replaced: list[str], depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueRefused(f"A value is nested deeper than {_DEEPEST} levels at {path[:80]}…; flatten it.")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(str(value))
    if isinstance(value, Enum):
        return _plain(value.value, path, replaced, depth + 1)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        replaced.append(f"{path}={_tag(value)}")
        return None
    if isinstance(value, np.ndarray):
        value = value.tolist()
        return _plain(value, path, replaced, depth)
    return _container(value, path, replaced, depth)


def _container(value: Any, path: str, replaced: list[str], depth: int) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {
            clean_text(_key(key)): _plain(item, f"{path}.{_key(key)}", replaced, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{i}]", replaced, depth + 1) for i, item in enumerate(value)]
    if isinstance(value, set | frozenset):
        return [_plain(item, f"{path}[{i}]", replaced, depth + 1) for i, item in enumerate(_ordered(value))]
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    kind = type(value)
    return {"$type": f"{kind.__module__}.{kind.__qualname__}", "$repr": clean_text(repr(value)[:1000])}


def _ordered(values: Iterable[Any]) -> list[Any]:
    return sorted(values, key=lambda item: (type(item).__name__, repr(item)))


def _key(key: object) -> str:
    if isinstance(key, np.generic):
        key = key.item()
    return key if isinstance(key, str) else json.dumps(key) if isinstance(key, bool | int | float | None) else str(key)


def _tag(number: float) -> str:
    return "nan" if number != number else "inf" if number > 0 else "-inf"  # noqa: PLR0124  # NaN alone differs from itself
