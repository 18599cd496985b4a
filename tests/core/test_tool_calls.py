"""Tool calls as data."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import (
    INVALID_TOOL_NAME,
    ToolCall,
    ToolCallFunction,
    ToolRequestMessage,
    ToolResponseMessage,
    numbered_calls,
)
from ldp_tui.core.tools import Tool


def add(a: int, b: int = 2) -> int:
    """Add.

    Args:
        a: One.
        b: Other.
    """
    return a + b


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        (b'{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("", {}),
        (None, {}),
        ("null", {}),
        ("{}", {}),
    ],
)
def test_arguments_as_providers_send_them(given: Any, expected: dict[str, Any]) -> None:
    """Text is read as JSON; nothing means no arguments."""
    function = ToolCallFunction.model_validate({"name": "f", "arguments": given})
    assert (function.name, function.arguments) == ("f", expected)


def test_missing_arguments() -> None:
    """No arguments."""
    assert ToolCallFunction.model_validate({"name": "f"}).arguments == {}


@pytest.mark.parametrize(
    "text", ['{"a": 1', "hello", "[1]", "3", '"x"', "[" * 100_000, '{"a": ' + "1" * 5000 + "}", b"\xff"]
)
def test_arguments_that_are_no_json_object(text: str | bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The call is marked as invalid, so that the model can be told; it is never an error."""
    function = ToolCallFunction.model_validate({"name": "f", "arguments": text})
    assert (function.name, function.arguments) == (INVALID_TOOL_NAME, {})
    assert "'f'" in caplog.text


@pytest.mark.parametrize("arguments", [3, ["a"], object()])
def test_arguments_of_another_type(arguments: Any) -> None:
    """They are a mistake of the program, which is refused."""
    with pytest.raises(ValidationError):
        ToolCallFunction(name="f", arguments=arguments)


def test_dump() -> None:
    """Arguments are dumped as JSON text, as OpenAI does; arrays and scalars of NumPy as their values."""
    call = ToolCall.from_name("f", a=[1, "ü"], x=np.float32(0.5), v=np.arange(2))
    dumped = call.model_dump()
    assert dumped == {
        "id": call.id,
        "type": "function",
        "function": {"name": "f", "arguments": dumped["function"]["arguments"]},
    }
    assert json.loads(dumped["function"]["arguments"]) == {"a": [1, "ü"], "x": 0.5, "v": [0, 1]}
    assert ToolCall.model_validate(dumped).function.arguments == {"a": [1, "ü"], "x": 0.5, "v": [0, 1]}


def test_dump_of_what_json_has_no_form_for() -> None:
    """It is refused with the type."""
    with pytest.raises(Exception, match="set"):
        ToolCall.from_name("f", a={1}).model_dump()


def test_generated_ids() -> None:
    """Nine letters and digits; counted inside `numbered_calls`, random again behind it."""
    free = ToolCall.from_name("f").id
    assert len(free) == 9
    assert free.isalnum()
    with numbered_calls(itertools.count(7)):
        assert [ToolCall.from_name("f").id for _ in range(2)] == ["000000007", "000000008"]
    assert ToolCall.from_name("f").id not in ("000000009", free)
    assert ToolCall.from_name("f", id="mine").id == "mine"


def test_from_tool() -> None:
    """Positional arguments follow the schema, keyword arguments win, and too many are refused."""
    tool = Tool.from_function(add)
    assert ToolCall.from_tool(tool, 1, 3).function.arguments == {"a": 1, "b": 3}
    assert ToolCall.from_tool(tool, 1, b=4, id="i").model_dump()["id"] == "i"
    assert ToolCall.from_tool(tool).function == ToolCallFunction(name="add", arguments={})
    with pytest.raises(TypeError, match="takes 2"):
        ToolCall.from_tool(tool, 1, 2, 3)


def test_parameter_named_function_name() -> None:
    """It can be given by name like any other."""
    assert ToolCall.from_name("f", function_name="g").function.arguments == {"function_name": "g"}


def test_as_text() -> None:
    """Values stand in quotes, or, as Python would write them, not; messages name content and calls with their ids."""
    call = ToolCall.from_name("f", id="1", a="x", b=2)
    assert str(call) == "f(a='x', b='2')"
    assert call.function.written() == "f(a='x', b=2)"
    request = ToolRequestMessage(content="why", tool_calls=[call, ToolCall.from_name("g", id="2")])
    assert str(request) == "Tool request message 'why' for tool calls: f(a='x', b='2') [id=1]; g() [id=2]"
    assert str(ToolRequestMessage(content="only text")) == "only text"
    assert str(ToolResponseMessage.from_call(call, "r")) == "Tool response message 'r' for tool call ID 1 of tool 'f'"


def test_roles_of_requests_and_responses() -> None:
    """They are fixed."""
    with pytest.raises(ValidationError):
        ToolRequestMessage(role="user")  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        ToolResponseMessage(role="assistant", content="", name="f", tool_call_id="1")  # type: ignore[arg-type]


def test_answers_to_a_request() -> None:
    """One for each call, in order; another number is refused."""
    request = ToolRequestMessage(tool_calls=[ToolCall.from_name("f"), ToolCall.from_name("g")])
    answers = ToolResponseMessage.from_request(request, ["1", "2"])
    assert [(a.name, a.content, a.tool_call_id) for a in answers] == [
        (call.function.name, text, call.id) for call, text in zip(request.tool_calls, "12", strict=True)
    ]
    with pytest.raises(ValueError, match="shorter"):
        ToolResponseMessage.from_request(request, ["1"])


def test_request_with_multimodal_content() -> None:
    """Structured content works in requests and responses as in any message."""
    blocks = [{"type": "text", "text": "x"}]
    call = ToolCall.from_name("f")
    assert ToolRequestMessage.model_validate({"content": blocks}).model_dump()["content"] == blocks
    response = ToolResponseMessage.model_validate({"content": blocks, "name": "f", "tool_call_id": call.id})
    assert response.is_multimodal
    assert isinstance(response, Message)
