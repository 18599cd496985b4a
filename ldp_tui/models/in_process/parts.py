"""Text, reasoning and tool calls in what a model writes, told as soon as they are certain.

Formats are lists of regions. A region opens and closes with marks, and what is between them is reasoning, or calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

Kind = Literal["text", "reasoning", "call"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text or of reasoning; or a whole call, whose `arguments` are JSON."""

    kind: Kind
    text: str = ""
    name: str = ""
    arguments: str = ""


class Parts(Protocol):
    """Takes a reply apart while it comes."""

    def feed(self, text: str) -> list[Part]:
        """What is certain after some more text."""

    def end(self) -> list[Part]:
        """What was held back until now."""


@dataclass(frozen=True, slots=True)
class Region:
    """What a model writes between two marks. Without `close` it goes to the end of the reply."""

    kind: Kind
    open: str
    close: str = ""
    read: Callable[[str], list[Part] | None] = lambda _: None
    """The calls in what is between the marks; None if it is none. Not for reasoning."""
    only_first: bool = False
    """Opens at the very beginning of a reply alone; its first mark is part of what is read."""


def call_part(call: Any) -> Part | None:
    """The call that an object describes: a name, and arguments or parameters."""
    if not isinstance(call, dict):
        return None
    call = call.get("function") if isinstance(call.get("function"), dict) else call
    arguments = call.get("arguments", call.get("parameters"))
    if not isinstance(call.get("name"), str) or not isinstance(arguments, dict | str):
        return None
    written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return Part("call", name=call["name"], arguments=written)


def read_json_calls(text: str) -> list[Part] | None:
    """Calls of a JSON object, of a list of them, or of several with `;` between; None if there is anything else."""
    decoder, parts, rest = json.JSONDecoder(), list[Part](), text.strip()
    try:
        while rest:
            value, end = decoder.raw_decode(rest)
            for call in value if isinstance(value, list) else [value]:
                if (part := call_part(call)) is None:
                    return None
                parts.append(part)
            rest = rest[end:].lstrip().removeprefix(";").lstrip()
    except (ValueError, RecursionError):
        return None
    return parts or None


_NAMED: Final = re.compile(r"\s*([\w.-]+)\s*(?:\[CALL_ID\]\S+?)?\[ARGS\]\s*(\{.*)", re.DOTALL)


def read_mistral_calls(text: str) -> list[Part] | None:
    """Mistral's list of calls, or its newer `name[ARGS]{…}`."""
    if (named := _NAMED.fullmatch(text)) is None:
        return read_json_calls(text)
    parts = []
    for one in text.split("[TOOL_CALLS]"):
        if (named := _NAMED.fullmatch(one)) is None or not isinstance(_loaded(named[2]), dict):
            return None
        parts.append(Part("call", name=named[1], arguments=named[2].strip()))
    return parts


HERMES: Final = Region("call", "<tool_call>", "</tool_call>", read_json_calls)
"""Hermes, Qwen, and this package's own: `<tool_call>{"name": …, "arguments": …}</tool_call>`."""
MISTRAL: Final = Region("call", "[TOOL_CALLS]", "", read_mistral_calls)
LLAMA: Final = (
    Region("call", "<|python_tag|>", "", read_json_calls),
    Region("call", "{", "", read_json_calls, only_first=True),
)
"""Llama 3.1: the whole reply is `{"name": …, "parameters": …}`."""
THINK: Final = Region("reasoning", "<think>", "</think>")


class RegionParts:
    """Takes a reply apart by the marks of regions."""

    def __init__(self, regions: Sequence[Region], *, inside: Region | None = None) -> None:
        """A reply that begins `inside` a region, where the prompt opened it."""
        self._regions = regions
        self._inside = inside
        self._held = ""
        self._begun = False
        self._marks = tuple(region.open for region in regions if not region.only_first)

    def feed(self, text: str) -> list[Part]:
        """What is certain after some more text."""
        self._held += text
        parts: list[Part] = []
        while self._step(parts):
            pass
        return parts

    def end(self) -> list[Part]:
        """What was held back until now; an open call counts if it can be read."""
        held, self._held, region = self._held, "", self._inside
        if region is None or not held:
            return [Part("text", held)] if held else []
        if region.kind == "reasoning":
            return [Part("reasoning", held)]
        return region.read(held) or [Part("text", held if region.only_first else region.open + held)]

    def _step(self, parts: list[Part]) -> bool:
        """Tell what can be told; False if more text is needed."""
        return self._outside(parts) if self._inside is None else self._within(self._inside, parts)

    def _outside(self, parts: list[Part]) -> bool:
        if not self._begun:
            beginning = self._held.lstrip()
            if not beginning:
                return False
            self._begun = True
            for region in self._regions:
                if region.only_first and beginning.startswith(region.open):
                    self._held, self._inside = beginning, region
                    return True
        found = [(at, region) for region in self._open_marks() if (at := self._held.find(region.open)) >= 0]
        if not found:
            told = len(self._held) - _beginning_of_a_mark(self._held, self._marks)
            self._tell("text", told, parts)
            return False
        at, region = min(found, key=lambda one: one[0])
        self._tell("text", at, parts)
        self._held, self._inside = self._held[len(region.open) :], region
        return True

    def _within(self, region: Region, parts: list[Part]) -> bool:
        at = self._held.find(region.close) if region.close else -1
        if region.kind == "reasoning":
            told = at if at >= 0 else len(self._held) - _beginning_of_a_mark(self._held, (region.close,))
            self._tell("reasoning", told, parts)
        if at < 0:
            return False
        if region.kind != "reasoning":
            body, self._held = self._held[:at], self._held[at:]
            parts += region.read(body) or [Part("text", region.open + body + region.close)]
        self._held, self._inside = self._held[len(region.close) :], None
        return True

    def _tell(self, kind: Kind, length: int, parts: list[Part]) -> None:
        told, self._held = self._held[:length], self._held[length:]
        if told:
            parts.append(Part(kind, told))

    def _open_marks(self) -> list[Region]:
        return [region for region in self._regions if not region.only_first]


def _beginning_of_a_mark(text: str, marks: Sequence[str]) -> int:
    """How many characters at the end of `text` may be the beginning of a mark."""
    longest = max((len(mark) for mark in marks), default=1) - 1
    for length in range(min(longest, len(text)), 0, -1):
        if any(mark.startswith(text[-length:]) for mark in marks):
            return length
    return 0


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
