"""Texts with `{name}` in them, some of which are known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Formatter
from typing import Any

_Piece = tuple[str, str | None, str | None, str | None]
_NAMED = re.compile(r"\{([A-Za-z_]\w*)\}")


def partial_format(value: str, **formats: Any) -> str:
    """Replace each `{name}` that is among `formats`; the other names stay as they are.

    A text that is no format string, such as one that shows JSON, keeps all its other braces.
    """
    try:
        pieces: list[_Piece] = list(Formatter().parse(value))
    except ValueError:
        pieces = []
    if not pieces or not all(field is None or field.isidentifier() for _, field, _, _ in pieces):
        return _NAMED.sub(lambda found: str(formats.get(found[1], found[0])), value)
    return "".join(_filled(pieces, formats))


def _filled(pieces: list[_Piece], formats: dict[str, Any]) -> Iterator[str]:
    for literal, field, spec, conversion in pieces:
        yield literal
        if field is None:
            continue
        whole = f"{{{field}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}}}"
        yield whole.format_map(formats) if field in formats else whole
