"""The reflection of a reply that is still coming."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldp_tui.models.reflection_stream import ReflectionStream


def heard(pieces: list[str]) -> str:
    stream = ReflectionStream()
    return "".join(stream.feed(piece) for piece in pieces)


def cut(text: str, places: list[int]) -> list[str]:
    """The text in pieces, cut at these places."""
    at = sorted({place % (len(text) + 1) for place in places})
    return [text[start:stop] for start, stop in zip([0, *at], [*at, len(text)], strict=True)]


@given(reflection=st.text(max_size=60), places=st.lists(st.integers(0, 500), max_size=20), ascii_only=st.booleans())
def test_a_reply_as_asked_for(reflection: str, places: list[int], ascii_only: bool) -> None:
    """However a JSON reply is cut into pieces, what is heard is its reflection, escapes undone."""
    whole = json.dumps({"reflection": reflection, "action": "hit"}, ensure_ascii=ascii_only)
    assert heard(cut(whole, places)) == reflection


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I think it over.", "I think it over."),
        ('Well: {"reflection": "x", "action": 1} Done.', "Well: x"),
        ('```json\n{"action": 1, "reflection": "late"}\n```', "late"),
        ('  \n{"action": 1}', ""),
        ('{"thought": "cut of', "cut of"),
        ('{"reflection": "bad \\q \\u12', "bad q "),
        ('{"reflection": "lone \\ud83d surrogate"}', "lone \ud83d surrogate"),
    ],
)
def test_replies_of_other_forms(text: str, said: str) -> None:
    """Prose is heard up to a brace or a fence; of JSON the reflection, wherever it stands, as far as it came."""
    assert heard([text]) == said
    assert heard(list(text)) == said


@given(text=st.text(alphabet='{}":,\\u0129adrefltion`\n ', max_size=200), places=st.lists(st.integers(0, 200)))
def test_hostile_text(text: str, places: list[int]) -> None:
    """Nothing is raised, and no more is heard than was said."""
    assert len(heard(cut(text, places))) <= len(text)


@pytest.mark.parametrize("unit", ["{", '{"reflection": "', '{"reflection": "\\u', "\\", " ", "`", "x" * 50])
def test_long_replies_in_small_pieces(unit: str) -> None:
    """A megabyte in pieces of a hundred characters is no more work than its length: little is held back."""
    stream = ReflectionStream()
    for _ in range(10_000):
        stream.feed((unit * 100)[:100])
    assert len(stream._held) < 5_000
