"""Aviary's `CounterEnv`: an environment as a class, with a state of its own.

ldp-tui play examples/ldp/counter_environment.py --agent random --plain
python examples/ldp/counter_environment.py
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from ldp_tui import Environment, Frame, Message, Messages, Tool, ToolCall, ToolRequestMessage


@dataclass
class CounterState:
    """Everything that changes from step to step."""

    count: int
    reward: float = 0.0
    done: bool = False


class CounterEnv(Environment[CounterState]):
    """Count from a number up to ten."""

    def __init__(self, start: int = 0) -> None:
        self.start = start

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """The first observation and the tools."""
        self.state = CounterState(count=self.start)
        self.tools = [Tool.from_function(self.incr), Tool.from_function(self.decr)]
        return [Message(content=f"Count to 10. counter={self.start}")], self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Run the tools; the reward is that of this step."""
        if not isinstance(action, ToolRequestMessage) or not action.tool_calls:
            return self.default_no_tool_calls_response
        self.state.reward = 0.0
        answers = await self.exec_tool_calls(action, state=self.state)
        return [*answers], self.state.reward, self.state.done, False

    def incr(self, state: CounterState) -> str:
        """Increment the counter."""
        state.count += 1
        state.reward, state.done = float(state.count == 10), state.count >= 10
        return f"counter={state.count}"

    def decr(self, state: CounterState) -> str:
        """Decrement the counter."""
        state.count -= 1
        return f"counter={state.count}"

    def export_frame(self) -> Frame:
        """What a viewer shows."""
        return Frame(state={"count": self.state.count}, info={"start": self.start})


def make(start: int = 0) -> CounterEnv:
    """What the command line calls."""
    return CounterEnv(start)


async def main() -> None:
    """Count the last three."""
    env = CounterEnv(start=7)
    await env.reset()
    reward, done = 0.0, False
    while not done:
        obs, reward, done, _ = await env.step(ToolRequestMessage(tool_calls=[ToolCall.from_name("incr")]))
        print(obs[0].content, reward, done, env.export_frame().state)


if __name__ == "__main__":
    asyncio.run(main())
