"""What could be typed next in a selection: names of fields, and values that are there."""

from __future__ import annotations

import re
from typing import Final, get_args

from ldp_tui.datasets.selection import FIELDS, HUMAN, STATUSES, quote
from ldp_tui.store.results import Count, Decision, Facets, Group, Kind

_LAST: Final = re.compile(r'(?:^|\s)-?(?:(?P<field>[a-z-]+)(?P<operator>[:=]))?(?P<typed>(?:"[^"]*"?|[^\s":=<>])*)$')
_COMPARED: Final = frozenset({"return", "steps", "cost", "rating"})
_ANSWERS: Final = ("yes", "no")


def completions(text: str, facets: Facets | None = None) -> list[str]:
    """`text` with its last word completed, the likeliest first; nothing where nothing is known."""
    found = _LAST.search(text)
    if found is None:
        return []
    typed = found["typed"]
    if found["field"] is None:
        known = [name + (">" if name in _COMPARED else ":") for name in FIELDS] + [HUMAN]
        return [text[: found.start("typed")] + name for name in known if typed and name.startswith(typed.lower())]
    done, comma, last = typed.rpartition(",")
    given = last.strip('"').casefold()
    matching = [value for value in _values(found["field"], facets) if value.casefold().startswith(given)]
    return [text[: found.start("typed")] + done + comma + quote(value) for value in matching]


def _values(field: str, facets: Facets | None) -> tuple[str, ...]:
    match field:
        case "end":
            return tuple(STATUSES)
        case "kind":
            return get_args(Kind)
        case "decision":
            return get_args(Decision)
        case "per":
            return get_args(Group)
        case "success" | "flagged":
            return _ANSWERS
        case "env" | "agent" | "tag" if facets is not None:
            counts: tuple[Count, ...] = {"env": facets.envs, "agent": facets.agents, "tag": facets.tags}[field]
            return tuple(count.value for count in counts)
        case _:
            return ()
