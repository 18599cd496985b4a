"""A small world for searches: add digits, and an agent that tries another one each time it is asked."""

from __future__ import annotations

from typing import Any

from ldp_tui.core.agent import Agent, PlainAction
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool


class Digits(Environment[list[int]]):
    """Choose digits; a step earns its digit, a digit 9 fails, the task is done at `end` digits.

    `made` counts all environments of a family and `closed` those that were closed. `closures` makes the tool a function
    of its own, which deepcopy does not copy.
    """

    def __init__(self, end: int = 3, *, closures: bool = False, family: dict[str, int] | None = None) -> None:
        self.end, self.closures = end, closures
        self.state: list[int] = []
        self.seed: int | None = None
        self.family = {"made": 0, "closed": 0} if family is None else family
        self.family["made"] += 1

    def __deepcopy__(self, memo: dict[int, Any]) -> Digits:
        import copy

        made = Digits(self.end, closures=self.closures, family=self.family)
        memo[id(self)] = made
        made.state, made.seed = list(self.state), self.seed
        made.tools = copy.deepcopy(getattr(self, "tools", []), memo)
        return made

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        self.state, self.seed = [], seed
        if self.closures:

            def choose(digit: int) -> str:
                """Choose.

                Args:
                    digit: Which.
                """
                return self.choose(digit)

            self.tools = [Tool.from_function(choose)]
        else:
            self.tools = [Tool.from_function(self.choose)]
        return [Message(content="[]")], self.tools

    def choose(self, digit: int) -> str:
        """Choose.

        Args:
            digit: Which.
        """
        if digit == 9:
            raise RuntimeError("nine")
        self.state.append(digit)
        return str(self.state)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        assert isinstance(action, ToolRequestMessage)
        answers = await self.exec_tool_calls(action)
        return [*answers], float(self.state[-1]), len(self.state) >= self.end, False

    async def close(self) -> None:
        self.family["closed"] += 1


class Trying(Agent[tuple[int, ...]]):
    """At each state it chooses the next of `digits` that it has not chosen there yet. Its state is what it chose."""

    def __init__(self, *digits: int) -> None:
        self.digits = digits
        self.asked: dict[tuple[int, ...], int] = {}

    async def init_state(self, tools: list[Tool]) -> tuple[int, ...]:
        return ()

    async def get_asv(self, agent_state: tuple[int, ...], obs: list[Message]) -> tuple[Any, tuple[int, ...], float]:
        assert obs[0].content == str(list(agent_state)), "the environment stands elsewhere than the agent"
        number = self.asked[agent_state] = self.asked.get(agent_state, -1) + 1
        digit = self.digits[number % len(self.digits)]
        call = ToolCall.from_name("choose", digit=digit)
        return PlainAction(ToolRequestMessage(tool_calls=[call])), (*agent_state, digit), 0.25
