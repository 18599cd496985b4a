"""What commands print: results on stdout, everything said about them on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from ldp_tui.tui.plain import plain, plain_line


class ReaderGone(Exception):
    """Nobody reads stdout any more (`| head`): the command has done its work."""


def emit(line: str = "") -> None:
    """A line of result; raises ReaderGone when stdout is closed."""
    _write(line + "\n")


def emit_json(value: Any, *, indent: bool = True) -> None:
    """A result as JSON; `indent=False` makes one line of it."""
    option = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        text = orjson.dumps(value, option=option, default=str).decode()
    except TypeError:  # lone surrogates, or whole numbers above 64 bits
        from ldp_tui.store.cleaning import clean_json

        text = json.dumps(json.loads(clean_json(value).text), indent=2 if indent else None, ensure_ascii=False) + "\n"
    _write(text)


def say(line: str) -> None:
    """A remark for the person who runs the command."""
    sys.stderr.write(plain(line) + "\n")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Aligned columns; those with an index in `right` are aligned to the right."""
    lines = [list(titles), *([plain_line(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        cells = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        emit("  ".join(cells).rstrip())


def when(nanoseconds: int) -> str:
    """Local date and time of a timestamp in ns."""
    moment = datetime.fromtimestamp(nanoseconds / 1e9, tz=UTC).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M")


def number(value: float | None) -> str:
    """A reward or return, short: at most three decimals, or two digits where those would all be zero."""
    if value is None:
        return "–"
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    return f"{value:.2g}" if abs(value) < 0.001 else f"{value:.3f}".rstrip("0").rstrip(".")


def counted(n: int, what: str) -> str:
    """`1 step`, `2 steps`, `10,000 steps`."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def rate(n: int, seconds: float) -> str:
    """How many a second, short: no decimals from 10 on."""
    per_second = n / seconds if seconds > 0 else 0.0
    return f"{per_second:,.0f}" if per_second >= 9.95 else f"{per_second:.1f}"


def truth(value: bool | None) -> str:
    """yes, no, or a dash where it is not defined."""
    return "–" if value is None else "yes" if value else "no"


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error
