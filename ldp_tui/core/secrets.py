"""Secrets are taken out of text before it leaves the process: known key shapes, values of this process's secret
environment variables, and keys that it has read from elsewhere (`learn_secret`).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Final, Self, TypeVar

_Text = TypeVar("_Text", str, str | None)

_FAMILIES: Final = (
    ("sk", re.compile(r"sk-[A-Za-z0-9_-]{20,}")),
    ("github", re.compile(r"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})")),
    ("aws", re.compile(r"A(?:KIA|SIA)[0-9A-Z]{16}")),
    ("google", re.compile(r"AIza[0-9A-Za-z_-]{35}")),
    ("slack", re.compile(r"xox[a-z]-[0-9A-Za-z-]{10,}")),
    ("huggingface", re.compile(r"hf_[A-Za-z0-9]{20,}")),
    ("bearer", re.compile(r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*")),
    (
        "private-key",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    ),
)
_AFTER_WORD = re.compile(r"[A-Za-z0-9]")
# One literal prefix and a set: these scan as fast as a single `in`, in place of several.
_LIKE_GITHUB = re.compile(rb"gh[pousr]_")
_LIKE_CLOUD = re.compile(rb"A[KSI][Iz]")
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
_SHORTEST_VALUE: Final = 8


_learnt: set[str] = set()
"""Keys that no environment variable of a telling name holds. A process reads a few, and must never tell them."""


def learn_secret(value: str) -> None:
    """Keep `value` out of everything that this process writes from now on, by redactors made earlier too."""
    if len(value) >= _SHORTEST_VALUE:
        _learnt.add(value)


class TextRedactor:
    """Replaces secrets by `[redacted:<family>]`. `values` are exact secrets besides the known shapes."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._given = frozenset(values)
        self._spell()

    def _spell(self) -> None:
        """List the forms in which the values may occur."""
        self._known = len(_learnt)
        distinct = {value for value in self._given | _learnt if len(value) >= _SHORTEST_VALUE}
        spelled = {form for value in distinct for form in (value, _in_json(value), _in_json(_in_json(value)))}
        self._values = sorted(spelled, key=len, reverse=True)
        self._needles = [value.encode("utf-8", "surrogatepass") for value in self._values]

    @classmethod
    def of_environment(cls, environ: Mapping[str, str]) -> Self:
        """Knows the values of variables named like *KEY*, *TOKEN*, *SECRET* or *PASSWORD* (8 characters or more)."""
        return cls(value for name, value in environ.items() if _SECRET_NAME.search(name))

    def suspects(self, payload: bytes) -> bool:
        """Whether `payload` (UTF-8) may hold a secret; cheap, and never wrong when it says no."""
        if self._known != len(_learnt):
            self._spell()
        return (
            (
                b"_" in payload
                and (b"hf_" in payload or b"github_pat_" in payload or _LIKE_GITHUB.search(payload) is not None)
            )
            or (b"-" in payload and (b"sk-" in payload or b"xox" in payload or b"PRIVATE KEY" in payload))
            or b"earer " in payload
            or _LIKE_CLOUD.search(payload) is not None
            or (bool(self._needles) and any(needle in payload for needle in self._needles))
        )

    def text(self, text: _Text) -> _Text:
        """`text` without secrets; the same object when there were none."""
        if text is None or not self.suspects(text.encode("utf-8", "surrogatepass")):
            return text
        clean: str = text
        for value in self._values:
            if value in clean:
                clean = clean.replace(value, "[redacted:environment]")
        for family, pattern in _FAMILIES:
            clean = pattern.sub(functools.partial(_replacement, family), clean)
        return text if clean == text else clean


def _in_json(value: str) -> str:
    return json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=False)[1:-1]


def _replacement(family: str, match: re.Match[str]) -> str:
    start = match.start()
    if family != "bearer" and start and _AFTER_WORD.match(match.string[start - 1]):
        # `task-` and `disk-` end like a key begins; a key never continues a word — except behind a JSON escape.
        escaped = start >= 2 and match.string[start - 2] == "\\" and match.string[start - 1] in "nrtbf"
        if not escaped:
            return match.group()
    return f"[redacted:{family}]"
