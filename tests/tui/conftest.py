"""Settings of a test belong to the test, and nothing on a screen moves by itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # read once, when Textual is imported
os.environ.pop("NO_COLOR", None)


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDP_TUI_CONFIG", str(tmp_path / "preferences.toml"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setenv("LDP_TUI_LOG", str(tmp_path / "app.log"))
