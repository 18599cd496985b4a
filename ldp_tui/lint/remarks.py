"""One remark of the linter, and the rules it can name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["error", "warning"]

RULES: Final[dict[str, tuple[Severity, str]]] = {
    "syntax": ("error", "the file is not valid Python"),
    "missing-docstring": ("error", "a tool without a docstring has no description to show a player"),
    "missing-description": ("error", "a parameter is not described in the docstring"),
    "missing-annotation": ("error", "a parameter has no type, so it has no schema"),
    "positional": ("error", "a parameter that cannot be given by name"),
    "not-a-function": ("error", "a lambda has no docstring"),
    "cannot-play": ("error", "the environment cannot be made or reset"),
    "keyword-catch-all": ("warning", "`**name` takes arguments that no player is told of"),
    "unknown-parameter": ("warning", "the docstring describes a parameter that the function does not have"),
    "form-feed": ("warning", r"a `\f` in a docstring without the prefix r hides nothing under aviary"),
    "braces": ("warning", "braces in a docstring are read as a format by aviary"),
    "partial": ("warning", "aviary makes no tool of a `functools.partial`"),
    "bare-container": ("warning", "a type that does not say what it contains"),
    "name": ("warning", "a name that model providers refuse"),
    "long-description": ("warning", "a description longer than some model providers take"),
    "result": ("warning", "a result that cannot be sent as text"),
    "blocking": ("warning", "an async tool that stops every lane while it waits"),
    "keyboard": ("warning", "a tool that reads the keyboard, which belongs to the terminal application"),
    "no-tools": ("warning", "no tools were found"),
}
"""Each rule's severity, and its meaning in a line. An error keeps `Tool.from_function` from working."""


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """What is wrong with a tool, where, and what to do about it."""

    line: int
    """Line in the file, from 1; 0 where there is no source."""
    rule: str
    """A key of RULES."""
    tool: str
    """Name of the tool; empty where the remark is about the whole file."""
    text: str

    @property
    def severity(self) -> Severity:
        """`error` or `warning`."""
        return RULES[self.rule][0]
