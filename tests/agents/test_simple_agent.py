from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from pydantic import ValidationError

from ldp_tui.agents import (
    HiddenEnvStateMessage,
    NoToolsSimpleAgent,
    SimpleAgent,
    SimpleAgentState,
)
from ldp_tui.agents.simple import HIDDEN, hide_action_content
from ldp_tui.core.errors import UnknownSetting
from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, ToolResponseMessage
from ldp_tui.engine.events import EpisodeEnded, ReflectionDelta, StepTaken
from ldp_tui.engine.rollout import rollout
from ldp_tui.graph import eval_mode
from ldp_tui.graph.gradient_estimators import llm_straight_through_estimator
from ldp_tui.models import LLMCallOp
from ldp_tui.testing import check_agent
from ldp_tui.testing.model_server import Fails, ModelServer, Says
from tests.agents.model_agents import RIGHT, Corridor, at

GO = Message(content="go")


async def played(agent: Any, **options: Any) -> list[Any]:
    return [event async for event in rollout(Corridor(), agent, **options)]


async def test_an_episode() -> None:
    """The conversation grows turn by turn; the model's words, tokens and cost are told with each step."""
    says = Says("To the right.", calls=[RIGHT], prompt_tokens=10, completion_tokens=5)
    with ModelServer([says] * 3) as server:
        events = await played(SimpleAgent(llm_config=at(server, input_cost_per_token=0.1), sys_prompt="Be quick."))

    assert [event.reason for event in events if isinstance(event, EpisodeEnded)] == ["terminated"]
    steps = [event for event in events if isinstance(event, StepTaken)]
    assert [step.reflection for step in steps] == ["To the right."] * 3
    assert [(step.usage.tokens_in, step.usage.tokens_out, step.usage.cost_usd) for step in steps if step.usage] == [
        (10, 5, 1.0)
    ] * 3
    assert len([event for event in events if isinstance(event, ReflectionDelta)]) == 9
    roles = [[message["role"] for message in request.body["messages"]] for request in server.requests]
    assert roles[0] == ["system", "user", "user"]
    assert roles[1] == [*roles[0], "assistant", "tool", "user"]
    assert server.requests[0].body["tool_choice"] == "required"


async def test_a_failing_model_ends_the_episode() -> None:
    """What was played is kept, and one line says whose failure it was."""
    with ModelServer([RIGHT, Fails(401)]) as server:
        events = await played(SimpleAgent(llm_config=at(server)))
    end = events[-1]
    assert (end.reason, end.phase, end.steps) == ("failed", "agent", 1)
    assert "AuthenticationFailed: openai/scripted: the server answered 401" in end.detail


async def test_states_are_values() -> None:
    """A decision leaves the state it was given as it was, so that one agent plays many episodes."""
    env = Corridor()
    obs, tools = await env.reset()
    with ModelServer([RIGHT], repeat=True) as server:
        agent = SimpleAgent(llm_config=at(server))
        state = await agent.init_state(tools)
        before = state.model_dump_json()
        _, first, value = await agent.get_asv(state, obs)
        _, again, _ = await agent.get_asv(state, obs)

    assert state.model_dump_json() == before
    assert first.messages == again.messages == [*obs, first.messages[-1]]
    assert value == 0.0


async def test_agent_without_an_episode_keeps_nothing() -> None:
    """Everything a decision recorded goes with its result."""
    with ModelServer([RIGHT], repeat=True) as server:
        agent = SimpleAgent(llm_config=at(server))
        state = await agent.init_state(Corridor().tools)
        action, state, _ = await agent.get_asv(state, [GO])
        held = weakref.ref(action)
        del action
        gc.collect()
    assert held() is None
    assert list(agent._llm_call_op.get_call_ids()) == []


async def test_gradients() -> None:
    """They reach the configuration, through ops named by the attributes that hold them."""
    with ModelServer([RIGHT]) as server:
        agent = SimpleAgent(llm_config=at(server))
        action, *_ = await agent.get_asv(await agent.init_state(Corridor().tools), [GO])
    action.compute_grads(2.0, backward_fns={"_llm_call_op": llm_straight_through_estimator})

    assert action.ctx.get_input_grads(action.call_id)[1]["config"] == 2.0
    assert [name for name, _ in agent.named_ops()] == ["_config_op", "_llm_call_op"]
    assert [result.op_name for result in action.traverse() if result.op_class is LLMCallOp] == ["_llm_call_op"]


async def test_evaluation() -> None:
    """Without a graph the agent decides as well, and the result of the call is still there."""
    with ModelServer([RIGHT]) as server, eval_mode:
        agent = SimpleAgent(llm_config=at(server))
        action, *_ = await agent.get_asv(await agent.init_state(Corridor().tools), [GO])
    assert action.ctx.get(action.call_id, "result").prompt_count == 10


async def test_hiding_old_states() -> None:
    """Of the environment's states the newest alone is shown; after a round trip through JSON as well."""
    state = SimpleAgentState(hide_old_env_states=True).get_next_state([EnvStateMessage(content="old")])
    state = SimpleAgentState.model_validate_json(state.model_dump_json(context={"include_info": True}))
    newer = state.get_next_state([EnvStateMessage(content="new")])

    assert isinstance(newer.messages[0], HiddenEnvStateMessage)
    assert [message.content for message in newer.messages] == ["[Previous environment state - hidden]", "new"]
    assert state.messages[0].content == "old"
    assert [m.content for m in state.get_next_state([GO], hide_old_env_states=False).messages] == ["old", "go"]


def test_hiding_the_text_of_actions() -> None:
    """Their calls stay; a turn that is text alone stays whole."""
    call = ToolCall.from_name("walk", direction="right")
    request = ToolRequestMessage(content="because", tool_calls=[call])
    talk = Message(role="assistant", content="hm")
    state = SimpleAgentState(messages=[GO, request, talk], hide_old_action_content=True).get_next_state()

    assert state.messages == [GO, ToolRequestMessage(tool_calls=[call]), talk]
    assert request.content == "because"
    assert hide_action_content(ToolRequestMessage(content="hm")).content == "hm"


@pytest.mark.parametrize("window", [1, 2])
def test_sliding_window(window: int) -> None:
    """The beginning and the newest turns are kept; one note stands for all that is hidden."""
    state = SimpleAgentState(sliding_window=window).get_next_state([GO])
    for number in range(5):
        call = ToolCall.from_name("walk", direction=str(number))
        state.messages = [*state.messages, ToolRequestMessage(tool_calls=[call])]
        state = state.get_next_state([ToolResponseMessage.from_call(call, content=str(number))])
        hidden = number >= window
        assert [message.content for message in state.messages].count(HIDDEN) == int(hidden)
        assert state.messages[0] == GO
        assert len(state.messages) == 1 + hidden + 2 * min(number + 1, window)
    assert len(state.get_next_state().messages) == 2 + 2 * window


async def test_functions_make_the_action() -> None:
    """Without tools for the model, a plain or coroutine function makes the request of what it says."""
    tool = Corridor().tools[0]

    async def slowly(message: Message) -> ToolRequestMessage:
        return ToolRequestMessage(content=message.content, tool_calls=[ToolCall.from_tool(tool, message.content)])

    def quickly(message: Message) -> ToolRequestMessage:
        return ToolRequestMessage(tool_calls=[ToolCall.from_tool(tool, "right")])

    with ModelServer(["right"], repeat=True) as server:
        for function in (slowly, quickly):
            agent = NoToolsSimpleAgent(function, llm_config=at(server), sys_prompt="One word.")
            events = await played(agent)
            assert events[-1].reason == "terminated"
    assert all("tools" not in request.body for request in server.requests)
    assert "_cast_tool_request_op" in [name for name, _ in agent.named_ops()]


@pytest.mark.parametrize("given", [{"llm_model": {"name": "x"}}, {"sysprompt": "x"}, {"sliding_windw": 1}])
def test_unknown_settings(given: dict[str, Any]) -> None:
    """They are refused, the nearest named: nothing is silently played with another model."""
    with pytest.raises(
        UnknownSetting, match=r"Unknown setting .* of SimpleAgent.*(llm_config|sys_prompt|sliding_window)"
    ):
        SimpleAgent(**given)


@pytest.mark.parametrize(
    "given", ["openai/m", {"name": "openai/m"}, {"models": [{"name": "openai/m"}]}], ids=["name", "flat", "chain"]
)
def test_forms_of_the_model(given: Any) -> None:
    """A name and both kinds of dictionary are taken; what an agent is made with can be written down and read."""
    agent = SimpleAgent(llm_config=given)
    assert agent.llm_config.models[0].name == "openai/m"
    assert SimpleAgent.model_validate(agent.model_dump()).model_dump() == agent.model_dump()
    assert set(agent.model_dump()) == {
        "llm_config", "sys_prompt", "hide_old_env_states", "hide_old_action_content", "sliding_window",
    }  # fmt: skip


def test_agents_do_not_change() -> None:
    """What would change belongs in the state, which may be of no other fields than it has."""
    with pytest.raises(ValidationError, match="frozen"):
        SimpleAgent().sys_prompt = "x"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        SimpleAgentState(mesages=[])  # type: ignore[call-arg]


def test_rules_of_agents() -> None:
    """It keeps the rules that every agent is checked for."""
    story = ("print_story", {"story": "once"})
    with ModelServer([story], repeat=True) as server:
        check_agent(lambda: SimpleAgent(llm_config=at(server)))


async def test_streamed_where_words_are_heard_as_they_are_said() -> None:
    """Aloud the model streams; otherwise its words come whole, before the action. The steps are the same."""
    says = Says("To the right.", calls=[RIGHT])
    told = []
    with ModelServer([says] * 6) as server:
        for aloud in (True, False):
            events = await played(SimpleAgent(llm_config=at(server)), aloud=aloud)
            told.append([event.text for event in events if isinstance(event, ReflectionDelta) and event.index == 0])
            assert [event.reflection for event in events if isinstance(event, StepTaken)] == ["To the right."] * 3
    assert told == [["To th", "e rig", "ht."], ["To the right."]]
    assert ["stream" in request.body for request in server.requests] == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    ("said", "rung"),
    [
        ('{"name": "walk", "arguments": {"direction": "right"}}', "json"),
        ('To the right:\n```json\n{"name": "walk", "arguments": {"direction": "right"}}\n```', "fenced"),
        ("I will walk(direction='right').", "pattern"),
    ],
)
async def test_a_call_written_in_words(said: str, rung: str) -> None:
    """A model that was to call a tool and wrote it out is understood, and the step says how it was read."""
    with ModelServer([said, RIGHT], repeat=True) as server:
        events = [event async for event in rollout(Corridor(), SimpleAgent(llm_config=at(server)), max_steps=1)]
    step = next(event for event in events if isinstance(event, StepTaken))
    assert isinstance(step.action, ToolRequestMessage)
    assert [call.function.arguments for call in step.action.tool_calls] == [{"direction": "right"}]
    assert step.action.content == said
    assert step.info["agent"]["rung"] == rung
    assert [fault["kind"] for fault in step.info["agent"]["faults"]] == ["no_action"]


async def test_words_without_a_call() -> None:
    """They stay the action, as in LDP, and count as a reply that could not be read."""
    with ModelServer(["I would rather not."], repeat=True) as server:
        agent = SimpleAgent(llm_config=at(server))
        heard = [event async for event in rollout(Corridor(), agent, max_steps=1)]
    step = next((event for event in heard if isinstance(event, StepTaken)), None)
    ended = heard[-1]
    assert isinstance(ended, EpisodeEnded)
    if step is not None:
        assert step.action.content == "I would rather not."
        assert step.info["agent"]["faults"][0]["kind"] == "no_action"
