"""A model server on the loopback interface that answers in OpenAI's shape, from a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKENS = (("a", -0.5), ("b", -0.25))
"""The tokens of every reply, with their log-probabilities."""
Reply = str | tuple[str, dict[str, Any]]
"""Text, or a tool call."""


@dataclass
class ChatServer:
    """Answers the i-th request with the i-th reply, beginning again behind the last; keeps what it was asked."""

    replies: Sequence[Reply]
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        number = len(self.asked)
        self.asked.append(body)
        reply = self.replies[number % len(self.replies)]
        message: dict[str, Any] = {"role": "assistant", "content": reply if isinstance(reply, str) else None}
        if not isinstance(reply, str):
            function = {"name": reply[0], "arguments": json.dumps(reply[1])}
            message["tool_calls"] = [{"id": f"call_{number}", "type": "function", "function": function}]
        logprobs = [{"token": token, "logprob": p, "bytes": None, "top_logprobs": []} for token, p in TOKENS]
        return {
            "id": f"chat-{number}",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": message, "logprobs": {"content": logprobs}}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
        }


@contextmanager
def chat_server(*replies: Reply) -> Iterator[ChatServer]:
    """A running server; `url` is what is given as `api_base`."""
    served = ChatServer(replies)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            data = json.dumps(served.answer(body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
