"""A completion that picks tools, with a stand-in for the model and with litellm itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.messages import MalformedMessageError, Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.models.tool_selector import ToolSelector, ToolSelectorLedger
from ldp_tui.testing.model_server import ModelServer

TELL = ToolRequestMessage(tool_calls=[ToolCall.from_name("print_story", id="1", story="Once")])


class Model:
    """Answers with `message`, ended by `finish_reason`, `choices` times; notes what it was asked."""

    def __init__(self, message: Any = TELL, finish_reason: str = "tool_calls", choices: int = 1) -> None:
        self.fields = message if isinstance(message, dict) else message.model_dump()
        self.finish_reason, self.choices = finish_reason, choices
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, model: str, **asked: Any) -> Any:
        self.asked.append({"model": model, **asked})
        message = SimpleNamespace(model_dump=lambda: dict(self.fields))
        choice = SimpleNamespace(message=message, finish_reason=self.finish_reason)
        usage = SimpleNamespace(prompt_tokens=7, completion_tokens=3)
        return SimpleNamespace(choices=[choice] * self.choices, usage=usage)


async def asked(model: Model, **options: Any) -> dict[str, Any]:
    """What a model is asked about the dummy environment."""
    obs, tools = await DummyEnv().reset()
    await ToolSelector("m", acompletion=model)(obs, tools, **options)
    return model.asked[-1]


async def test_selection() -> None:
    """The model's calls, with what they cost and who made them."""
    obs, tools = await DummyEnv().reset()
    model = Model()
    selection = await ToolSelector("m", acompletion=model)(obs, tools)
    assert selection == TELL.model_copy(update={"info": {"usage": (7, 3), "model": "m"}})
    (question,) = model.asked
    assert (question["model"], question["tool_choice"]) == ("m", "required")
    assert question["messages"] == [{"role": "user", "content": "Write a 5 word story via print_story"}]
    assert [tool["function"]["name"] for tool in question["tools"]] == [tool.info.name for tool in tools]


async def test_tool_choice() -> None:
    """One tool, the provider's decision, or nothing said."""
    _, tools = await DummyEnv().reset()
    chosen = {"type": "function", "function": {"name": "cast_int"}}
    assert (await asked(Model(finish_reason="stop"), tool_choice=tools[2]))["tool_choice"] == chosen
    assert (await asked(Model(), tool_choice="auto"))["tool_choice"] == "auto"
    assert "tool_choice" not in await asked(Model(), tool_choice=None)


@pytest.mark.parametrize(
    ("model", "options", "told"),
    [
        (Model(choices=2), {}, "Expected one choice in model response, got 2"),
        (Model(choices=0), {}, "got 0"),
        (Model(finish_reason="length"), {}, "got 'length'"),
        (Model(finish_reason="stop"), {"tool_choice": "auto"}, "got 'stop'"),
        (Model({"role": "assistant", "tool_calls": None}), {}, "into a tool request message"),
        (Model({"role": "user", "tool_calls": []}), {}, "into a tool request message"),
    ],
)
async def test_response_that_cannot_be_used(model: Model, options: dict[str, Any], told: str) -> None:
    """One error for all of them, with the reason; what did not validate is its cause."""
    with pytest.raises(MalformedMessageError, match=told) as raised:
        await asked(model, **options)
    assert isinstance(raised.value.__cause__, ValidationError) is ("request message" in told)


async def test_accumulated_messages() -> None:
    """Each call sends everything that was said before; a failed one leaves no trace."""
    obs, tools = await DummyEnv().reset()
    model = Model()
    selector = ToolSelector("m", acompletion=model, accum_messages=True)
    first = await selector(obs, tools)
    model.finish_reason = "length"
    with pytest.raises(MalformedMessageError):
        await selector([Message(content="again")], tools)
    model.finish_reason = "tool_calls"
    await selector([Message(content="go on")], tools)
    assert selector.ledger is not None
    assert [message.role for message in selector.ledger.messages] == ["user", "assistant", "user", "assistant"]
    assert selector.ledger.messages[1] == first
    assert [message["content"] for message in model.asked[-1]["messages"] if message["role"] == "user"][-1] == "go on"


async def test_ledger() -> None:
    """It can be dumped and read."""
    obs, tools = await DummyEnv().reset()
    ledger = ToolSelectorLedger(tools=tools, messages=[*obs, TELL])
    read = ToolSelectorLedger.model_validate_json(ledger.model_dump_json(by_alias=True))
    assert [tool.info for tool in read.tools] == [tool.info for tool in tools]
    assert read.messages == ledger.messages


SCRIPT = """
import asyncio, json
from ldp_tui import DummyEnv, Message, ToolSelector, eval_answer, extract_answer

async def main():
    obs, tools = await DummyEnv().reset()
    selection = await ToolSelector("openai/scripted")(obs, tools)
    config = {"model": "openai/scripted"}
    score = await eval_answer("5", "five", "2 + 3?", "llm", config)
    option = await extract_answer("the last", ["A", "B"], config)
    return [str(selection), selection.info["model"], score, option]

print(json.dumps(asyncio.run(main())))
"""


def test_litellm_by_default() -> None:
    """It is loaded when it is first asked, and says nothing of its own."""
    replies = [("print_story", {"story": "Once"}), "YES", "B"]
    with ModelServer(replies) as server:
        given = {"OPENAI_API_BASE": server.base_url, "OPENAI_API_KEY": "sk-x", "PYTHONPATH": ":".join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, **given},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.stderr == ""
    selection, model, score, option = json.loads(done.stdout)
    assert selection.startswith("Tool request message '' for tool calls: print_story(story='Once')")
    assert (model, score, option) == ("openai/scripted", 1.0, "B")
    assert len(server.requests) == 3
