"""Whatever a row holds, recording and reading it again gives it back, and its hash chain verifies."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ldp_tui.store.connect import connect_writer
from ldp_tui.store.pictures import PictureEncoder
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import AddStep, EndEpisode, MessageRow, Operation, StepRow
from ldp_tui.store.secrets import Redactor
from ldp_tui.store.verify import verify
from ldp_tui.store.writer import Writer

from .recording import begin, database

valid_text = st.text(st.characters(codec="utf-8"))
any_text = st.text(st.characters(exclude_categories=()))


def positive_zero(number: float) -> float:
    """SQLite has no negative zero."""
    return number + 0.0


whole = st.integers(-(2**63), 2**63 - 1)
messages = st.builds(
    MessageRow,
    st.sampled_from(["user", "assistant", "tool"]),
    st.sampled_from(["text", "request", "tool_call", "tool_result", "reflection"]),
    st.none() | valid_text,
    st.none() | valid_text,
    st.none() | any_text,
    st.none() | valid_text,
)
pictures = st.none() | st.binary(min_size=12, max_size=12).map(lambda rgb: PictureEncoder().encode(2, 2, rgb))
rows = st.builds(
    StepRow,
    t=st.just(0),
    action=st.none() | valid_text,
    reward=st.none() | st.floats().map(positive_zero),
    flags=st.integers(0, 31),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False).map(positive_zero),
    tokens_in=st.none() | st.integers(0, 2**40),
    tokens_out=st.none() | st.integers(0, 2**40),
    cost_usd=st.none() | st.floats(0, 1e6).map(positive_zero),
    dt_us=st.none() | whole,
    picture=pictures,
    obs=st.none() | st.binary(max_size=3000),
    info=st.none() | valid_text,
    messages=st.lists(messages, max_size=4).map(tuple),
)
numbers = itertools.count()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for all examples."""
    return database(tmp_path_factory.mktemp("round_trip"))


@pytest.fixture(scope="module")
def writer(path: Path) -> Iterator[Writer]:
    """Writes it."""
    with connect_writer(path) as opened:
        yield opened


@given(
    st.lists(rows, min_size=1, max_size=5),
    st.sampled_from(["done", "truncated", "failed", "aborted"]),
    st.none() | st.booleans(),
    st.none() | valid_text,
    st.none() | valid_text,
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_episode_comes_back_as_it_was(
    path: Path, writer: Writer, given_rows, status, success, detail, seed
) -> None:
    """The operations that `Reader.operations` gives are those that were submitted."""
    uid = f"example-{next(numbers)}"
    if any(Redactor().text(text) != text for row in given_rows for text in texts(row)):
        return
    steps = [
        StepRow(t, *(getattr(row, name) for name in StepRow.__slots__[1:]))  # type: ignore[attr-defined]
        for t, row in enumerate(given_rows)
    ]
    submitted: list[Operation] = [begin(uid, steps[0], seed=seed)]
    submitted += [AddStep(uid, step) for step in steps[1:]]
    submitted.append(EndEpisode(uid, status, 5, success, 7, detail))
    for operation in submitted:
        ticket = writer.submit(operation)
    writer.wait(ticket, timeout=60)
    with Reader(path) as reader:
        told = list(reader.operations(uid))
    assert repr(told) == repr(submitted)  # NaN equals itself only as text
    assert verify(path, [uid]).problems == ()


def texts(row: StepRow) -> list[str]:
    parts = [row.action, row.info]
    for message in row.messages:
        parts += [message.name, message.call_id, message.content, message.extra]
    return [part for part in parts if part is not None]
