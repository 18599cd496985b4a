"""An environment of one's own: find a number by asking.

Play it yourself:      ldp-tui play own_environment.py
Or let a player try:   ldp-tui play own_environment.py,limit=20 --agent random --seed 1 --plain
"""

import random
from typing import Any

from ldp_tui import Environment, Message, Messages, Tool, ToolRequestMessage


class FindTheNumber(Environment[int]):
    """A number from 1 to `limit`; each guess is answered, and costs a little."""

    def __init__(self, limit: int = 100) -> None:
        self.limit = limit
        self.state = 0
        self.found = False
        self.tools = [Tool.from_function(self.guess)]

    def guess(self, number: int) -> str:
        """Guess the number.

        Args:
            number: Your guess
        """
        self.found = number == self.state
        return "Right." if self.found else "Higher." if number < self.state else "Lower."

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Think of a number; the same seed gives the same one."""
        self.state, self.found = random.Random(seed).randint(1, self.limit), False
        return [Message(content=f"I think of a whole number from 1 to {self.limit}. Find it.")], [*self.tools]

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Answer the guess: observations, reward, done, truncated."""
        if not isinstance(action, ToolRequestMessage) or not action.tool_calls:
            return self.default_no_tool_calls_response
        answers = await self.exec_tool_calls(action)
        return [*answers], 1.0 if self.found else -0.01, self.found, False

    def success(self) -> bool:
        """Whether it was found."""
        return self.found


def make(limit: int = 100) -> FindTheNumber:
    """What makes this file an environment: `own_environment.py,limit=20` calls `make(limit=20)`."""
    return FindTheNumber(limit)


if __name__ == "__main__":
    from ldp_tui.testing import check_env

    check_env(make)
    print("The environment keeps all rules.")
