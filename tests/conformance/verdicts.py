"""What the outcomes of a suite mean, and how they are told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

EXPECTED = Path(__file__).parent / "expected"

Verdict = Literal["passed", "deviation", "failed"]


@dataclass(frozen=True, slots=True)
class Suite:
    """A distribution's tests, and what is expected of them."""

    name: str
    distribution: str
    version: str
    sha256: str
    key_free: tuple[str, ...]
    """Cases that pass with the originals where there is no API key and no network."""
    deviations: Mapping[str, str]
    """Reason of each key-free case that fails here on purpose."""
    not_offered: Mapping[str, str]
    """Reason of each file that is not run."""

    @classmethod
    def load(cls, name: str) -> Suite:
        """The suite of that name in `expected/`."""
        told: dict[str, Any] = json.loads((EXPECTED / f"{name}.json").read_text(encoding="utf-8"))
        key_free = tuple(f"{file}::{case}" for file, cases in told.pop("key_free").items() for case in cases)
        return cls(name=name, key_free=key_free, **told)


@dataclass(frozen=True, slots=True)
class FileResult:
    """One file of tests. `with_keys` counts cases beside the key-free ones: passed by recorded replies, and all."""

    file: str
    verdicts: Mapping[str, Verdict]
    with_keys: tuple[int, int] = (0, 0)

    def count(self, verdict: Verdict) -> int:
        """How many key-free cases have that verdict."""
        return sum(found == verdict for found in self.verdicts.values())


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """All files of a suite."""

    suite: Suite
    files: tuple[FileResult, ...]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why each failed case failed."""
    needless: tuple[str, ...] = ()
    """Listed deviations that pass."""

    @property
    def ok(self) -> bool:
        """Whether every key-free case passes or deviates on purpose."""
        return not self.reasons

    def count(self, verdict: Verdict) -> int:
        """How many key-free cases have that verdict."""
        return sum(file.count(verdict) for file in self.files)


def judge(suite: Suite, outcomes: Mapping[str, Mapping[str, str]]) -> SuiteResult:
    """Compare outcomes (case → outcome, why) with what is expected. A case that was not run has failed."""
    verdicts: dict[str, Verdict] = {}
    reasons: dict[str, str] = {}
    for case in suite.key_free:
        told = outcomes.get(case) or outcomes.get(_file(case)) or {"outcome": "failed", "why": "was not run"}
        if told["outcome"] == "passed":
            verdicts[case] = "passed"
        elif case in suite.deviations:
            verdicts[case] = "deviation"
        else:
            verdicts[case] = "failed"
            reasons[case] = told["why"]
    others = {
        case: told
        for case, told in outcomes.items()
        if "::" in case and case not in verdicts and told["outcome"] != "skipped"
    }
    files = tuple(
        FileResult(
            file,
            {case: verdict for case, verdict in verdicts.items() if _file(case) == file},
            _passed_of([told for case, told in others.items() if _file(case) == file]),
        )
        for file in sorted({_file(case) for case in (*verdicts, *others)})
    )
    needless = tuple(case for case in suite.deviations if verdicts.get(case) == "passed")
    return SuiteResult(suite, files, reasons, needless)


def _file(case: str) -> str:
    return case.partition("::")[0]


def _passed_of(told: list[Mapping[str, str]]) -> tuple[int, int]:
    return sum(outcome["outcome"] == "passed" for outcome in told), len(told)


HEAD = """# Conformance

`make conformance` downloads the source distributions below from the package index into a temporary folder, points the
module names `aviary.…` and `ldp.…` at this package, and runs the tests in them, unmodified, where neither package is
installed, nothing but this machine answers, and every test draws the same random numbers each time. It writes this
page, and fails if a key-free case fails that is not listed. Key-free cases are those that pass with the originals where
there is no API key. The others ask a language model; they are run with the replies that are recorded beside the tests,
as far as our request is the recorded one.
"""


def page(results: Iterable[SuiteResult]) -> str:
    """The results as a page of the documentation."""
    return "\n".join([HEAD, *(_section(result) for result in results)])


def _section(result: SuiteResult) -> str:
    suite = result.suite
    lines = [f"## {suite.distribution} {suite.version}", "", *table(result), ""]
    if suite.deviations:
        lines += ["Deviations:", ""]
        lines += [f"- `{case.removeprefix('tests/')}`: {reason}" for case, reason in suite.deviations.items()] + [""]
    if suite.not_offered:
        lines += ["Not run:", ""]
        lines += [f"- `{file.removeprefix('tests/')}`: {reason}" for file, reason in suite.not_offered.items()] + [""]
    if result.reasons:
        lines += ["Failed:", "", *(f"- `{case.removeprefix('tests/')}`" for case in result.reasons), ""]
    return "\n".join(lines)


def table(result: SuiteResult) -> list[str]:
    """A Markdown table, a line for each file and one for all."""
    rows = [("file", "key-free cases", "passed", "deviations", "failed", "with recorded replies")]
    rows += [_row(file.file.removeprefix("tests/"), file) for file in result.files]
    passed, asked = (sum(column) for column in zip(*(file.with_keys for file in result.files), strict=True))
    counts = [result.count(verdict) for verdict in ("passed", "deviation", "failed")]
    rows.append(("all", *map(str, (sum(counts), *counts)), f"{passed} of {asked}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *body = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return [head, "|" + "|".join("-" * (width + 2) for width in widths) + "|", *body]


def _row(name: str, file: FileResult) -> tuple[str, ...]:
    counts = [file.count(verdict) for verdict in ("passed", "deviation", "failed")]
    passed, asked = file.with_keys
    return (name, *map(str, (sum(counts), *counts)), f"{passed} of {asked}" if asked else "")
