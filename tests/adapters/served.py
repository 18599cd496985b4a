"""Environments for servers, and what tests do with them over a loopback connection."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from ldp_tui import Environment, Frame, Message, Messages, Picture, TaskDataset, Tool, ToolRequestMessage
from ldp_tui.core.tool_calls import ToolCall
from ldp_tui.web.connections import Connections


class Counter(Environment[None]):
    """Counts up to `goal`. It can also fail, wait for ever, and refuse to close; events tell what it went through."""

    def __init__(self, goal: int = 3) -> None:
        self.goal, self.count, self.seed = goal, 0, -1
        self.options: dict[str, Any] | None = None
        self.tools = []
        self.actions: list[Message] = []
        self.resets = 0
        self.waiting, self.cancelled, self.closed = threading.Event(), threading.Event(), threading.Event()
        self.may_close = threading.Event()
        self.may_close.set()

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        self.count, self.seed, self.options = 0, seed or 0, options
        self.resets += 1
        if options == {"fail": True}:
            raise ValueError("no such option")
        self.tools = [Tool.from_function(each) for each in (self.add, self.fail, self.wait)]
        return [Message(content=f"Count from {self.seed}.", info={"seed": self.seed})], self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        self.actions.append(action)
        if not isinstance(action, ToolRequestMessage):
            return self.default_no_tool_calls_response
        answers: Messages = [*await self.exec_tool_calls(action)]
        done = self.count >= self.goal
        return answers, 1.0 if done else float("nan") if self.count < 0 else 0.25, done, False

    async def close(self) -> None:
        if not self.may_close.is_set():
            await happened(self.may_close)
        self.closed.set()

    def add(self, n: int = 1) -> str:
        """Add to the count.

        Args:
            n: How much.
        """
        self.count += n
        return f"{self.count}"

    def fail(self, text: str) -> str:
        """Fail.

        Args:
            text: What to say.
        """
        raise RuntimeError(text)

    async def wait(self) -> str:
        """Wait for ever."""
        self.waiting.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "never"

    async def get_id(self) -> str:
        return f"count to {self.goal}"

    def export_frame(self) -> Frame:
        return Frame(state={"count": self.count})

    def render(self) -> Picture:
        return Picture(2, 1, bytes([self.count % 256, 0, 0, 0, 0, 255]))

    def info(self) -> dict[str, Any]:
        return {"count": self.count, "options": self.options}

    def legal_actions(self) -> list[dict[str, Any]]:
        return [{"name": "add", "arguments": {"n": n}} for n in range(1, self.goal - self.count + 1)]

    def success(self) -> bool:
        return self.count >= self.goal


class Counters(TaskDataset[Counter]):
    """Four tasks by number (count to idx + 1), any by arguments, and no end of others; keeps what it made."""

    def __init__(self) -> None:
        self.made: list[Counter] = []

    def __len__(self) -> int:
        return 4

    def get_new_env_by_idx(self, idx: int) -> Counter:
        if not 0 <= idx < 4:
            raise IndexError(f"There is no task {idx}.")
        return self._made(Counter(idx + 1))

    def get_new_env_by_args(self, *, goal: int) -> Counter:  # type: ignore[override]
        return self._made(Counter(goal))

    def get_new_env(self) -> Counter:
        return self._made(Counter())

    def _made(self, env: Counter) -> Counter:
        self.made.append(env)
        return env


class Asking:
    """Sends JSON to a server as a foreign client would."""

    def __init__(self, url: str, connections: Connections) -> None:
        self.url, self._connections = url, connections

    async def __call__(self, path: str, **json: Any) -> Any:
        return await self._connections.post(self.url + path, json)

    async def started(self, **task: Any) -> str:
        """Id of an environment that was started and reset."""
        env_id = (await self("/start", **task))["env_id"]
        await self("/reset", env_id=env_id)
        return str(env_id)


@contextlib.asynccontextmanager
async def asking(url: str, **headers: str) -> AsyncIterator[Asking]:
    """Something that asks the server at `url`."""
    connections = Connections(timeout=20, headers=headers)
    try:
        yield Asking(url, connections)
    finally:
        await connections.aclose()


def call(name: str, **arguments: Any) -> ToolRequestMessage:
    """A message with one tool call."""
    return ToolRequestMessage(tool_calls=[ToolCall.from_name(name, **arguments)])


def sent(name: str, **arguments: Any) -> dict[str, Any]:
    """The same as JSON."""
    return call(name, **arguments).model_dump(mode="json")


async def happened(event: threading.Event) -> bool:
    """Whether it happens soon, while this event loop goes on."""
    return await asyncio.to_thread(event.wait, 10)


@contextlib.contextmanager
def serving_dataset(dataset: TaskDataset[Any], **options: Any) -> Iterator[str]:
    """URL of a server of `dataset` in a thread of its own."""
    from ldp_tui.adapters.serving.dataset_server import TaskDatasetServer
    from ldp_tui.web.running import serving

    with serving(TaskDatasetServer(dataset, **options).app) as url:
        yield url + options.get("prefix", "")
