"""The library's filter line, such as `env:cartpole agent:random return>100 "exact words"`, as a typed filter.

Terms narrow down. A field given twice, or values joined by commas, are alternatives, except for tags, numbers and text,
which all must hold. Words without a field, and `text:`, search the recorded messages. Quotes keep spaces.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from ldp_tui.engine.events import EndReason
from ldp_tui.store.results import EpisodeFilter, Range
from ldp_tui.store.rows import EndStatus

FIELDS: Final = ("env", "agent", "seed", "task", "end", "return", "steps", "success", "tag", "text")
STATUSES: Final[dict[EndReason, EndStatus]] = {
    "terminated": "done",
    "truncated": "truncated",
    "failed": "failed",
    "aborted": "aborted",
    "interrupted": "interrupted",
}

_ANSWERS: Final = {"yes": True, "no": False}
_TERM = re.compile(r'\s*(?:(?P<name>[^\s":=<>]+)?(?P<operator>[<>]=?|[:=]))?(?P<value>(?:"[^"]*"|[^\s"])*)(?P<open>")?')

Choice = TypeVar("Choice", bound=str)


class FilterError(ValueError):
    """A filter that cannot be read; `position` is the index of the character it is about."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


@dataclass(frozen=True, slots=True)
class Term:
    """A piece of the filter line as it was typed, `start` to `end`; `name` is "text" where no field was named."""

    name: str
    operator: str
    value: str
    start: int
    value_start: int
    end: int


def parse_filter(text: str) -> EpisodeFilter:
    """The filter that `text` asks for; raises FilterError."""
    values: dict[str, list[str]] = {name: [] for name in FIELDS}
    ranges = {"return": Range(), "steps": Range()}
    for term in terms(text):
        if term.name in ranges:
            ranges[term.name] = _both(ranges[term.name], _range(term))
            continue
        if term.operator not in {":", "="}:
            raise FilterError(f"`{term.name}` takes `:`, not `{term.operator}`", term.value_start - len(term.operator))
        match term.name:
            case "text":
                values["text"].append(_unquote(term.value))
            case "end":
                values["end"] += [_choice(value, at, tuple(STATUSES)) for value, at in _alternatives(term)]
            case "success":
                values["success"] = [_choice(term.value, term.value_start, tuple(_ANSWERS))]
            case name:
                values[name] += [_unquote(value) for value, _ in _alternatives(term)]
    return EpisodeFilter(
        envs=tuple(values["env"]),
        agents=tuple(values["agent"]),
        statuses=tuple(status for reason, status in STATUSES.items() if reason in values["end"]),
        seeds=tuple(values["seed"]),
        task_ids=tuple(values["task"]),
        return_=ranges["return"],
        steps=ranges["steps"],
        success=_ANSWERS[values["success"][0]] if values["success"] else None,
        words=tuple(values["text"]),
        tags=tuple(values["tag"]),
    )


def terms(text: str) -> Iterator[Term]:
    """The pieces of a filter line; raises FilterError where one lacks a known field, a value or its closing quote."""
    position = 0
    while text[position:].strip():
        match = _TERM.match(text, position)
        if match is None or match.end() == position:
            raise AssertionError(f"no progress at {position} of {text!r}")
        start = position + len(match[0]) - len(match[0].lstrip())
        if match["open"]:
            raise FilterError('this `"` is never closed', match.start("open"))
        name, operator = match["name"], match["operator"] or ":"
        if match["operator"] and name is None:
            raise FilterError(f"`{operator}` needs a field before it, such as return{operator}10", start)
        name = (name or "text").lower()
        if name not in FIELDS:
            raise FilterError(_no_such("field", name, FIELDS), start)
        if not _unquote(match["value"]).strip(","):
            raise FilterError(f"`{name}{operator}` needs a value" if match["operator"] else "empty words", match.end())
        yield Term(name, operator, match["value"], start, match.start("value"), match.end())
        position = match.end()


def with_value(text: str, name: str, value: str | None) -> str:
    """`text` with `name:value` as its only term for the field `name`; None takes the field out. Raises FilterError."""
    kept = [text[term.start : term.end] for term in terms(text) if term.name != name]
    if value is not None:
        kept.insert(0, f"{name}:{_quote(value)}")
    return " ".join(kept)


def _alternatives(term: Term) -> Iterator[tuple[str, int]]:
    """The comma-separated values of a term with their positions; commas in quotes separate nothing."""
    for match in re.finditer(r'(?:"[^"]*"|[^",])+', term.value):
        yield match[0], term.value_start + match.start()


def _range(term: Term) -> Range:
    whole = term.name == "steps"
    low, dots, high = term.value.partition("..")
    if dots:
        if term.operator not in {":", "="}:
            raise FilterError(f"a range is written `{term.name}:10..20`", term.value_start - len(term.operator))
        high_at = term.value_start + len(low) + len(dots)
        return Range(
            _number(low, term.value_start, whole=whole) if low else None,
            _number(high, high_at, whole=whole) if high else None,
        )
    number = _number(term.value, term.value_start, whole=whole)
    match term.operator:
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


def _both(one: Range, other: Range) -> Range:
    """What lies in both ranges."""
    lows = [side for side in (one.low, other.low) if side is not None]
    highs = [side for side in (one.high, other.high) if side is not None]
    return Range(max(lows, default=None), min(highs, default=None))


def _number(text: str, position: int, *, whole: bool) -> float:
    try:
        number = float(text.replace("−", "-"))
    except ValueError:
        raise FilterError(f"`{text}` is not a number", position) from None
    if math.isnan(number) or (whole and not number.is_integer()):
        raise FilterError(f"`{text}` is not a {'whole number' if whole else 'number to compare with'}", position)
    return number


def _choice(value: str, position: int, choices: tuple[Choice, ...]) -> Choice:
    for choice in choices:
        if choice == value.lower():
            return choice
    raise FilterError(_no_such("value", value, choices), position)


def _no_such(kind: str, given: str, choices: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(given.lower(), choices, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(choices)}"
    return f"no {kind} `{given}`: {hint}"


def _unquote(value: str) -> str:
    return value.replace('"', "")


def _quote(value: str) -> str:
    value = _unquote(value)
    return f'"{value}"' if re.search(r"[\s,]", value) or not value else value
