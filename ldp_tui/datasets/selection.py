"""The language that selects episodes, such as `env:taxi agent:~qwen return>7 tag:good -tag:bad best-of:4 per:task`.

The same words serve in the library's filter line and on the command line. Terms narrow down. A field given twice, or
values joined by commas, are alternatives, except for tags, tools, numbers and text, which all must hold. `-` before a
term leaves out what it matches. Words without a field, and `text:`, search the recorded messages. Quotes keep spaces.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from ldp_tui.datasets.selection_values import (
    SelectionError,
    alternatives,
    both,
    choice,
    moment,
    name_pattern,
    numbers,
    seeds,
    unquote,
    whole_number,
)
from ldp_tui.engine.events import EndReason
from ldp_tui.store.results import Decision, EpisodeFilter, Group, Kind, Range
from ldp_tui.store.rows import EndStatus

__all__ = ["FIELDS", "SelectionError", "Term", "parse_selection", "terms", "with_value"]

STATUSES: Final[dict[EndReason, EndStatus]] = {
    "terminated": "done",
    "truncated": "truncated",
    "failed": "failed",
    "aborted": "aborted",
    "interrupted": "interrupted",
}
HUMAN: Final = "human"
"""A word that stands for `kind:human`; in quotes it is searched for."""

_ANSWERS: Final = {"yes": True, "no": False}
_TERM = re.compile(
    r'\s*(?P<minus>-(?=[^\s]))?(?:(?P<name>[^\s":=<>]+)?(?P<operator>[<>]=?|[:=]))?(?P<value>(?:"[^"]*"|[^\s"])*)(?P<open>")?'
)


@dataclass(frozen=True, slots=True)
class Term:
    """A piece of the line as it was typed, `start` to `end`; `name` is "text" where no field was named."""

    name: str
    operator: str
    value: str
    start: int
    value_start: int
    end: int
    negated: bool = False


def parse_selection(text: str) -> EpisodeFilter:
    """The filter that `text` asks for.

    Raises:
        SelectionError: With the character that cannot be read, and what could stand there.
    """
    wanted, without = EpisodeFilter(), list[EpisodeFilter]()
    for term in terms(text):
        if term.negated and term.name in _WHOLE:
            raise SelectionError(f"`{term.name}` says how many are kept; it cannot be left out", term.start)
        if term.negated:
            without.append(_FIELDS[term.name](EpisodeFilter(), term))
        else:
            wanted = _FIELDS[term.name](wanted, term)
    if wanted.per and wanted.best_of is None:
        raise SelectionError("`per:` says what `best-of:` counts by; add best-of:1", len(text))
    return replace(wanted, without=tuple(without))


def terms(text: str) -> Iterator[Term]:
    """The pieces of a line; raises SelectionError where one lacks a known field, a value or its closing quote."""
    position = 0
    while text[position:].strip():
        match = _TERM.match(text, position)
        if match is None or match.end() == position:
            raise AssertionError(f"no progress at {position} of {text!r}")
        start = position + len(match[0]) - len(match[0].lstrip())
        if match["open"]:
            raise SelectionError('this `"` is never closed', match.start("open"))
        name, operator, value = match["name"], match["operator"] or ":", match["value"]
        if match["operator"] and name is None:
            raise SelectionError(f"`{operator}` needs a field before it, such as return{operator}10", start)
        negated, value_start = match["minus"] is not None, match.start("value")
        if name is None and value == HUMAN:
            name, value = "kind", HUMAN
        name = (name or "text").lower()
        if name not in _FIELDS:
            raise SelectionError(_no_such(name), start + negated)
        if not unquote(value).strip(","):
            raise SelectionError(
                f"`{name}{operator}` needs a value" if match["operator"] else "empty words", match.end()
            )
        if operator not in {":", "="} and name not in _COMPARED:
            raise SelectionError(f"`{name}` takes `:`, not `{operator}`", value_start - len(operator))
        yield Term(name, operator, value, start, value_start, match.end(), negated)
        position = match.end()


def with_value(text: str, name: str, value: str | None) -> str:
    """`text` with `name:value` as its only term for the field `name`, or (None) without any; raises SelectionError."""
    kept = [text[term.start : term.end] for term in terms(text) if term.name != name]
    if value is not None:
        kept.insert(0, f"{name}:{quote(value)}")
    return " ".join(kept)


def quote(value: str) -> str:
    """A value as it is written in a line."""
    value = unquote(value)
    return f'"{value}"' if re.search(r"[\s,]", value) or not value else value


def _no_such(given: str) -> str:
    near = difflib.get_close_matches(given, FIELDS, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(FIELDS)}"
    return f"no field `{given}`: {hint}"


Reading = Callable[[EpisodeFilter, Term], EpisodeFilter]


def _with(wanted: EpisodeFilter, field: str, value: object) -> EpisodeFilter:
    changed: dict[str, Any] = {field: value}
    return replace(wanted, **changed)


def _names(field: str) -> Reading:
    def read(wanted: EpisodeFilter, term: Term) -> EpisodeFilter:
        found = tuple(name_pattern(value, at) for value, at in alternatives(term.value, term.value_start))
        return _with(wanted, field, getattr(wanted, field) + found)

    return read


def _texts(field: str, *, split: bool = True) -> Reading:
    def read(wanted: EpisodeFilter, term: Term) -> EpisodeFilter:
        values = (value for value, _ in alternatives(term.value, term.value_start)) if split else (term.value,)
        return _with(wanted, field, getattr(wanted, field) + tuple(unquote(value) for value in values))

    return read


def _choices(field: str, known: Mapping[str, str]) -> Reading:
    def read(wanted: EpisodeFilter, term: Term) -> EpisodeFilter:
        found = {choice(value, at, tuple(known)) for value, at in alternatives(term.value, term.value_start)}
        chosen = {known[one] for one in found} | set(getattr(wanted, field))
        return _with(wanted, field, tuple(one for one in known.values() if one in chosen))

    return read


def _range(field: str, *, whole: bool = False) -> Reading:
    def read(wanted: EpisodeFilter, term: Term) -> EpisodeFilter:
        found = numbers(term.name, term.operator, term.value, term.value_start, whole=whole)
        return _with(wanted, field, both(getattr(wanted, field), found))

    return read


def _answer(field: str) -> Reading:
    def read(wanted: EpisodeFilter, term: Term) -> EpisodeFilter:
        return _with(wanted, field, _ANSWERS[choice(term.value, term.value_start, tuple(_ANSWERS))])

    return read


def _seeds(wanted: EpisodeFilter, term: Term) -> EpisodeFilter:
    found = [seeds(unquote(value), at) for value, at in alternatives(term.value, term.value_start)]
    return replace(wanted, seeds=wanted.seeds + tuple(seed for some in found for seed in some))


def _moment(wanted: EpisodeFilter, term: Term) -> EpisodeFilter:
    bound = moment(unquote(term.value), term.value_start, end=term.name == "until")
    found = Range(low=bound) if term.name == "since" else Range(high=bound)
    return replace(wanted, started_ns=both(wanted.started_ns, found))


def _best_of(wanted: EpisodeFilter, term: Term) -> EpisodeFilter:
    return replace(wanted, best_of=whole_number(term.value, term.value_start))


def _limit(wanted: EpisodeFilter, term: Term) -> EpisodeFilter:
    return replace(wanted, limit=whole_number(term.value, term.value_start))


def _itself(words: tuple[str, ...]) -> dict[str, str]:
    return {word: word for word in words}


_FIELDS: Final[dict[str, Reading]] = {
    "env": _names("envs"),
    "agent": _names("agents"),
    "kind": _choices("kinds", _itself(get_args(Kind))),
    "seed": _seeds,
    "task": _texts("task_ids"),
    "end": _choices("statuses", dict(STATUSES.items())),
    "return": _range("return_"),
    "steps": _range("steps", whole=True),
    "cost": _range("cost_usd"),
    "success": _answer("success"),
    "tool": _texts("tools"),
    "tag": _texts("tags"),
    "rating": _range("rating", whole=True),
    "decision": _choices("decisions", _itself(get_args(Decision))),
    "flagged": _answer("flagged"),
    "since": _moment,
    "until": _moment,
    "text": _texts("words", split=False),
    "best-of": _best_of,
    "per": _choices("per", _itself(get_args(Group))),
    "limit": _limit,
}
FIELDS: Final = tuple(_FIELDS)
_COMPARED: Final = frozenset({"return", "steps", "cost", "rating"})
_WHOLE: Final = frozenset({"best-of", "per", "limit"})
