"""No secret reaches the disk: key shapes and values of secret environment variables, wherever they occur."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldp_tui.store.connect import connect_writer
from ldp_tui.store.rows import AddStep, AgentRow, EndEpisode
from ldp_tui.store.secrets import Redactor
from ldp_tui.store.verify import verify

from .recording import ENV, begin, database, message, row

SHAPES = {
    "openai": "sk-proj-" + "Ab1_" * 8,
    "github": "ghp_" + "a1B2" * 9,
    "github-fine": "github_pat_" + "a1B2" * 9,
    "aws": "AKIA" + "ABCD1234" * 2,
    "google": "AIza" + "a1B2c" * 7,
    "slack": "xoxb-" + "1234567890-abc",
    "huggingface": "hf_" + "aB1c" * 8,
    "bearer": "Bearer " + "abc.def-123_" * 3,
    "private-key": "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
}


@pytest.mark.parametrize("secret", SHAPES.values(), ids=SHAPES.keys())
def test_key_shape_is_redacted_within_text_and_json(secret: str) -> None:
    """The secret part is gone, what is around it stays."""
    redactor = Redactor()
    for text in (f"use {secret} now", f'{{"key":"{secret}","n":1}}', f"first line\\n{secret}"):
        clean = redactor.text(text)
        assert secret.removeprefix("Bearer ") not in clean
        assert "[redacted:" in clean
        assert clean.startswith(text[:4])


@pytest.mark.parametrize(
    "text", ["task-specific-and-more-than-twenty", "a disk-1234567890123456789012", "ASIA", "the bearer came", "x_hf_y"]
)
def test_ordinary_words_stay(text: str) -> None:
    """What only resembles a key is the same object afterwards."""
    assert Redactor().text(text) is text


@given(st.text(st.characters(exclude_categories=()), min_size=8))
def test_values_of_secret_variables_are_redacted(value: str) -> None:
    """Whatever the value is, it does not survive in text."""
    redactor = Redactor.of_environment({"MY_API_KEY": value, "HOME": "/home/somebody"})
    assert value not in redactor.text(f"before {value} after")
    assert redactor.text("/home/somebody") == "/home/somebody"


def test_short_values_are_not_taken_for_secrets() -> None:
    """A variable such as USE_TOKEN=1 must not blank out every 1."""
    assert Redactor.of_environment({"USE_TOKEN": "1", "KEY": "true"}).text("1 true") == "1 true"


def test_no_secret_is_on_disk_after_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Canaries in every field that a recording has are in neither the database nor its log, and the chain verifies."""
    hidden = 'pa"ss\\word-of-the-day'
    monkeypatch.setenv("LDP_TEST_PASSWORD", hidden)
    canaries = [*SHAPES.values(), hidden]
    text = " | ".join(canaries)
    path = database(tmp_path)
    quoted = json.dumps({"secret": hidden})
    step = replace(
        row(1, text, text + "\ud800", obs=f'["{text}"]'.encode(), info=quoted),
        action=text,
        messages=(replace(message(text), name=text, call_id=text, extra=quoted),),
    )
    writer = connect_writer(path)
    writer.submit(
        begin(
            "a",
            env=replace(ENV, spec=text, tools=text),
            agent=AgentRow("x", "llm", text, text, text),
            task_id=text,
            options=text,
            first=row(0, text),
        )
    )
    writer.submit(AddStep("a", step))
    writer.wait(writer.submit(EndEpisode("a", "failed", 1, detail=text)), timeout=30)
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    writer.close()
    written += b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for canary in canaries:
        needle = canary.removeprefix("Bearer ").removeprefix("-----BEGIN RSA PRIVATE KEY-----").encode()
        assert needle not in written, canary
    assert verify(path).ok
