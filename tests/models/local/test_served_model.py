"""`transformers serve` with the bundled model as a real second server, spoken to in OpenAI's protocol."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import aclosing
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from ldp_tui.engine.campaign import Campaign, play_episodes
from ldp_tui.models.tiny.model import BUNDLED
from ldp_tui.registry import make_agent, make_environment

SERVING = all(find_spec(package) for package in ("fastapi", "uvicorn", "openai", "pydantic"))


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """The server, on this machine alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(BUNDLED)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "NO_PROXY": "127.0.0.1"}
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True, env=quiet) as server:
        assert server.stderr is not None
        said = []
        for line in server.stderr:
            said.append(line)
            if "startup complete" in line:
                break
        else:
            pytest.fail("the server did not start: " + "".join(said[-5:]))
        threading.Thread(target=server.stderr.read, daemon=True).start()
        yield f"http://127.0.0.1:{port}/v1"
        server.terminate()


@pytest.mark.slow
@pytest.mark.skipif(not SERVING, reason="transformers' serving extra is not installed")
async def test_twenty_episodes(base_url: str) -> None:
    """The model behind HTTP finds the way over the ice, every time."""
    player = f"reflect:openai/{BUNDLED},base_url={base_url},history=0,show=start,temperature=0,max_tokens=64"
    campaign = Campaign(
        partial(make_environment, "FrozenLake-v1,is_slippery=false"), partial(make_agent, player), concurrency=4
    )
    async with aclosing(play_episodes(campaign, range(20))) as results:
        found = [result async for result in results]
    assert [(result.return_, result.detail) for result in found] == [(1.0, None)] * 20
