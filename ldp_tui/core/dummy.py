"""A tiny tool environment for documentation and tests: write a story, or cast numbers first."""

from __future__ import annotations

import random
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from ldp_tui.core.environment import Environment, Frame
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolRequestMessage, copy_message
from ldp_tui.core.tools import Tool


class DummyEnvState(BaseModel):
    """Everything said so far, and how the newest step went."""

    messages: Messages = Field(default_factory=list)
    reward: float = 0
    done: bool = False


class DummyEnv(Environment[DummyEnvState]):
    """Asks for a five-word story; `print_story` earns 1 and, with `end_immediately`, ends the episode."""

    State: ClassVar = DummyEnvState

    def __init__(
        self, task: str | None = None, end_immediately: bool = True, concurrent_tool_calls: bool = True
    ) -> None:
        self.task = task
        self.end_immediately = end_immediately
        self.concurrent_tool_calls = concurrent_tool_calls
        self.state = DummyEnvState()
        self.tools = []
        self._random = random.Random()

    @classmethod
    def from_task(cls, task: str) -> DummyEnv:
        """Environment whose first message is `task`."""
        return cls(task=task)

    async def get_id(self) -> str:
        """The task that was given.

        Raises:
            NotImplementedError: If none was.
        """
        if self.task is None:
            raise NotImplementedError("No task (to reuse as an ID) was configured.")
        return self.task

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Ask for a story; the seed sets the numbers of `get_random_int`."""
        self._random = random.Random(seed)
        content = "Write a 5 word story via print_story"
        if self.task:
            content += f" about {self.task}"
        self.state = type(self).State(messages=[Message(content=content)])
        functions = (self.print_story, self.cast_float, self.cast_int, self.get_random_int)
        self.tools = [Tool.from_function(function, allow_empty_param_descriptions=True) for function in functions]
        return [copy_message(message) for message in self.state.messages], list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Run the tools; the reward counts this step alone."""
        self.state.reward = 0
        if not isinstance(action, ToolRequestMessage) or not action.tool_calls:
            return self.default_no_tool_calls_response
        answers: Messages = [
            *await self.exec_tool_calls(action, state=self.state, concurrency=self.concurrent_tool_calls)
        ]
        self.state.messages.extend(copy_message(message) for message in answers)
        return answers, self.state.reward, self.state.done, False

    def print_story(self, story: str, state: DummyEnvState) -> None:
        """Print a story.

        Args:
            story: Story to print.
            state: Environment state.
        """
        state.reward = 1
        state.done = self.end_immediately

    def cast_float(self, x: str) -> float:
        """Cast the input argument x to a float."""
        return float(x)

    def cast_int(self, x: float) -> int:
        """Cast the input argument x to an integer."""
        return int(x)

    def get_random_int(self) -> int:
        """Get a random integer in 1 to 10."""
        return self._random.randint(1, 10)

    def export_frame(self) -> Frame:
        """The messages so far."""
        return Frame(
            state={"messages": [message.content for message in self.state.messages]},
            info={
                "tool_names": [tool.info.name for tool in self.tools],
                "done": self.state.done,
                "reward": self.state.reward,
            },
        )

    def success(self) -> bool | None:
        """Whether a story was printed."""
        return self.state.done
