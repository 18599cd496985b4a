from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.messages import MalformedMessageError, Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.graph import FxnOp, OpResult, PromptOp, compute_graph
from ldp_tui.graph.gradient_estimators import llm_straight_through_estimator, straight_through_estimator
from ldp_tui.models import LLMCallOp
from ldp_tui.models.modules import (
    ParsedLLMCallModule,
    ReActModule,
    ReActModuleSinglePrompt,
    ReflectModule,
    ReflectModuleConfig,
    ThoughtModule,
    ToolDescriptionMethods,
    parse_message,
)
from ldp_tui.models.modules.react_parsing import first_action, read_arguments
from ldp_tui.testing.model_server import ModelServer, Says
from tests.models.asking import ACT, config

HI = Message(content="Hi")


def say(text: str) -> str:
    """Say something.

    Args:
        text: What to say.
    """
    return text


def reset() -> None:
    """Begin anew."""


TOOLS = [ACT, Tool.from_function(say), Tool.from_function(reset)]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", ()),
        ("()", ()),
        ("1", (1,)),
        ("(1,)", (1,)),
        ('("one, two",)', ("one, two",)),
        ("1, 2.5", (1, 2.5)),
        ("north", ("north",)),
        ('"north", 2', ("north", 2)),
        ("(Bertrand Russell, 2, Kant)", ("Bertrand Russell", 2, "Kant")),
        ("'a, b', [1, 2]", ("a, b", [1, 2])),
        ('{"action": "stick", "fast": true}', ({"action": "stick", "fast": True},)),
        ("true", (True,)),
        ("None", (None,)),
        ("(1.1)```", (1.1,)),
    ],
)
def test_arguments(text: str, arguments: tuple[Any, ...]) -> None:
    """A Python tuple, with or without parentheses and quotes; numbers are numbers."""
    assert read_arguments(text) == arguments


@pytest.mark.parametrize("text", ['"open, 1', "[1, 2", "f('x', 2)"])
def test_arguments_that_cannot_be_read(text: str) -> None:
    """They are refused; nothing in them is carried out."""
    with pytest.raises(MalformedMessageError, match="could not be parsed"):
        read_arguments(text)


@pytest.mark.parametrize(
    ("reply", "name", "arguments", "thought"),
    [
        ("Thought: I stick.\nAction: act\nAction Input: stick, 2", "act", {"action": "stick", "times": 2}, "I stick."),
        ("Action: act\nAction Input: stick", "act", {"action": "stick"}, None),
        ("Sure!\n\n  Thought: two\n  lines\n  Action:act\n  Action Input: 1", "act", {"action": 1}, "two\n  lines"),
        ("**Thought:** bold\n**Action:** `act`\n**Action Input:** stick", "act", {"action": "stick"}, "bold"),
        ('Action: act\nAction Input: {"times": 3, "action": "hit"}', "act", {"action": "hit", "times": 3}, None),
        ("Action: say\nAction Input: Hello, world", "say", {"text": "Hello, world"}, None),
        ("Action: reset\nAction Input:", "reset", {}, None),
        ("Action: reset", "reset", {}, None),
        ("Thought:\nAction: reset\nAction Input: \nObservation: done", "reset", {}, None),
        ("Action: act\nAction Input: a\n\nAction: act\nAction Input: b", "act", {"action": "a"}, None),
    ],
)  # fmt: skip
def test_parse(reply: str, name: str, arguments: dict[str, Any], thought: str | None) -> None:
    """The first action, with the thought as its content; the reply stays as it was."""
    message = Message(role="assistant", content=reply)
    request = parse_message(message, TOOLS)

    assert [(call.function.name, call.function.arguments) for call in request.tool_calls] == [(name, arguments)]
    assert request.content == thought
    assert message.content == reply


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (None, "No content"),
        ("I stick.", "Action not emitted"),
        ("Action: dance\nAction Input: 1", "Tool dance not found"),
        ("Action: act\nAction Input:", "shorter than 'act'"),
        ("Action: act\nAction Input: a, 2, 3", "takes 2 arguments"),
        ("Action: act\nAction Input: 'a, 2", "could not be parsed"),
    ],
)
def test_malformed(reply: str | None, says: str) -> None:
    """What cannot be read says why."""
    with pytest.raises(MalformedMessageError, match=says):
        parse_message(Message(role="assistant", content=reply), TOOLS)


def test_what_follows_the_first_action_did_not_happen() -> None:
    """It is cut off from what is remembered."""
    made_up = Message(role="assistant", content="Action: say\nAction Input: Hi\nThought: it answered\nAction: reset")
    assert first_action(made_up).content == "Action: say\nAction Input: Hi"
    assert first_action(HI) is HI


def test_descriptions_of_tools() -> None:
    """As text, JSON or XML; the last two say what they are."""
    assert ToolDescriptionMethods.STR.describe(TOOLS).startswith("NAME: act\n")
    assert ToolDescriptionMethods.JSON.describe(TOOLS).startswith('Tools are specified with a JSON schema.\n{"name"')
    assert ToolDescriptionMethods.XML.describe(TOOLS).startswith("Tools are specified with an XML schema.\n<function")
    assert ToolDescriptionMethods.STR.describe([]) == ""


async def test_react_in_one_reply() -> None:
    """The system prompt describes the tools, the reply is parsed, and no tools go to the provider."""
    reply = "Thought: enough\nAction: act\nAction Input: stick"
    with ModelServer([f"{reply}\nAction: act\nAction Input: hit"]) as server:
        action, said = await ReActModuleSinglePrompt(config(server))([HI], TOOLS)

    assert action.value.tool_calls[0].function.arguments == {"action": "stick"}
    assert said == [Message(role="assistant", content=reply)]
    (request,) = server.requests
    assert "one of [act, say, reset]" in request.body["messages"][0]["content"]
    assert request.body["messages"][1] == {"role": "user", "content": "Hi"}
    assert request.body["stop"] == ["Observation:"]
    assert "tools" not in request.body


async def test_react_in_two_replies() -> None:
    """First it may call no tool, then it must; both turns and what stands between them are remembered."""
    with ModelServer(["I should stick.", ("act", {"action": "stick"})]) as server:
        module = ReActModule(config(server))
        action, said = await module([HI], TOOLS)

    assert isinstance(action.value, ToolRequestMessage)
    assert said == [Message(role="assistant", content="I should stick."), Message(content="Continue..."), action.value]
    first, second = (request.body for request in server.requests)
    assert (first["tool_choice"], second["tool_choice"]) == ("none", "required")
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant", "user"]
    assert module.llm_call_op.get_call_ids()


async def test_gradients_through_react() -> None:
    """They reach the system prompt through the op that puts the conversation together."""
    with ModelServer(["Thought: go\nAction: reset"]) as server:
        module = ReActModuleSinglePrompt(config(server))
        action, _ = await module([HI], TOOLS)
    op = module.prompt_op
    (call,) = op.get_call_ids({action.run_id})
    straight = partial(straight_through_estimator, descend=False)
    behind = {FxnOp: straight, PromptOp: straight, LLMCallOp: llm_straight_through_estimator}
    action.compute_grads(2.0, backward_fns=behind)

    assert op.get_input_grads(call)[1]["tools"] == 2.0


async def test_parsed_call() -> None:
    """The parser gets the reply and what the call was given besides; the reply comes along."""

    def shout(message: Message, times: int) -> Message:
        return Message(role="assistant", content=(message.content or "").upper() * times)

    with ModelServer(["hey"]) as server:
        parsed, reply = await ParsedLLMCallModule(config(server), parser=shout)([HI], times=2)
    assert (parsed.value.content, reply.content) == ("HEYHEY", "hey")


async def test_thought() -> None:
    """It is asked for between two system messages, and only talks."""
    with ModelServer([Says("Hm.", calls=[("act", {"action": "a"})])]) as server:
        module = ThoughtModule(config(server), "Task: {task}", "In {words} words.")
        thought = await module([HI], {"task": "think"}, {"words": 3})
    assert thought.value == Message(role="assistant", content="Hm.")
    sent = server.requests[0].body["messages"]
    assert [message["content"] for message in sent] == ["Task: think", "Hi", "In 3 words."]


@pytest.mark.parametrize(
    ("reply", "revised"),
    [
        ("<thought>no</thought>\n<final-response>\nYou are happy.\n</final-response>", "You are happy."),
        ("<final-response>cut off", "cut off"),
        ("<response>other tag</response>", "other tag"),
        ("I like it.", "You are sad."),
    ],
)
async def test_reflection(reply: str, revised: str) -> None:
    """The response is revised, or stays as it was where the reply has no revision."""
    with ModelServer([reply]) as server:
        reflect = ReflectModule(ReflectModuleConfig(llm_config=config(server)))
        async with compute_graph():
            result = await reflect("I am happy. How do I feel?", "You are sad.")
    assert isinstance(result, OpResult)
    assert result.value == revised
    assert "<context>\n  I am happy." in server.requests[0].body["messages"][1]["content"]


async def test_tools_of_an_environment() -> None:
    """What an environment offers is described, and called with what ReAct writes."""
    _, tools = await DummyEnv().reset()
    request = parse_message(Message(content="Thought: I think.\nAction: cast_int\nAction Input: (1.1)"), tools)
    assert request.tool_calls[0].function.arguments == {"x": 1.1}
