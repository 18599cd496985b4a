"""Frames written as files."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.environment import Frame
from ldp_tui.core.errors import UsageError
from ldp_tui.core.rendering import Renderer


def read(folder: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}


async def test_files(tmp_path: Path) -> None:
    """Each frame is a file that names its neighbours, and a manifest names both ends."""
    env = DummyEnv(task="apples")
    await env.reset()
    renderer = Renderer(id="1", prefix="test", name="Played")
    for frame in (env.export_frame(), Frame(state={"numbers": np.arange(2)}, info=[1]), Frame()):
        renderer.append(frame)
    assert renderer.frames[-1] == Frame()
    renderer.build(tmp_path / "new" / "folder")
    assert read(tmp_path / "new" / "folder") == {
        "test_1_0.json": {
            "state": {"messages": ["Write a 5 word story via print_story about apples"]},
            "info": {"tool_names": [tool.info.name for tool in env.tools], "done": False, "reward": 0},
            "index": 1,
            "prev_frame": None,
            "next_frame": "test_1_1.json",
        },
        "test_1_1.json": {
            "state": {"numbers": [0, 1]},
            "info": [1],
            "index": 2,
            "prev_frame": "test_1_0.json",
            "next_frame": "test_1_2.json",
        },
        "test_1_2.json": {"state": None, "info": None, "index": 3, "prev_frame": "test_1_1.json", "next_frame": None},
        "test_info_1.json": {"name": "Played", "first": "test_1_0.json", "last": "test_1_2.json"},
    }


def test_identifier_and_prefix() -> None:
    """Sixteen hexadecimal digits of its own; the prefix is letters and digits."""
    first, second = Renderer(prefix="a"), Renderer(prefix="a")
    assert first.id != second.id
    assert len(str(first.id)) == 16
    assert first.frames is not second.frames
    with pytest.raises(ValidationError, match="alphanumeric"):
        Renderer(prefix="a_b")


def test_no_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is written, and the log says so."""
    Renderer(prefix="a").build(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
    assert "No frames" in caplog.text


def test_further_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They are copied along; one that is missing is told in the log."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"png")
    Renderer(prefix="a", frames=[Frame(state=1)]).build(tmp_path / "out", extra_files=[picture, tmp_path / "nowhere"])
    assert (tmp_path / "out" / "picture.png").read_bytes() == b"png"
    assert "nowhere" in caplog.text


def test_upload_without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything is written."""
    for name in ("CF_ACCOUNT_ID", "CF_ACCESS_KEY_ID", "CF_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="credentials unset: CF_ACCOUNT_ID"):
        Renderer(prefix="a", frames=[Frame()]).build(tmp_path / "out", r2_bucket="b")
    assert not (tmp_path / "out").exists()


class Bucket(BaseHTTPRequestHandler):
    """Takes every file that is put, and notes its path and size."""

    put: ClassVar[dict[str, int]] = {}

    def do_PUT(self) -> None:
        length = self.headers.get("X-Amz-Decoded-Content-Length") or self.headers["Content-Length"]
        self.put[self.path] = int(length)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def test_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is put into the bucket under its name."""
    pytest.importorskip("boto3")
    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in ("CF_ACCOUNT_ID", "CF_ACCESS_KEY_ID", "CF_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "x")
        monkeypatch.setenv("CF_R2_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        Renderer(id="1", prefix="a", frames=[Frame(state=1)]).build(tmp_path, r2_bucket="frames")
        server.shutdown()
    assert Bucket.put == {f"/frames/{path.name}": path.stat().st_size for path in tmp_path.glob("*.json")}


def test_upload_without_boto3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the command that installs it."""
    try:
        import boto3  # noqa: F401
    except ImportError:
        pass
    else:
        pytest.skip("boto3 is installed")
    for name in ("CF_ACCOUNT_ID", "CF_ACCESS_KEY_ID", "CF_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with pytest.raises(UsageError, match="pip install boto3"):
        Renderer(prefix="a", frames=[Frame()]).build(tmp_path / "out", r2_bucket="b")
