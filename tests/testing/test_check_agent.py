"""The conformance test for agents finds each broken rule and names it."""

from __future__ import annotations

from typing import Any

import pytest

from ldp_tui import Agent, Message, PlainAction, Tool, ToolCall, ToolRequestMessage
from ldp_tui.testing import ScriptedAgent, check_agent

STORY = ("print_story", {"story": "one two three four five"})


class Storyteller(Agent[int]):
    """Keeps every rule."""

    async def init_state(self, tools: list[Tool]) -> int:
        return 0

    async def get_asv(self, agent_state: int, obs: list[Message]) -> Any:
        call = ToolCall.from_name(STORY[0], **STORY[1])
        return await self.wrap_action(ToolRequestMessage(tool_calls=[call])), agent_state + 1, 0.0


class OnlyAnAction(Storyteller):
    async def get_asv(self, agent_state: int, obs: list[Message]) -> Any:
        return (await super().get_asv(agent_state, obs))[0]


class BareMessage(Storyteller):
    async def get_asv(self, agent_state: int, obs: list[Message]) -> Any:
        action, *rest = await super().get_asv(agent_state, obs)
        return (action.value, *rest)


class SpeaksAsUser(Storyteller):
    async def get_asv(self, agent_state: int, obs: list[Message]) -> Any:
        return PlainAction(Message(content="Hello.")), agent_state, 0.0


class NoValue(Storyteller):
    async def get_asv(self, agent_state: int, obs: list[Message]) -> Any:
        return (*(await super().get_asv(agent_state, obs))[:2], None)


class RewritesObservations(Storyteller):
    async def get_asv(self, agent_state: int, obs: list[Message]) -> Any:
        obs[0].content = f"Observation: {obs[0].content}"
        return await super().get_asv(agent_state, obs)


@pytest.mark.parametrize("factory", [Storyteller, lambda: ScriptedAgent([STORY])], ids=["class", "scripted"])
def test_agent_that_keeps_the_rules(factory: Any) -> None:
    """It passes."""
    check_agent(factory)


@pytest.mark.parametrize(
    ("rule", "factory"),
    [
        ("factory", lambda: "no agent"),
        ("agent-result", OnlyAnAction),
        ("agent-action", BareMessage),
        ("agent-action", SpeaksAsUser),
        ("agent-value", NoValue),
        ("agent-observation", RewritesObservations),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_agent_that_breaks_a_rule(rule: str, factory: Any) -> None:
    """An AssertionError starts with the rule's name."""
    with pytest.raises(AssertionError, match=f"^{rule}: "):
        check_agent(factory)
