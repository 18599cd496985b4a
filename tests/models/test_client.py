from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest
from pydantic import BaseModel, TypeAdapter

from ldp_tui.core.errors import UnknownSetting
from ldp_tui.core.messages import MalformedMessageError, Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, ToolResponseMessage
from ldp_tui.models import (
    AllModelsExhaustedError,
    Choice,
    Delta,
    LLMConfig,
    LLMModel,
    LLMResult,
    Request,
    ResponseValidationError,
    TokenCount,
    set_llm_session_ids,
)
from ldp_tui.testing.model_server import ModelServer, Says
from tests.models.asking import ACT, KEY, config, model


async def test_text() -> None:
    """A text is asked and a text comes back, with what it took."""
    with ModelServer([Says("Hello!", prompt_tokens=7, completion_tokens=2, cached_tokens=3)]) as server:
        result = await model(server, temperature=0.5, api_key=KEY).call_single("Hi")

    assert (result.text, str(result), result.finish_reason) == ("Hello!", "Hello!", "stop")
    assert result.messages == [Message(role="assistant", content="Hello!")]
    assert (result.prompt_count, result.completion_count, result.cache_read_tokens) == (7, 2, 3)
    assert result.seconds_to_last_token > 0
    assert result.prompt == [Message(content="Hi")]
    assert result.config == {"temperature": 0.5, "n": 1}
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "scripted",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5,
    }


async def test_tool_call() -> None:
    """The reply is a tool request, and stays one in dumps."""
    with ModelServer([Says("Let me see.", calls=[("act", {"action": "stick"})])]) as server:
        result = await model(server).call_single("Play.", tools=[ACT])

    (message,) = result.messages or []
    assert isinstance(message, ToolRequestMessage)
    assert message.content == "Let me see."
    assert [(call.id, call.function.arguments) for call in message.tool_calls] == [("call_0", {"action": "stick"})]
    assert LLMResult.model_validate_json(result.model_dump_json()) == result
    assert result.model_dump()["messages"][0]["tool_calls"][0]["function"]["name"] == "act"
    body = server.requests[0].body
    assert body["tool_choice"] == "required"
    assert body["tools"][0]["function"]["parameters"]["required"] == ["action"]


@pytest.mark.parametrize(("choice", "sent"), [("none", "none"), ("auto", "auto"), (None, None)])
async def test_tool_choice(choice: str | None, sent: str | None) -> None:
    """It is passed on, and left out where it is None."""
    with ModelServer(["Hm."]) as server:
        await model(server).call_single("Play.", tools=[ACT], tool_choice=choice)
    assert server.requests[0].body.get("tool_choice") == sent


async def test_one_tool_as_choice() -> None:
    """The model must call that one."""
    with ModelServer([("act", {"action": "hit"})]) as server:
        await model(server).call_single("Play.", tools=[ACT], tool_choice=ACT)
    assert server.requests[0].body["tool_choice"] == {"type": "function", "function": {"name": "act"}}


async def test_streamed_tool_calls() -> None:
    """With callbacks the reply is streamed, tools or not: texts come piece by piece, calls are put together."""
    heard: list[str] = []
    calls = [("act", {"action": "stick", "times": 2}), ("act", {"action": "hit"})]
    with ModelServer([Says("Thinking about it.", reasoning="Hm. ", calls=calls, pieces=4)]) as server:
        result = await model(server).call_single("Play.", tools=[ACT], callbacks=[heard.append])

    assert "".join(heard) == "Hm. Thinking about it."
    assert len(heard) == 5
    (message,) = result.messages or []
    assert isinstance(message, ToolRequestMessage)
    assert [call.function.arguments for call in message.tool_calls] == [call[1] for call in calls]
    assert len({call.id for call in message.tool_calls}) == 2
    assert result.reasoning_content == "Hm. "
    assert 0 < result.seconds_to_first_token <= result.seconds_to_last_token
    assert (result.prompt_count, result.completion_count) == (10, 5)
    assert server.requests[0].body["stream"] is True


async def test_streamed_is_what_comes_whole() -> None:
    """Streaming changes nothing but the way."""
    says = Says("One two three.", calls=[("act", {"action": "a"})], reasoning="Why?", logprobs=[-0.5, -0.25])
    with ModelServer([says, says]) as server:
        whole = await model(server).call_single("Play.", tools=[ACT])
        streamed = await model(server).call_single("Play.", tools=[ACT], callbacks=[])

    same = (
        "text",
        "messages",
        "finish_reason",
        "reasoning_content",
        "logprob",
        "top_logprobs",
        "prompt_count",
        "model",
    )
    assert [getattr(whole, name) for name in same] == [getattr(streamed, name) for name in same]
    assert whole.logprob == -0.75
    assert whole.top_logprobs == [[("other", -1.5)], [("other", -1.25)]]


async def test_callbacks() -> None:
    """Plain and coroutine functions are called in order; one with a parameter `name` gets the call's label."""
    heard: list[tuple[str, str]] = []

    async def slow(text: str) -> None:
        heard.append(("slow", text))

    def named(text: str, name: str) -> None:
        heard.append((name, text))

    with ModelServer([Says("ab", pieces=2)]) as server:
        result = await model(server).call_single("Hi", callbacks=[slow, named], name="label")

    assert heard == [("slow", "a"), ("label", "a"), ("slow", "b"), ("label", "b")]
    assert result.name == "label"


async def test_several_completions() -> None:
    """`n` asks for several, which share what they cost."""
    with ModelServer([Says("a", alternatives=["b", "c"])]) as server:
        asked = model(server, input_cost_per_token=0.3)
        results = await asked.call([Message(content="Hi")], n=3)

    assert [result.text for result in results] == ["a", "b", "c"]
    assert sum(result.cost for result in results) == pytest.approx(3.0)
    assert server.requests[0].body["n"] == 3


async def test_calls_as_other_servers_send_them() -> None:
    """Calls without ids get one each; arguments that are no JSON mark the call, so that the environment can answer."""
    calls = [("act", {"action": "a"}), ("act", "{not json")]
    with ModelServer([Says(calls=calls, calls_without_id=True)]) as server:
        result = await model(server).call_single("Play.", tools=[ACT])

    (message,) = result.messages or []
    assert isinstance(message, ToolRequestMessage)
    assert [call.function.name for call in message.tool_calls] == ["act", "INVALID"]
    assert len({call.id for call in message.tool_calls}) == 2


async def test_conversation_as_it_is_sent() -> None:
    """Tool requests keep their calls; one without calls is an ordinary message, for servers refuse empty lists."""
    call = ToolCall.from_name("act", id="c1", action="a")
    messages = [
        Message(role="system", content="Be brief.", cache_breakpoint=True, info={"hidden": True}),
        ToolRequestMessage(tool_calls=[call]),
        ToolResponseMessage.from_call(call, content="done"),
        ToolRequestMessage(content=None),
        Message.create_message(text="Look", images=["data:image/png;base64,AAAA"]),
    ]
    with ModelServer(["ok"]) as server:
        await model(server).call_single(messages)

    sent = server.requests[0].body["messages"]
    assert sent[0] == {"role": "system", "content": [{"type": "text", "text": "Be brief."}]}
    assert sent[1]["tool_calls"][0]["function"] == {"name": "act", "arguments": '{"action": "a"}'}
    assert sent[2] == {"role": "tool", "content": "done", "name": "act", "tool_call_id": "c1"}
    assert sent[3] == {"role": "assistant", "content": ""}
    assert [block["type"] for block in sent[4]["content"]] == ["image_url", "text"]


async def test_empty_list_of_tools() -> None:
    """The reply is a tool request without calls, and no tools are sent."""
    with ModelServer(["Hm."]) as server:
        result = await model(server, parallel_tool_calls=False).call_single("Play.", tools=[])
    assert result.messages == [ToolRequestMessage(content="Hm.")]
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(server.requests[0].body)


class Move(BaseModel):
    action: str
    times: int


@pytest.mark.parametrize(
    "output_type", [Move, TypeAdapter(Move), Move.model_json_schema()], ids=["model", "adapter", "schema"]
)
async def test_output_type(output_type: object) -> None:
    """A reply that does not fit is asked for again; a fenced one fits."""
    fitting = '{"action": "hit", "times": 2}'
    with ModelServer(['{"action": "hit", "times": "often"}', "no JSON", f"Here:\n```json\n{fitting}\n```"]) as server:
        result = await model(server).call_single("Play.", output_type=output_type)  # type: ignore[arg-type]

    assert json.loads(str(result.text).split("```")[1].removeprefix("json")) == {"action": "hit", "times": 2}
    assert len(server.requests) == 3
    assert server.requests[0].body["response_format"]["type"] in ("json_object", "json_schema")


async def test_output_type_joins_the_system_message() -> None:
    """The schema is told in the one there is, which itself stays as it was."""
    system = Message(role="system", content="Be brief.")
    with ModelServer(['{"action": "a", "times": 1}']) as server:
        await model(server).call_single([system, Message(content="Play.")], output_type=Move)

    sent = server.requests[0].body["messages"]
    assert [message["role"] for message in sent] == ["system", "user"]
    assert sent[0]["content"].startswith("Be brief.\nRespond following this JSON schema")
    assert system.content == "Be brief."


async def test_response_validator() -> None:
    """What it refuses is asked for again."""

    def polite(result: LLMResult) -> None:
        if "please" not in str(result):
            raise ValueError("not polite")

    with ModelServer(["Play!", "Play, please.", "Play!"]) as server:
        result = await model(server, response_validator=polite, max_retries=1).call_single("Ask.")
        assert result.text == "Play, please."
        with pytest.raises(AllModelsExhaustedError, match="not polite") as refused:
            await model(server, response_validator=polite, max_retries=0).call_single("Ask.")
    assert isinstance(refused.value.last_exc, ResponseValidationError)


async def test_tool_parser() -> None:
    """It makes the action of a text, or of the whole reply; what it cannot read is asked for again."""

    def of_text(text: str, tools: list[dict[str, object]] | None) -> Message:
        if not text.startswith("CALL "):
            raise MalformedMessageError("no CALL")
        return ToolRequestMessage(tool_calls=[ToolCall.from_name("act", action=text.removeprefix("CALL "))])

    def of_choice(choice: Choice, tools: list[dict[str, object]] | None) -> Message:
        return Message(role="assistant", content=f"{choice.message.content} {choice.finish_reason} {len(tools or [])}")

    with ModelServer(["Hm.", "CALL stick", "Hm."]) as server:
        parsed = await model(server, tool_parser=of_text).call_single("Play.", tools=[ACT])
        whole = await model(server, tool_parser=of_choice).call_single("Play.", tools=[ACT])

    (message,) = parsed.messages or []
    assert isinstance(message, ToolRequestMessage)
    assert message.tool_calls[0].function.arguments == {"action": "stick"}
    assert whole.messages == [Message(role="assistant", content="Hm. stop 1")]


async def test_select_tool() -> None:
    """It gives the request alone, and refuses talk where a call was due."""
    with ModelServer([("act", {"action": "a"}), "I would rather not.", "I would rather not."]) as server:
        asked = model(server)
        chosen = await asked.select_tool([Message(content="Play.")], [ACT])
        free = await asked.select_tool([Message(content="Play.")], [ACT], tool_choice="auto")
        with pytest.raises(MalformedMessageError, match="rather not"):
            await asked.select_tool([Message(content="Play.")], [ACT])

    assert chosen.tool_calls[0].function.name == "act"
    assert free == ToolRequestMessage(content="I would rather not.")


async def test_unknown_request_setting() -> None:
    """It is refused before anything is sent."""
    with ModelServer() as server:
        with pytest.raises(UnknownSetting, match="Did you mean temperature"):
            await model(server).call_single("Hi", temprature=1)
        with pytest.raises(ValueError, match="at least 1"):
            await model(server).call([Message(content="Hi")], n=0)
    assert server.requests == []


async def test_settings_of_a_result() -> None:
    """They are those of the request, without keys."""
    secret = {"extra_headers": {"Authorization": KEY, "X-Team": "blue"}}
    with ModelServer(["a"]) as server:
        result = await model(server, temperature=1, **secret).call_single(
            "Hi", temperature=0, extra_headers=secret["extra_headers"]
        )
    assert result.config == {"temperature": 0, "extra_headers": {"X-Team": "blue"}, "n": 1}
    assert KEY not in repr(result)
    assert server.requests[0].headers["authorization"] == KEY


async def test_results_of_a_task() -> None:
    """Results carry the session they were made in, and reach whoever asked for all of them."""
    session, seen = uuid4(), []

    async def keep(result: LLMResult) -> None:
        seen.append(result)

    with ModelServer(["a"]) as server, set_llm_session_ids(session):
        asked = LLMModel(llm_config=config(server), llm_result_callback=keep)
        result = await asked.call_single("Hi")

    assert result.session_id == session
    assert seen == [result]


async def test_older_ways_to_make_a_model() -> None:
    """A name, and LDP's `config`, still make one."""
    assert LLMModel(name="openai/gpt-4o").llm_config.models[0].name == "openai/gpt-4o"
    older = LLMModel(name="openai/gpt-4o", config={"temperature": 0.3})  # type: ignore[call-arg]
    assert older.llm_config.models[0].extra_params == {"temperature": 0.3}


class Parrot:
    """A back end of a caller's own: repeats the last message, word by word."""

    async def reply(self, request: Request) -> AsyncGenerator[Delta, None]:
        for word in request.messages[-1]["content"].split():
            yield Delta(text=f"{word} ")
        yield Delta(finish_reason="stop", usage=TokenCount(prompt=3, completion=4, cost_usd=0.5), model="parrot")


async def test_back_end_of_ones_own() -> None:
    """It answers in the place of every model, streamed like any other."""
    heard: list[str] = []
    spoken_to = LLMModel(llm_config=LLMConfig.model_validate({"name": "any", "backend": Parrot()}))
    result = await spoken_to.call_single("pretty bird", callbacks=[heard.append])

    assert heard == ["pretty ", "bird "]
    assert (result.text, result.model, result.cost, result.prompt_count) == ("pretty bird ", "parrot", 0.5, 3)
