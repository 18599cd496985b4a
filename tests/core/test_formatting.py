"""Texts with names in braces."""

from __future__ import annotations

from typing import Any

import pytest

from ldp_tui.core.formatting import partial_format


@pytest.mark.parametrize(
    ("value", "formats", "expected"),
    [
        ("Hi {name}", {"name": "Ada"}, "Hi Ada"),
        ("{first} {last}", {"first": "Ada"}, "Ada {last}"),
        ("{n:03d}, {x!r}, {y:.1f}", {"n": 7, "x": "a"}, "007, 'a', {y:.1f}"),
        ("{{literal}} {n}", {"n": 1}, "{literal} 1"),
        ('JSON: {"a": {"b": 1}}, {year}', {"year": 2024}, 'JSON: {"a": {"b": 1}}, 2024'),
        ("unbalanced { and {year}", {"year": 2024}, "unbalanced { and 2024"),
        ("{} {0} {a.b}", {"a": 1}, "{} {0} {a.b}"),
        ("{name}", {"name": "{other}", "other": 1}, "{other}"),
        ("", {"a": 1}, ""),
    ],
)
def test_partial_format(value: str, formats: dict[str, Any], expected: str) -> None:
    """What is given is filled in; other names, and braces of texts that are no format strings, stay."""
    assert partial_format(value, **formats) == expected
