"""Settings of agents at a scripted server, and environments for them."""

from __future__ import annotations

from typing import Any

from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.tool_calls import Messages, copy_message
from ldp_tui.core.tools import Tool
from ldp_tui.models import LLMConfig
from ldp_tui.testing.model_server import ModelServer


def at(server: ModelServer, **settings: Any) -> LLMConfig:
    """The configuration of a model at `server`, retried without pauses."""
    given = {"name": "openai/scripted", "base_url": server.base_url, "retry_seconds": 0, "timeout": 10, **settings}
    return LLMConfig.model_validate(given)


def copies(messages: list[Message]) -> list[Message]:
    return [copy_message(message) for message in messages]


class Corridor(Environment[int]):
    """Walk right to the fourth field. Each observation is the answer of the tool and a picture of the state."""

    LAST = 3

    def __init__(self) -> None:
        self.state = 0
        self.tools = [Tool.from_function(self.walk)]

    def walk(self, direction: str) -> str:
        """Walk one field.

        Args:
            direction: left or right.
        """
        self.state += 1 if direction == "right" else -1
        return f"walked {direction}"

    async def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Messages, list[Tool]]:
        self.state = 0
        return [Message(content="Walk to field 3."), EnvStateMessage(content="field 0")], self.tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        answers = await self.exec_tool_calls(action, state=self.state)  # type: ignore[arg-type]
        done = self.state == self.LAST
        return [*answers, EnvStateMessage(content=f"field {self.state}")], float(done), done, False


RIGHT = ("walk", {"direction": "right"})
