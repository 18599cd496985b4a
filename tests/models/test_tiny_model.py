"""The bundled model as people reach it: requests to the client, streams, scores, limits."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, ToolResponseMessage
from ldp_tui.models.backend import Delta, Request
from ldp_tui.models.client import LLMModel
from ldp_tui.models.config import LLMConfig, ModelSpec
from ldp_tui.models.errors import ContextWindowExceeded, RequestRejected
from ldp_tui.models.in_process.generation import Finished, Generation, Picked
from ldp_tui.models.tiny.backend import TinyBackend
from ldp_tui.models.tiny.chat import ChatTokenizer
from ldp_tui.models.tiny.errors import ModelFolderError
from ldp_tui.models.tiny.model import BUNDLED, load_model
from ldp_tui.models.tiny.sampling import Sampler
from ldp_tui.registry import make_environment

HAND = "start: true\nobservation: Your hand counts 14, no usable ace. The dealer shows a 10."
SPEC = ModelSpec(name="tiny")


def asked(content: str = HAND) -> list[dict[str, Any]]:
    """A conversation as the reflecting player begins it."""
    env, _ = make_environment("Blackjack-v1")
    goal = env.get_goal_description()  # type: ignore[attr-defined]
    return [{"role": "system", "content": goal}, {"role": "user", "content": content}]


async def reply(request: Request) -> list[Delta]:
    """All pieces of a reply."""
    async with aclosing(TinyBackend().reply(request)) as deltas:
        return [delta async for delta in deltas]


def answers(action: str) -> dict[str, Any]:
    """A reply without reflection."""
    return {"role": "assistant", "content": json.dumps({"reflection": "", "action": action})}


async def test_a_streamed_reply() -> None:
    """It comes in many pieces, and is JSON with a reflection and the best action; it is counted and costs nothing."""
    deltas = await reply(Request(SPEC, asked(), stream=True))
    said = json.loads("".join(delta.text for delta in deltas))
    assert said["action"] == "hit"
    assert "14 against a 10" in said["reflection"]
    assert sum(bool(delta.text) for delta in deltas) > 5
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["stop"]
    usage = deltas[-1].usage
    assert usage is not None
    assert usage.prompt
    assert usage.completion
    assert usage.cost_usd == 0.0


async def test_streamed_or_not() -> None:
    """The same reply comes either way."""
    streamed = "".join(delta.text for delta in await reply(Request(SPEC, asked(), stream=True)))
    assert "".join(delta.text for delta in await reply(Request(SPEC, asked()))) == streamed


async def test_with_tools() -> None:
    """Told of tools, it reflects in text and calls one; the answer's turn is understood too."""
    env, _ = make_environment("Blackjack-v1")
    goal = env.get_goal_description()  # type: ignore[attr-defined]
    model = LLMModel(llm_config=LLMConfig(models=[SPEC]))
    conversation = [Message(role="system", content=goal), Message(content=HAND)]
    result = await model.call_single(conversation, tools=env.tools)
    call = result.messages[0].tool_calls[0]  # type: ignore[index, union-attr]
    assert call.function.name == "act"
    assert call.function.arguments == {"action": "hit"}
    assert result.finish_reason == "tool_calls"
    assert "14 against a 10" in (result.text or "")
    seen = "start: false\nobservation: Your hand counts 20, no usable ace. The dealer shows a 10."
    answer = ToolResponseMessage(content=seen, name="act", tool_call_id=call.id)
    result = await model.call_single([*conversation, *(result.messages or ()), answer], tools=env.tools)
    assert result.messages[0].tool_calls[0].function.arguments == {"action": "stick"}  # type: ignore[index, union-attr]


async def test_log_probabilities() -> None:
    """Tokens come with their log-probabilities and alternatives; their sum is the reply's score."""
    deltas = await reply(Request(SPEC, asked(), settings={"top_logprobs": 3}))
    tokens = [token for delta in deltas for token in delta.logprobs]
    text = "".join(token.token for token in tokens)
    assert all(len(token.top) == 3 and token.top[0] == (token.token, token.logprob) for token in tokens)
    said = {"role": "assistant", "content": text.removesuffix("<|end|>")}
    (score,) = await TinyBackend().score(Request(SPEC, asked()), [said])
    assert score == pytest.approx(sum(token.logprob for token in tokens), abs=1e-3)


async def test_scores_of_actions() -> None:
    """The best action is by far the most probable reply, in both forms; scores are log-probabilities."""
    backend, actions = TinyBackend(), ["stick", "hit"]
    stick, hit = await backend.score(Request(SPEC, asked()), [answers(action) for action in actions])
    assert stick < hit - 2.0
    assert hit < 0.0
    env, _ = make_environment("Blackjack-v1")
    tools = [tool.model_dump(exclude_none=True, by_alias=True) for tool in env.tools]
    calls = [ToolRequestMessage(content="", tool_calls=[ToolCall.from_name("act", action=a)]) for a in actions]
    dumped = [call.model_dump() for call in calls]
    stick, hit = await backend.score(Request(SPEC, asked(), tools=tools), dumped)
    assert stick < hit - 2.0


async def test_many_at_once() -> None:
    """Replies that are written together are those that are written alone."""
    hands = [HAND.replace("14", str(total)) for total in range(4, 22)]
    alone = ["".join(d.text for d in await reply(Request(SPEC, asked(hand)))) for hand in hands]
    together = await asyncio.gather(*(reply(Request(SPEC, asked(hand), stream=True)) for hand in hands))
    assert ["".join(delta.text for delta in deltas) for deltas in together] == alone


async def test_several_choices() -> None:
    """With a temperature and a seed, `n` replies differ from each other and come again."""
    settings = {"n": 6, "temperature": 3.0, "seed": 1, "max_tokens": 12}

    async def drawn() -> list[str]:
        texts = [""] * 6
        for delta in await reply(Request(SPEC, asked(), settings=settings)):
            texts[delta.choice] += delta.text
        return texts

    first = await drawn()
    assert len(set(first)) > 1
    assert await drawn() == first


async def test_a_reply_that_is_left() -> None:
    """Closing a stream stops the computing: the model's thread ends."""
    request = Request(SPEC, asked(), settings={"temperature": 30.0, "seed": 1, "max_tokens": 1800}, stream=True)
    async with aclosing(TinyBackend().reply(request)) as deltas:
        await anext(deltas)
    for thread in threading.enumerate():
        if thread.name == "tiny-model":
            await asyncio.to_thread(thread.join, 60)
            assert not thread.is_alive()


def test_a_generation_that_is_cancelled() -> None:
    """Nothing more is computed or told than the token under way."""
    model, told = load_model(), list[Picked | Finished]()

    def tell(piece: Picked | Finished) -> None:
        told.append(piece)
        if len(told) == 3:
            generation.cancelled = True

    hot = Sampler(temperature=30.0, seed=1)
    generation = Generation(model.chat.encode("start"), 1800, (), hot, tell)
    model.batcher.start(generation)
    for thread in threading.enumerate():
        if thread.name == "tiny-model":
            thread.join(60)
    assert len(told) == 3
    assert len(generation.reply) == 3


async def test_the_end_of_the_context() -> None:
    """A prompt that does not fit is refused; one that nearly fills the context is answered as far as it goes."""
    context = load_model().network.shape.context
    with pytest.raises(ContextWindowExceeded, match=str(context)):
        await reply(Request(SPEC, asked("x " * 2 * context)))
    with pytest.raises(ContextWindowExceeded):
        await TinyBackend().score(Request(SPEC, asked("x " * 2 * context)), [answers("hit")])
    room = context - len(load_model().chat.encode(load_model().chat.render(asked(""))))
    deltas = await reply(Request(SPEC, asked("\x00" * (room - 2)), settings={"max_tokens": 50}))
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["length"]


async def test_a_setting_it_does_not_have() -> None:
    """It is named, with those that exist."""
    with pytest.raises(RequestRejected, match=r"takes no top_k; it takes .*temperature"):
        await reply(Request(SPEC, asked(), settings={"top_k": 3}))


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    """It is refused in one line that names the folder."""
    with pytest.raises(ModelFolderError, match=str(tmp_path)):
        load_model(tmp_path)


def conversations() -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]] | None]]:
    """Conversations of every shape that the template knows."""
    call = {"id": "1", "type": "function", "function": {"name": "act", "arguments": {"action": 'a "b" <é>'}}}
    texts = {**call, "function": {"name": "act", "arguments": '{"action": 1}'}}
    env, _ = make_environment("Blackjack-v1")
    tools = [tool.model_dump(exclude_none=True, by_alias=True) for tool in env.tools]
    turns: list[dict[str, Any]] = [
        {"role": "system", "content": "First line.\nSecond line."},
        {"role": "user", "content": [{"type": "text", "text": "seen"}, {"type": "text", "text": " twice"}]},
        {"role": "assistant", "content": "Thought.", "tool_calls": [call, texts]},
        {"role": "tool", "content": "answer", "tool_call_id": "1", "name": "act"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "user", "content": ""},
        {"role": "system", "content": "late\nwords"},
        {"role": "assistant", "content": "done"},
    ]
    for length in range(1, len(turns) + 1):
        yield turns[:length], None
        yield turns[1:length], tools


def test_the_template_continues_what_it_wrote() -> None:
    """Every conversation's text is the beginning of its continuation's, so that prefixes can be kept."""
    chat, before = ChatTokenizer.from_folder(BUNDLED), {True: "", False: ""}
    for messages, tools in conversations():
        text = chat.render(messages, tools, ask=False)
        assert text.startswith(before[tools is None])
        before[tools is None] = text
        assert chat.decode(chat.encode(text)) == text


def test_the_same_text_and_tokens_in_transformers() -> None:
    """transformers renders and encodes every conversation alike, and reads a reply back as a tool call."""
    transformers = pytest.importorskip("transformers")
    theirs, ours = transformers.AutoTokenizer.from_pretrained(BUNDLED), ChatTokenizer.from_folder(BUNDLED)
    for messages, tools in conversations():
        if messages:
            text = theirs.apply_chat_template(messages, tools=tools, tokenize=False, add_generation_prompt=True)
            assert text == ours.render(messages, tools)
            ids = theirs.apply_chat_template(messages, tools=tools, add_generation_prompt=True)["input_ids"]
            assert ids == ours.encode(text)
    marked = theirs.apply_chat_template(
        list(conversations())[-2][0], return_dict=True, return_assistant_tokens_mask=True
    )
    trained = [token for token, mask in zip(marked["input_ids"], marked["assistant_masks"], strict=True) if mask]
    assert theirs.decode(trained).endswith("done<|end|>")
    said = 'Low.<tool_call>{"name": "act", "arguments": {"action": "hit"}}</tool_call><|end|>'
    parsed = theirs.parse_response(said, prefix="")
    assert parsed["content"] == "Low."
    assert parsed["tool_calls"][0]["function"] == {"name": "act", "arguments": {"action": "hit"}}


def test_the_same_reply_in_transformers() -> None:
    """transformers generates, greedily and from the same files, the tokens that are generated here."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    chat = load_model().chat
    ids = chat.encode(chat.render(asked()))
    model = transformers.AutoModelForCausalLM.from_pretrained(BUNDLED, dtype=torch.float32)
    written = model.generate(torch.tensor([ids]), max_new_tokens=60, do_sample=False)[0, len(ids) :].tolist()
    ours = asyncio.run(reply(Request(SPEC, asked())))
    assert chat.decode(written) == "".join(delta.text for delta in ours) + "<|end|>"
    assert math.isfinite(sum(written))
