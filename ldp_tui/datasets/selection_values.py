"""How the values of the selection language are read; each error says at which character, and what could stand there."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from ldp_tui.store.results import Range

MOST_SEEDS: Final = 10_000
"""Seeds in one range."""

_AGO: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class SelectionError(ValueError):
    """A selection that cannot be read; `position` is the index of the character it is about."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


def alternatives(value: str, start: int) -> Iterator[tuple[str, int]]:
    """The comma-separated values of a term with their positions; commas in quotes separate nothing."""
    for match in re.finditer(r'(?:"[^"]*"|[^",])+', value):
        yield match[0], start + match.start()


def unquote(value: str) -> str:
    """Without the quotes that keep spaces."""
    return value.replace('"', "")


def name_pattern(value: str, position: int) -> str:
    """Part of a name, `=name` for all of it, or `~pattern` for a regular expression, which must be one."""
    pattern = unquote(value)
    if pattern.startswith("~"):
        try:
            re.compile(pattern[1:])
        except re.error as error:
            raise SelectionError(f"no regular expression: {error.msg}", position + 1 + (error.pos or 0)) from None
    if pattern in {"~", "="}:
        raise SelectionError(f"`{pattern}` needs a name behind it", position + 1)
    return pattern


def numbers(name: str, operator: str, value: str, position: int, *, whole: bool) -> Range:
    """`>1`, `<=1`, `:1` or `:1..2` as a range; `whole` numbers only where there are no others."""
    low, dots, high = value.partition("..")
    if dots:
        if operator not in {":", "="}:
            raise SelectionError(f"a range is written `{name}:10..20`", position - len(operator))
        high_at = position + len(low) + len(dots)
        return Range(
            _number(low, position, whole=whole) if low else None, _number(high, high_at, whole=whole) if high else None
        )
    number = _number(value, position, whole=whole)
    match operator:
        case ">":
            return Range(low=number + 1 if whole else math.nextafter(number, math.inf))
        case ">=":
            return Range(low=number)
        case "<":
            return Range(high=number - 1 if whole else math.nextafter(number, -math.inf))
        case "<=":
            return Range(high=number)
        case _:
            return Range(number, number)


def both(one: Range, other: Range) -> Range:
    """What lies in both ranges."""
    lows = [side for side in (one.low, other.low) if side is not None]
    highs = [side for side in (one.high, other.high) if side is not None]
    return Range(max(lows, default=None), min(highs, default=None))


def whole_number(value: str, position: int) -> int:
    """A count: 1 or more."""
    number = _number(value, position, whole=True)
    if number < 1 or math.isinf(number):
        raise SelectionError(f"`{value}` is not a number of episodes", position)
    return int(number)


def seeds(value: str, position: int) -> list[str]:
    """One seed, or all of a range such as `0..99`."""
    low, dots, high = value.partition("..")
    if not dots:
        return [value]
    first = _number(low, position, whole=True)
    last = _number(high, position + len(low) + len(dots), whole=True)
    if not 0 <= last - first < MOST_SEEDS:
        raise SelectionError(f"a range of seeds goes upwards and has at most {MOST_SEEDS:,}", position)
    return [str(seed) for seed in range(int(first), int(last) + 1)]


def moment(value: str, position: int, *, end: bool) -> int:
    """A time in nanoseconds since 1970: a day or minute of local time, or so long ago (`90m`, `12h`, `7d`, `2w`).

    A day as an `end` is meant to its last nanosecond.
    """
    if found := re.fullmatch(r"(\d{1,5})([mhdw])", value):
        ago = int(found[1]) * _AGO[found[2]]
        return round((datetime.now().astimezone() - ago).timestamp() * 1e9)
    try:
        time = datetime.fromisoformat(value).astimezone()
        if end and len(value) <= len("2026-01-01"):
            return round((time + timedelta(days=1)).timestamp() * 1e9) - 1
        return round(time.timestamp() * 1e9)
    except (ValueError, OverflowError, OSError):
        raise SelectionError(
            f"`{value}` is no time: 2026-01-31, 2026-01-31T18:00, or 7d for seven days ago", position
        ) from None


def choice(value: str, position: int, choices: tuple[str, ...]) -> str:
    """One of `choices`, in any case."""
    given = unquote(value).lower()
    if given in choices:
        return given
    near = difflib.get_close_matches(given, choices, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(choices)}"
    raise SelectionError(f"no value `{unquote(value)}`: {hint}", position)


def _number(text: str, position: int, *, whole: bool) -> float:
    try:
        number = float(text.replace("−", "-"))
    except ValueError:
        raise SelectionError(f"`{text}` is not a number", position) from None
    if math.isnan(number) or (whole and not number.is_integer()):
        raise SelectionError(f"`{text}` is not a {'whole number' if whole else 'number to compare with'}", position)
    return number
