"""Environments and agents written against the real aviary and LDP, each with a habit that trips up who records them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from aviary.core import (
    Environment,
    Frame,
    Message,
    Messages,
    TaskDataset,
    Tool,
    ToolCall,
    ToolRequestMessage,
)
from ldp.agent import Agent, SimpleAgent
from ldp.graph import OpResult


class Counting(Environment[int]):
    """Counts to `n` by `go(by)`; `on` gives code that runs in the method of that name."""

    def __init__(self, n: int = 3, reward: Any = 1.0, **on: Callable[..., Any]) -> None:
        self.n, self.reward, self.on = n, reward, on
        self.steps, self.closed = 0, 0
        self.got: list[dict[str, Any]] = []

    def hook(self, name: str, *values: Any) -> Any:
        return self.on[name](self, *values) if name in self.on else None

    def go(self, by: int = 1, note: str | None = None) -> str:
        """Count on.

        Args:
            by: How far.
            note: Why.
        """
        self.hook("tool")
        self.got.append({"by": by, "note": note})
        self.state += by
        return f"counted to {self.state}"

    async def reset(self) -> tuple[Messages, list[Tool]]:
        self.state = 0
        self.tools = [Tool.from_function(self.go)]
        return self.hook("reset") or [Message(content=f"Count to {self.n}.")], self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        self.steps += 1
        if (result := self.hook("step", action)) is not None:
            return result
        if not isinstance(action, ToolRequestMessage):
            return self.default_no_tool_calls_response
        answers = await self.exec_tool_calls(action)
        return [*answers], self.reward, self.state >= self.n, False

    async def close(self) -> None:
        self.closed += 1
        result = self.hook("close")
        if result is not None:
            await result


class Aliasing(Environment[list[Message]]):
    """Hands out its own list and rewrites what it said before, and keeps an independent log of what it really said."""

    def __init__(self) -> None:
        self.log: list[list[str]] = []

    def say(self, word: str) -> str:
        """Say a word.

        Args:
            word: The word.
        """
        return f"You said {word}."

    async def reset(self) -> tuple[Messages, list[Tool]]:
        self.state = [Message(content="Say three words.", info={"left": [3]})]
        self.tools = [Tool.from_function(self.say)]
        self.log = [["Say three words."]]
        return self.state, self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        assert isinstance(action, ToolRequestMessage)
        answers = await self.exec_tool_calls(action)
        self.log.append([answer.content for answer in answers])
        for old in self.state:
            old.content = "Observation: null"
            old.info = {"left": None}
        for call in action.tool_calls:
            call.function.arguments["word"] = "forgotten"
        self.state.clear()
        self.state.extend(answers)
        return self.state, 0.0, len(self.log) > 3, False


class Saying(Environment[None]):
    """Answers with the messages it is made with, one list for each step."""

    def __init__(self, first: Messages, *later: Messages) -> None:
        self.first, self.later = first, later

    async def reset(self) -> tuple[Messages, list[Tool]]:
        self.state, self.tools, self.place = None, [], 0
        return [*self.first], self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        self.place += 1
        return [*self.later[self.place - 1]], 0.0, self.place == len(self.later), False


class Growing(Counting):
    """Gets a second tool in its first step, and another type for the first one."""

    def stop(self, reason: str) -> str:
        """Stop.

        Args:
            reason: Why.
        """
        self.n = self.state
        return "stopped"

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        result = await super().step(action)
        if len(self.tools) == 1:
            self.tools.append(Tool.from_function(self.stop))
        return result


class Dice(Environment[None]):
    """Throws with the process's own random numbers, Python's and NumPy's."""

    def throw(self) -> str:
        """Throw."""
        return f"{random.randint(1, 10**9)} {np.random.randint(10**9)}"

    async def reset(self) -> tuple[Messages, list[Tool]]:
        self.state, self.tools, self.left = None, [Tool.from_function(self.throw)], 3
        return [Message(content=f"Throw three times. {random.random()}")], self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        if not isinstance(action, ToolRequestMessage):
            return self.default_no_tool_calls_response
        self.left -= 1
        answers = await self.exec_tool_calls(action)
        return [*answers] or [Message(content="Throw.")], 0.0, self.left <= 0, False


class Seeded(Dice):
    """Takes a seed, as environments do that are written for both packages."""

    async def reset(self, *, seed: int | None = None) -> tuple[Messages, list[Tool]]:  # type: ignore[override]
        self.seed = seed
        return await super().reset()


class Nameless(Counting):
    """Has neither an identifier nor a frame, and says so in the way it is given."""

    def __init__(self, error: type[Exception]) -> None:
        super().__init__()
        self.error = error

    async def get_id(self) -> str:
        raise self.error("no name")

    def export_frame(self) -> Frame:
        raise self.error("no frame")


class Waiting(Environment[None]):
    """Its synchronous tool waits for `release`; `timeout` is how long aviary waits for the tool."""

    def __init__(self, timeout: float | None = None) -> None:
        self.timeout = timeout
        self.begun, self.release = threading.Event(), threading.Event()

    def wait(self) -> str:
        """Wait."""
        self.begun.set()
        self.release.wait(30)
        return "done"

    async def reset(self) -> tuple[Messages, list[Tool]]:
        self.state, self.tools = None, [Tool.from_function(self.wait)]
        return [Message(content="Wait.")], self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        assert isinstance(action, ToolRequestMessage)
        answers = await self.exec_tool_calls(action, exec_timeout=self.timeout)
        return [*answers], 0.0, False, False


class Tasks(TaskDataset[Counting]):
    """Task i counts to i + 1; keeps its environments. Making one may wait."""

    def __init__(
        self, size: int = 3, begun: threading.Event | None = None, wait: threading.Event | None = None
    ) -> None:
        self.size, self.begun, self.wait = size, begun, wait
        self.made: list[Counting] = []

    def __len__(self) -> int:
        return self.size

    def get_new_env_by_idx(self, idx: int) -> Counting:
        if self.begun is not None and self.wait is not None:
            self.begun.set()
            assert self.wait.wait(2)
        if not 0 <= idx < self.size:
            raise IndexError(idx)
        self.made.append(Counting(idx + 1))
        return self.made[-1]


class Endless(TaskDataset[Counting]):
    """Each task counts one further than the last."""

    def __init__(self) -> None:
        self.made = 0

    def get_new_env(self) -> Counting:
        self.made += 1
        return Counting(self.made)


class Talkative(Tasks):
    """Prints, and shows a progress bar, while it is made."""

    def __init__(self) -> None:
        import sys

        from tqdm import tqdm

        super().__init__()
        sys.stdout.write("\x1b[1;31mProvider List: https://example.org\x1b[0m\n")
        with tqdm(total=3) as bar:
            while bar.n < 3:  # an endless loop where bars are disabled
                bar.update(1)


class Going(Agent[int]):
    """Calls `go` each turn, by an action that LDP wraps in an op of its own; `on` changes what it does."""

    def __init__(self, tool: str = "go", **arguments: Any) -> None:
        self.tool, self.arguments = tool, arguments
        self.seen: list[list[Message]] = []

    async def init_state(self, tools: list[Tool]) -> int:
        self.tools = tools
        return 0

    async def get_asv(self, agent_state: int, obs: list[Message]) -> tuple[OpResult[Message], int, float]:
        self.seen.append(obs)
        return await self.wrap_action(self.choose(agent_state, obs)), agent_state + 1, 0.5

    def choose(self, turn: int, obs: list[Message]) -> Message:
        return ToolRequestMessage(tool_calls=[ToolCall.from_name(self.tool, id="call_1", **self.arguments)])


class Spoiling(Going):
    """Rewrites what it was given, as LDP's ReAct agent does."""

    def choose(self, turn: int, obs: list[Message]) -> Message:
        for message in obs:
            message.prepend_text("Observation:", delim=" ")
        return super().choose(turn, obs)


class Patient(SimpleAgent):
    """A model's agent with a parameter of its own."""

    def __init__(self, patience: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self._patience = patience
