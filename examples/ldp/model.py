"""Which model the examples of this folder ask: the one named in $MODEL, else a scripted one on this machine.

    MODEL=openai/gpt-5-mini python examples/ldp/dummy_loop.py
    MODEL=ollama/llama3.1 python examples/ldp/dummy_loop.py

A scripted model is a real server on this machine that speaks OpenAI's protocol, and whose replies are known.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ldp_tui.testing.model_server import ModelServer


@contextmanager
def a_model(script: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Configuration of a model; `script` is what the scripted one replies, in order."""
    if name := os.environ.get("MODEL"):
        yield {"name": name, "temperature": 0.1}
        return
    with ModelServer(list(script)) as server:
        yield {"name": "openai/scripted", "base_url": server.base_url}
