from __future__ import annotations

from typing import Any

import pytest

from ldp_tui.agents import ReActAgent
from ldp_tui.core.messages import MalformedMessageError, Message
from ldp_tui.core.tool_calls import ToolCall, ToolResponseMessage
from ldp_tui.engine.events import StepTaken
from ldp_tui.engine.rollout import rollout
from ldp_tui.models.modules import ToolDescriptionMethods
from ldp_tui.testing import check_agent
from ldp_tui.testing.model_server import ModelServer
from tests.agents.model_agents import RIGHT, Corridor, at, copies

SINGLE = "Thought: go on\nAction: walk\nAction Input: right"
STORY = ("print_story", {"story": "once"})


@pytest.mark.parametrize("single", [True, False], ids=["one reply", "two replies"])
async def test_an_episode(single: bool) -> None:
    """Observations come back as ReAct writes them, and the reasoning is told."""
    replies: list[Any] = [SINGLE] * 3 if single else ["Thought: go on", RIGHT] * 3
    with ModelServer(replies) as server:
        agent = ReActAgent(llm_config=at(server), single_prompt=single)
        events = [event async for event in rollout(Corridor(), agent)]

    assert events[-1].reason == "terminated"
    steps = [event for event in events if isinstance(event, StepTaken)]
    assert all("go on" in step.reflection for step in steps)
    contents = [message["content"] for message in server.requests[-1].body["messages"]]
    assert "Observation: walked right" in contents
    assert not [content for content in contents if "Observation: Observation" in (content or "")]
    roles = {message["role"] for message in server.requests[-1].body["messages"]}
    assert ("tool" in roles) is not single


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize(
    "content", ['{"a": 1}', "text", [{"type": "text", "text": "t"}]], ids=["json", "text", "blocks"]
)
async def test_observations_stay_as_they_were(single: bool, content: Any) -> None:
    """They belong to the record; the agent writes `Observation:` into copies, of every kind of content."""
    call = ToolCall.from_name("walk", direction="right")
    observation = ToolResponseMessage.model_validate(
        {"name": "walk", "tool_call_id": call.id, "content": {"a": 1} if content == '{"a": 1}' else content}
    )
    obs: list[Message] = [observation]
    before = copies(obs)
    with ModelServer([SINGLE] if single else ["Hm.", RIGHT]) as server:
        agent = ReActAgent(llm_config=at(server), single_prompt=single)
        _, state, _ = await agent.get_asv(await agent.init_state(Corridor().tools), obs)

    assert obs == before
    assert obs[0].content_is_json_str == before[0].content_is_json_str
    assert state.messages[0].text.startswith("Observation:")


async def test_asked_again() -> None:
    """A reply that cannot be read is asked for again; the fifth is the last."""
    with ModelServer(["I walk."] * 4 + [SINGLE] + ["I walk."] * 5) as server:
        agent = ReActAgent(llm_config=at(server), single_prompt=True)
        state = await agent.init_state(Corridor().tools)
        action, after, _ = await agent.get_asv(state, [Message(content="go")])
        assert action.value.tool_calls[0].function.arguments == {"direction": "right"}
        assert [message.content for message in after.messages] == ["go", SINGLE]
        with pytest.raises(MalformedMessageError, match="Action not emitted"):
            await agent.get_asv(state, [Message(content="go")])
    assert len(server.requests) == 10


def test_prompts() -> None:
    """The default is ReAct's for one reply or two, Act's has no thoughts, and one's own is kept."""
    assert "Thought:" in ReActAgent().sys_prompt
    assert "{tools}" in ReActAgent(single_prompt=True).sys_prompt
    assert "Thought:" not in ReActAgent.make_act_agent().sys_prompt
    assert "{tools}" in ReActAgent.make_act_agent(single_prompt=True).sys_prompt
    assert ReActAgent(sys_prompt="mine").sys_prompt == ReActAgent.make_act_agent(sys_prompt="mine").sys_prompt == "mine"


async def test_description_of_tools() -> None:
    """A single prompt describes them as the agent is told to."""
    with ModelServer([SINGLE]) as server:
        agent = ReActAgent(
            llm_config=at(server), single_prompt=True, tool_description_method=ToolDescriptionMethods.JSON
        )
        await agent.get_asv(await agent.init_state(Corridor().tools), [Message(content="go")])
    assert '{"name":"walk"' in server.requests[0].body["messages"][0]["content"]


@pytest.mark.parametrize("single", [True, False])
def test_names_of_ops(single: bool) -> None:
    """They are the attributes that lead to them."""
    names = {name for name, _ in ReActAgent(single_prompt=single).named_ops()}
    expected = {"tool_select_module.llm_call_op"} if single else {"_llm_call_op", "postprocess_reasoning_msg_op"}
    assert {f"_react_module.{name}" for name in {"prompt_op", "package_msg_op"} | expected} <= names


def test_rules_of_agents() -> None:
    """It keeps the rules that every agent is checked for."""
    with ModelServer(["Hm.", STORY], repeat=True) as server:
        check_agent(lambda: ReActAgent(llm_config=at(server)))
