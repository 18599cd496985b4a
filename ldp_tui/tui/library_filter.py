"""The library's filter line, such as `env:cartpole agent:random return>100 "exact words"`, as a typed filter.

Terms narrow down; the same field given twice, or values joined by commas, are alternatives. Words without a field, and
`text:`, search the recorded messages. Quotes keep spaces: `agent:"my agent"`.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar, get_args

End = Literal["running", "terminated", "truncated", "failed", "aborted", "interrupted"]
ENDS: Final[tuple[End, ...]] = get_args(End)
Choice = TypeVar("Choice", bound=str)
FIELDS: Final = ("env", "agent", "seed", "end", "return", "steps", "success", "text")

_NUMBERS: Final = ("return", "steps")
_TERM = re.compile(r'\s*(?:(?P<name>[^\s":=<>]+)?(?P<operator>[<>]=?|[:=]))?(?P<value>(?:"[^"]*"|[^\s"])*)(?P<open>")?')
_ANSWERS: Final = {"yes": True, "no": False, "true": True, "false": False}


class FilterError(ValueError):
    """A filter that cannot be read; `position` is the index of the character it is about."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    low: float = -math.inf
    high: float = math.inf

    def __and__(self, other: Range) -> Range:
        """What lies in both."""
        return Range(max(self.low, other.low), min(self.high, other.high))


@dataclass(frozen=True, slots=True)
class LibraryFilter:
    """Which episodes to list. An empty tuple and None restrict nothing; names match any part, in any case."""

    envs: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    ends: tuple[End, ...] = ()
    return_: Range = field(default_factory=Range)
    steps: Range = field(default_factory=Range)
    success: bool | None = None
    words: tuple[str, ...] = ()
    """Words and phrases that the recorded messages must hold, all of them."""


@dataclass(frozen=True, slots=True)
class Term:
    """A piece of the filter line as it was typed, `start` to `end`; `name` is "text" where no field was named."""

    name: str
    operator: str
    value: str
    start: int
    value_start: int
    end: int


def parse_filter(text: str) -> LibraryFilter:
    """The filter that `text` asks for; raises FilterError."""
    names: dict[str, list[str]] = {name: [] for name in ("env", "agent", "seed", "text")}
    ranges = dict.fromkeys(_NUMBERS, Range())
    ends: list[End] = []
    success: bool | None = None
    for term in terms(text):
        if term.name in ranges:
            ranges[term.name] &= _range(term)
            continue
        if term.operator not in {":", "="}:
            raise FilterError(f"`{term.name}` takes `:`, not `{term.operator}`", term.value_start - len(term.operator))
        if term.name == "end":
            ends += [_choice(value, at, ENDS) for value, at in _alternatives(term)]
        elif term.name == "success":
            success = _ANSWERS[_choice(term.value, term.value_start, tuple(_ANSWERS))]
        elif term.name == "text":
            names["text"].append(_unquote(term.value))
        else:
            names[term.name] += [_unquote(value) for value, _ in _alternatives(term)]
    return LibraryFilter(
        envs=tuple(names["env"]),
        agents=tuple(names["agent"]),
        seeds=tuple(names["seed"]),
        ends=tuple(ends),
        return_=ranges["return"],
        steps=ranges["steps"],
        success=success,
        words=tuple(names["text"]),
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
            _number(low, term.value_start, whole=whole) if low else -math.inf,
            _number(high, high_at, whole=whole) if high else math.inf,
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
