from __future__ import annotations

import json
from typing import Any

import pytest

from ldp_tui.agents import TreeofThoughtsAgent
from ldp_tui.agents.tree_of_thoughts import last_number
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.engine.events import StepTaken
from ldp_tui.engine.rollout import rollout
from ldp_tui.testing.model_server import ModelServer
from tests.agents.model_agents import Corridor, at


def submit(answer: str) -> str:
    """Submit the answer.

    Args:
        answer: The answer.
    """
    return answer


def move(action: str, times: int) -> str:
    """Move.

    Args:
        action: Where to.
        times: How often.
    """
    return action


def thinker(request: dict[str, Any]) -> Any:
    """A model that proposes 1 and 2 as next steps, and values a path by the number its digits make."""
    question = request["messages"][-1]["content"]
    if question.startswith("Propose"):
        return "1\n\n 2 "
    if question.startswith("How likely"):
        return f"Hm, 3 steps? {int(question.split('Steps:')[1].replace(chr(10), ''))}"
    return ("move", {"action": "right", "times": 2})


async def test_search() -> None:
    """The best paths of each depth are continued; every tool that takes one text is called with the best of all."""
    with ModelServer([thinker], repeat=True) as server:
        agent = TreeofThoughtsAgent(llm_config=at(server), n_steps=2, n_select_samples=2)
        state = await agent.init_state([Tool.from_function(submit)])
        action, after, value = await agent.get_asv(state, [Message(content="Make it large.")])

    assert isinstance(action.value, ToolRequestMessage)
    assert action.value.tool_calls[0].function.arguments == {"answer": "2\n2\n"}
    assert value == 22
    assert len(server.requests) == (1 + 2) + (2 + 4)
    assert after.messages == [Message(content="Make it large."), action.value]
    assert state.messages == []
    assert "Make it large." in json.dumps(server.requests[0].body)


async def test_model_carries_the_path_out() -> None:
    """Where tools take more than one text, the model chooses the call."""
    with ModelServer([thinker], repeat=True) as server:
        agent = TreeofThoughtsAgent(llm_config=at(server))
        action, *_ = await agent.get_asv(await agent.init_state([Tool.from_function(move)]), [Message(content="Go.")])
    assert action.value.tool_calls[0].function.arguments == {"action": "right", "times": 2}
    assert server.requests[-1].body["tool_choice"] == "required"


async def test_in_an_episode() -> None:
    """The rollout plays it like any other agent, and tells the best path."""

    def walker(request: dict[str, Any]) -> Any:
        question = request["messages"][-1]["content"]
        return "right" if question.startswith("Propose") else "9"

    with ModelServer([walker], repeat=True) as server:
        events = [event async for event in rollout(Corridor(), TreeofThoughtsAgent(llm_config=at(server)), max_steps=2)]
    steps = [event for event in events if isinstance(event, StepTaken)]
    assert [step.value for step in steps] == [9, 9]
    assert "Best path, of value 9:\nright" in steps[0].reflection


async def test_settings_of_a_call() -> None:
    """As in LDP they may be given with the call; functions of one's own may be coroutines."""

    async def shortest(path: str, said: list[str]) -> float:
        return -len(path)

    with ModelServer(["long step\nok", "irrelevant", "irrelevant"]) as server:
        agent = TreeofThoughtsAgent(
            llm_config=at(server), proposal_prompt_func=lambda task, path: f"P {task} {path}", n_steps=7
        )
        state = await agent.init_state([Tool.from_function(submit)])
        action, *_ = await agent.get_asv(
            state, [Message(content="x")], eval_function=shortest, n_steps=1, n_select_samples=1
        )
    assert action.value.tool_calls[0].function.arguments == {"answer": "ok\n"}
    assert server.requests[0].body["messages"][-1]["content"] == "P x "


@pytest.mark.parametrize(
    ("said", "value"),
    [(["7"], 7), (["from 0 to 10: 8.5"], 8.5), (["-3"], -3), (["no idea"], 0), ([], 0), (["v2 is 4"], 4)],
)
def test_last_number(said: list[str], value: float) -> None:
    """The value is the last number that was said."""
    assert last_number("path", said) == value
