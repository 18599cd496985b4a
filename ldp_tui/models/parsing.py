"""The ladder from a model's reply to an action: native tool call → JSON → fenced block → object in prose → pattern.

Pure functions of the reply and the tools. What a rung cannot read is a `Fault` with its kind; the next rung is tried
with the same reply. Time is linear in the length of a reply: only one that is JSON as a whole is read whole, of others
the beginning and the end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from ldp_tui.core.arguments import ArgumentError, ArgumentSchema
from ldp_tui.core.tool_calls import INVALID_TOOL_NAME, ToolCall
from ldp_tui.core.tools import Tool, tool_schema

Rung = Literal["tool_call", "json", "fenced", "embedded", "pattern", "scores", "default", "repeat"]
"""How an action was found. Those after `pattern` are for a player whose model's replies could not be read at all."""

FaultKind = Literal["empty", "cut", "no_action", "malformed_json", "unknown_tool", "bad_arguments", "ambiguous"]

_WINDOW: Final = 32_768
"""Characters of the beginning, and of the end, in which an action is looked for."""
_ATTEMPTS: Final = 200
"""Braces at which an object is tried to be read."""
_SHOWN: Final = 120

_FENCE: Final = re.compile(r"```[^\n`]{0,40}\n(.*?)(?:```|\Z)", re.DOTALL)
REFLECTION_KEYS: Final = ("reflection", "reasoning", "thought", "thoughts")
_REFLECTION: Final = re.compile(
    r"""
    "(?:reflection|reasoning|thoughts?)"\s{0,20}:\s{0,20}"((?:[^"\\]|\\.)*)
    | '(?:reflection|reasoning|thoughts?)'\s{0,20}:\s{0,20}'(.{0,2000}?)'\s{0,20},\s{0,20}'action'
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_ACTION: Final = re.compile(
    r"""\baction["'`*]{0,3}\s{0,20}[:=]\s{0,20}["'`*]{0,3}([^"'`*,}\n]{1,200})""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a reply, or a part of it, could not be read: a kind to count, and one sentence for model and person."""

    kind: str
    """A `FaultKind`, or how a request failed: the name of a `ModelError`."""
    detail: str


@dataclass(frozen=True, slots=True)
class Said:
    """A reply as it came."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    cut: bool = False
    """It ended because it was too long."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was made of a reply. No calls: none could be read, and `faults` say why."""

    calls: tuple[ToolCall, ...] = ()
    reflection: str = ""
    rung: Rung | None = None
    faults: tuple[Fault, ...] = ()


class _Meant(NamedTuple):
    """Calls, and the reflection beside them."""

    calls: tuple[ToolCall, ...]
    reflection: str = ""


@dataclass(slots=True)
class _Findings:
    """The faults that a reading meets on its way."""

    faults: list[Fault] = field(default_factory=list)

    def add(self, kind: FaultKind, detail: str) -> None:
        fault = Fault(kind, detail)
        if fault not in self.faults:
            self.faults.append(fault)


_Read = Callable[[str, _Findings], _Meant | None]


class ReplyReader:
    """Reads replies for one set of tools.

    Where the only tool has one parameter, its value alone is an action. `aliases` are further names of its values, such
    as the numbers of a Gymnasium environment's actions.
    """

    def __init__(self, tools: Sequence[Tool], *, aliases: Mapping[str, Any] | None = None) -> None:
        self._schemas = {tool.info.name: _parameters(tool) for tool in tools}
        self._checks = {name: ArgumentSchema(schema) for name, schema in self._schemas.items()}
        self._aliases = {str(key).casefold(): value for key, value in (aliases or {}).items()}
        self._sole = _sole(self._schemas)
        called = "|".join(re.escape(name) for name in sorted(self._schemas, key=len, reverse=True))
        self._called = re.compile(rf"\b({called})\(([^()\n]{{0,2000}})\)") if called else None

    def read(self, said: Said) -> Reading:
        """The action in a reply, by the first rung that finds one; never raises."""
        found = _Findings()
        if said.calls and (calls := self._native(said.calls, found)):
            return Reading(calls, said.text.strip(), "tool_call", tuple(found.faults))
        text = said.text.strip()
        rungs: tuple[tuple[Rung, _Read], ...] = (
            ("json", self._whole),
            ("fenced", self._fenced),
            ("embedded", self._embedded),
            ("pattern", self._pattern),
        )
        for rung, read in rungs:
            if text and (meant := read(text, found)) is not None:
                return Reading(meant.calls, meant.reflection, rung, tuple(found.faults))
        if said.cut:
            found.faults.insert(0, Fault("cut", "The reply was cut off before it named an action."))
        elif not text and not said.calls:
            found.add("empty", "The reply is empty.")
        elif not found.faults:
            found.add("no_action", "The reply names no action.")
        return Reading(faults=tuple(found.faults))

    def read_value(self, value: Any) -> tuple[ToolCall, ...]:
        """The calls that a value given in place of a reply's `action` stands for; empty if it is none."""
        return self._from_value(value, _Findings()) or ()

    def _native(self, calls: Iterable[ToolCall], found: _Findings) -> tuple[ToolCall, ...] | None:
        """The calls, checked; None if one of them cannot be made."""
        checked = []
        for call in calls:
            if call.function.name == INVALID_TOOL_NAME:
                found.add("malformed_json", "The arguments of the tool call are no JSON object.")
                return None
            made = self._call(call.function.name, call.function.arguments, found)
            if made is None:
                return None
            checked.append(call.model_copy(update={"function": made.function}))
        return tuple(checked) or None

    def _whole(self, text: str, found: _Findings) -> _Meant | None:
        """The reply as one JSON value."""
        try:
            return self._meant(json.loads(text), found)
        except (ValueError, RecursionError) as error:
            if text[:1] in "{[":
                found.add("malformed_json", f"The JSON cannot be read: {_said(error)}.")
            return None

    def _fenced(self, text: str, found: _Findings) -> _Meant | None:
        """The last fenced block that is an action."""
        blocks = [block.strip() for window in _windows(text) for block in _FENCE.findall(window)]
        for block in reversed(blocks):
            try:
                meant = self._meant(json.loads(block), found)
            except (ValueError, RecursionError):
                meant = self._embedded(block, found) or self._value_alone(block)
            if meant is not None:
                return meant._replace(reflection=meant.reflection or _lead(text.partition("```")[0]))
        return None

    def _embedded(self, text: str, found: _Findings) -> _Meant | None:
        """The last JSON object among other words that is an action; objects within others are part of them."""
        objects = [value for window in _windows(text) for value in _objects(window)]
        for value in reversed(objects):
            if (meant := self._meant(value, found)) is not None:
                return meant._replace(reflection=meant.reflection or _lead(text.partition("{")[0]))
        return None

    def _pattern(self, text: str, found: _Findings) -> _Meant | None:
        """`action: …` in words or broken JSON, a call as in a program, or the one value that is named."""
        *_, tail = windows = list(_windows(text))
        said = _REFLECTION.search(windows[0])
        reflection = _unescaped(said[1] or said[2] or "") if said else ""

        def meant(calls: tuple[ToolCall, ...], at: int) -> _Meant:
            return _Meant(calls, reflection or _lead(text[: len(text) - len(tail) + at]))

        for match in reversed(list(_ACTION.finditer(tail))):
            if (calls := self._from_value(match[1].strip(), _Findings())) is not None:
                return meant(calls, match.start())
        for match in reversed(list(self._called.finditer(tail)) if self._called is not None else ()):
            if (call := self._program_call(match[1], match[2])) is not None:
                return meant((call,), match.start())
        return self._value_alone(text) or self._named_value(text, tail, found)

    def _meant(self, value: Any, found: _Findings) -> _Meant | None:
        """Calls and reflection of a JSON value; None if it is no action."""
        if not isinstance(value, dict):
            calls = self._from_value(value, found)
            return None if calls is None else _Meant(calls)
        by_key = {str(key).casefold(): item for key, item in value.items()}
        reflection = next((_text(by_key[key]) for key in REFLECTION_KEYS if key in by_key), "")
        if _is_call(value):
            calls = self._from_value(value, found)
        elif "action" in by_key:
            calls = self._from_value(by_key["action"], found)
        else:
            calls = self._from_arguments({key: item for key, item in value.items() if key not in REFLECTION_KEYS})
        return None if calls is None else _Meant(calls, reflection)

    def _from_value(self, value: Any, found: _Findings) -> tuple[ToolCall, ...] | None:
        """The calls that the value of `action` stands for: a call, several, or the value of the only parameter."""
        if isinstance(value, list) and value and all(isinstance(item, dict) and _is_call(item) for item in value):
            several = [self._from_value(item, found) for item in value]
            return None if None in several else tuple(call for made in several for call in made or ())
        if isinstance(value, dict) and _is_call(value):
            name, arguments = _name_and_arguments(value)
            made = self._call(name, arguments, found)
            return None if made is None else (made,)
        if self._sole is not None:
            name, parameter = self._sole
            if isinstance(value, dict) and parameter in value:
                value = value[parameter]
            alias = self._aliases.get(str(value).strip().casefold()) if isinstance(value, str | int) else None
            made = self._call(name, {parameter: value if alias is None else alias}, found)
            return None if made is None else (made,)
        if isinstance(value, str) and value in self._schemas:
            made = self._call(value, {}, found)
            return None if made is None else (made,)
        if isinstance(value, dict) and (calls := self._from_arguments(value)) is not None:
            return calls
        if value is not None:
            found.add("unknown_tool", f"{_said(value)} names no tool. The tools: {', '.join(self._schemas)}.")
        return None

    def _from_arguments(self, value: Mapping[str, Any]) -> tuple[ToolCall, ...] | None:
        """A call of the only tool by its arguments alone."""
        if len(self._schemas) != 1 or not value:
            return None
        (name,) = self._schemas
        made = self._call(name, value, _Findings())
        return None if made is None else (made,)

    def _program_call(self, name: str, written: str) -> ToolCall | None:
        """`act("hit")`, `act(action="hit")`, `look()`."""
        parameters = list(self._schemas[name].get("properties") or {})
        arguments: dict[str, Any] = {}
        for position, part in enumerate(filter(None, (part.strip() for part in written.split(",")))):
            key, equals, value = part.partition("=")
            if not equals:
                if position >= len(parameters):
                    return None
                key, value = parameters[position], part
            arguments[key.strip()] = _json_or_text(value.strip().strip("'\""))
        if self._sole is not None and len(arguments) == 1:
            calls = self._from_value(next(iter(arguments.values())), _Findings())
            return calls[0] if calls else None
        return self._call(name, arguments, _Findings())

    def _value_alone(self, text: str) -> _Meant | None:
        """A reply that is nothing but the value of the only parameter."""
        if self._sole is None or len(text) > 2 * _SHOWN or self._is_free_text():
            return None
        calls = self._from_value(_json_or_text(text.strip(" \t\n.!\"'`*")), _Findings())
        return None if calls is None else _Meant(calls)

    def _named_value(self, text: str, tail: str, found: _Findings) -> _Meant | None:
        """The one value of a short list that the last line names, or the whole reply."""
        if self._sole is None:
            return None
        name, parameter = self._sole
        values = [value for value in self._parameter(name, parameter).get("enum") or () if isinstance(value, str)]
        for part in (tail.strip().rsplit("\n", 1)[-1], tail):
            named = [value for value in values if re.search(rf"\b{re.escape(value)}\b", part, re.IGNORECASE)]
            if len(named) == 1:
                calls = self._from_value(named[0], _Findings())
                return None if calls is None else _Meant(calls, text)
            if len(named) > 1:
                found.add("ambiguous", f"The reply names several actions: {', '.join(named)}.")
        return None

    def _call(self, name: Any, arguments: Any, found: _Findings) -> ToolCall | None:
        """A checked call; None, and a fault, if there is no such tool or its arguments do not fit."""
        check = self._checks.get(name) if isinstance(name, str) else None
        if check is None:
            found.add("unknown_tool", f"There is no tool {_said(name)}. The tools: {', '.join(self._checks)}.")
            return None
        if not isinstance(arguments, Mapping):
            found.add("bad_arguments", f"The arguments of {name} are no JSON object.")
            return None
        try:
            return ToolCall.from_name(str(name), **{str(key): item for key, item in check.coerce(arguments).items()})
        except (ArgumentError, RecursionError) as error:
            found.add("bad_arguments", f"The arguments of {name} do not fit: {_said(error)}.")
            return None

    def _parameter(self, name: str, parameter: str) -> Mapping[str, Any]:
        properties: Mapping[str, Any] = self._schemas[name].get("properties") or {}
        schema: Mapping[str, Any] = properties[parameter]
        return schema

    def _is_free_text(self) -> bool:
        """Whether any text at all would be a value of the only parameter."""
        if self._sole is None:
            return False
        schema = self._parameter(*self._sole)
        return schema.get("type", "string") == "string" and "enum" not in schema


def correction(faults: Sequence[Fault], form: str) -> str:
    """What a model is told after a reply that could not be read; `form` says how a reply has to look."""
    reasons = " ".join(fault.detail for fault in faults[-2:])
    return f"Your reply could not be read. {reasons} {form}".strip()


def _parameters(tool: Tool) -> dict[str, Any]:
    parameters: dict[str, Any] = tool_schema(tool).get("parameters") or {}
    return parameters


def _sole(schemas: Mapping[str, Mapping[str, Any]]) -> tuple[str, str] | None:
    """Name and parameter of the only tool, if it has just one."""
    if len(schemas) != 1:
        return None
    ((name, schema),) = schemas.items()
    parameters = list(schema.get("properties") or {})
    return (name, parameters[0]) if len(parameters) == 1 else None


def _is_call(value: Mapping[str, Any]) -> bool:
    """`{"name": …, "arguments": …}` or one of the shapes that providers have for it."""
    if isinstance(value.get("function"), dict):
        return True
    named = isinstance(value.get("name", value.get("tool")), str)
    return named and bool({"arguments", "parameters", "args"} & value.keys() or len(value) == 1)


def _name_and_arguments(value: Mapping[str, Any]) -> tuple[Any, Any]:
    inner = value.get("function")
    call: Mapping[str, Any] = inner if isinstance(inner, dict) else value
    arguments: Any = next((call[key] for key in ("arguments", "parameters", "args") if key in call), {})
    if isinstance(arguments, str):
        arguments = _json_or_text(arguments)
    return call.get("name", call.get("tool")), {} if arguments is None else arguments


def _windows(text: str) -> Iterator[str]:
    """The text, or of a very long one its beginning and its end."""
    if len(text) <= 2 * _WINDOW:
        yield text
    else:
        yield text[:_WINDOW]
        yield text[-_WINDOW:]


def _lead(text: str) -> str:
    """The words before an action, as a reflection."""
    return text.strip(" \t\r\n*#>_`'\"{,")


def _objects(text: str) -> Iterator[Any]:
    """The JSON objects among other words, in their order."""
    decoder, at = json.JSONDecoder(), text.find("{")
    for _ in range(_ATTEMPTS):
        if at < 0:
            return
        try:
            value, at = decoder.raw_decode(text, at)
            yield value
        except (ValueError, RecursionError):
            at += 1
        at = text.find("{", at)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _unescaped(text: str) -> str:
    found = _json_or_text(f'"{text}"')
    return found if isinstance(found, str) else text


def _said(value: object) -> str:
    """A value in a sentence: short, on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
