"""Models of transformers as people reach them: requests to the client, many at once, streams, scores, limits."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from ldp_tui.core.messages import Message
from ldp_tui.core.tools import Tool
from ldp_tui.models.backend import Delta, Request
from ldp_tui.models.client import LLMModel, backend_of
from ldp_tui.models.config import ModelSpec
from ldp_tui.models.errors import ContextWindowExceeded, OutOfMemory, RequestRejected
from ldp_tui.models.in_process.generation import Finished, Generation, Picked
from ldp_tui.models.local.errors import translated
from ldp_tui.models.local.loading import MODELS, load
from ldp_tui.models.local.naming import Wanted
from tests.models.local.small_models import ARCHITECTURES, IN_ROWS

Folders = Callable[[str], Path]
QUESTIONS = [
    "left or right?",
    "You are at row 2, column 0. " * 3,
    "x",
    "The lake is frozen; you walk from the start to the goal. " * 5,
    "The lake is frozen; you walk from the start to the goal. " * 5 + "up",
]


def spec_of(folder: Path) -> ModelSpec:
    return ModelSpec.model_validate({"name": f"local/{folder}", "dtype": "float32", "device": "cpu"})


def asking(spec: ModelSpec, content: str, **settings: Any) -> Request:
    return Request(spec, [{"role": "user", "content": content}], settings={"logprobs": True, **settings}, stream=True)


async def reply(request: Request) -> list[Delta]:
    async with aclosing(backend_of(request.spec).reply(request)) as deltas:
        return [delta async for delta in deltas]


def tokens(deltas: list[Delta]) -> list[int]:
    return [token.id for delta in deltas for token in delta.logprobs if token.id is not None]


def prompt_of(deltas: list[Delta]) -> list[int]:
    return list(deltas[0].prompt_ids)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
async def test_many_at_once(architecture: str, model_folder: Folders) -> None:
    """Greedy replies written together are what `generate` writes for each alone, with their log-probabilities."""
    folder = model_folder(architecture)
    spec = spec_of(folder)
    answers = await asyncio.gather(*(reply(asking(spec, question, max_tokens=24)) for question in QUESTIONS))
    plain = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    for deltas in answers:
        prompt, written = prompt_of(deltas), tokens(deltas)
        ids = torch.tensor([prompt])
        expected = plain.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False)
        assert written == expected[0, len(prompt) :].tolist()
        with torch.no_grad():
            whole = plain(torch.tensor([[*prompt, *written]])).logits[0].log_softmax(-1)
        told = [token.logprob for delta in deltas for token in delta.logprobs]
        correct = [float(whole[len(prompt) - 1 + at, token]) for at, token in enumerate(written)]
        assert told == pytest.approx(correct, abs=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
async def test_scores(architecture: str, model_folder: Folders) -> None:
    """The score of a reply is the sum of its tokens' log-probabilities in a plain forward pass, within 1e-4."""
    folder = model_folder(architecture)
    spec = spec_of(folder)
    choices = [{"role": "assistant", "content": text} for text in ("left", "lef", "right", "right up", "down", "x" * 9)]
    request = asking(spec, QUESTIONS[1])
    async with MODELS.using(Wanted.of(spec)) as model:
        rendered = [model.chat.render_reply(request.messages, None, choice) for choice in choices]
        encoded = [[model.chat.encode(text) for text in pair] for pair in rendered]
    plain = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    expected = []
    for prompt, said in encoded:
        assert said[-1] == 0  # the mark that ends a turn, and not the line break behind it
        with torch.no_grad():
            logprobs = plain(torch.tensor([[*prompt, *said]])).logits[0].log_softmax(-1)
        expected.append(sum(float(logprobs[len(prompt) - 1 + at, token]) for at, token in enumerate(said)))
    backend = backend_of(spec)
    twice = await asyncio.gather(*(backend.score(request, choices) for _ in range(3)))  # type: ignore[attr-defined]
    for scores in [*twice, await backend.score(request, choices)]:  # type: ignore[attr-defined]
        assert scores == pytest.approx(expected, abs=1e-4)


async def test_many_choices(model_folder: Folders) -> None:
    """More choices than are read in one step give the same scores as each by itself."""
    spec = spec_of(model_folder("llama"))
    backend: Any = backend_of(spec)
    choices = [{"role": "assistant", "content": f"I go {number * 7919} times"} for number in range(100)]
    together = await backend.score(asking(spec, "where?"), choices)
    alone = [(await backend.score(asking(spec, "where?"), [choice]))[0] for choice in choices[::20]]
    assert together[::20] == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_which_models_advance_together(architecture: str, model_folder: Folders) -> None:
    """Plain attention does; positions by attention mask, and windows, are found out and computed one by one."""
    assert load(Wanted.of(spec_of(model_folder(architecture)))).in_rows == (architecture in IN_ROWS)


async def test_a_known_beginning(model_folder: Folders) -> None:
    """What was read before is not read again, is counted, and changes nothing."""
    spec = spec_of(model_folder("qwen2"))
    question = "The dealer shows a 10, your hand counts 14. " * 8
    first = await reply(asking(spec, question + "hit", max_tokens=12))
    again = await reply(asking(spec, question + "stick", max_tokens=12))
    fresh = load(Wanted.of(spec))
    known = again[-1].usage
    assert known is not None
    assert known.cache_read is not None
    assert known.prompt is not None
    assert known.prompt - 20 < known.cache_read < known.prompt
    assert tokens(first) != []
    generated = fresh.network.model.generate(torch.tensor([prompt_of(again)]), max_new_tokens=12, do_sample=False)
    assert generated[0, len(prompt_of(again)) :].tolist() == tokens(again)


async def test_one_beginning_for_all(model_folder: Folders) -> None:
    """Of requests that come together and begin alike, one reads the beginning and the others go on from there."""
    spec = spec_of(model_folder("llama"))
    shared = "A hand that no other test has: 21 against an ace. " * 10
    answers = await asyncio.gather(*(reply(asking(spec, f"{shared}{n}", max_tokens=2)) for n in range(6)))
    read = [deltas[-1].usage.cache_read for deltas in answers if deltas[-1].usage is not None]
    assert sorted(bool(known and known > 100) for known in read) == [False, *[True] * 5]


async def test_streams_side_by_side(model_folder: Folders) -> None:
    """Every stream has begun before any has ended, and one that comes later joins them."""
    spec, begun, ended = spec_of(model_folder("llama")), list[int](), list[int]()

    async def follow(number: int) -> None:
        request = asking(spec, f"question {number}", max_tokens=150, temperature=5.0, seed=number)
        async with aclosing(backend_of(spec).reply(request)) as deltas:
            async for delta in deltas:
                if delta.logprobs and number not in begun:
                    begun.append(number)
                    if number == 0:
                        others.extend(asyncio.ensure_future(follow(later)) for later in range(1, 6))
                if delta.finish_reason:
                    ended.append(len(begun))

    others: list[asyncio.Future[None]] = []
    await follow(0)
    await asyncio.gather(*others)
    assert sorted(begun) == list(range(6))
    assert ended[0] > 1


@pytest.mark.parametrize("architecture", ["llama", "mistral"])
async def test_a_reply_that_is_left(architecture: str, model_folder: Folders) -> None:
    """Closing a stream stops the computing within 200 ms (the best of five: other processes may hold up one)."""
    spec = spec_of(model_folder(architecture))
    waited = []
    async with MODELS.using(Wanted.of(spec)) as model:
        for _ in range(5):
            request = asking(spec, "on and on", temperature=50.0, max_tokens=1900)
            async with aclosing(backend_of(spec).reply(request)) as deltas:
                async for delta in deltas:
                    if delta.logprobs:
                        break
                left = time.perf_counter()
            assert await asyncio.to_thread(model.wait_idle, 20.0)
            waited.append(time.perf_counter() - left)
    assert min(waited) < 0.2


async def test_a_prompt_that_is_left(model_folder: Folders) -> None:
    """A request that is cancelled while its prompt is read is not read to the end; others are answered as usual."""
    spec = spec_of(model_folder("llama"))
    async with MODELS.using(Wanted.of(spec)) as model:
        long = asyncio.ensure_future(reply(asking(spec, "abc " * 400)))
        await asyncio.sleep(0)
        long.cancel()
        (deltas,) = await asyncio.gather(reply(asking(spec, "short", max_tokens=3)))
        assert await asyncio.to_thread(model.wait_idle, 20.0)
    assert len(tokens(deltas)) == 3
    assert long.cancelled()


async def test_sampling(model_folder: Folders) -> None:
    """A seed gives the same reply whatever runs beside it; other seeds others; the narrowest sampling is greedy."""
    spec = spec_of(model_folder("llama"))
    warm = {"temperature": 1.5, "max_tokens": 16}
    alone = tokens(await reply(asking(spec, "now", **warm, seed=3)))
    beside = [reply(asking(spec, question, **warm, seed=8)) for question in QUESTIONS]
    together = await asyncio.gather(reply(asking(spec, "now", **warm, seed=3)), *beside)
    assert tokens(together[0]) == alone
    assert tokens(await reply(asking(spec, "now", **warm, seed=4))) != alone
    greedy = tokens(await reply(asking(spec, "now", max_tokens=16)))
    for narrow in ({"top_k": 1}, {"top_p": 1e-9}):
        assert tokens(await reply(asking(spec, "now", **warm, **narrow))) == greedy


async def test_how_often_a_token_is_drawn(model_folder: Folders) -> None:
    """Drawn at temperature 1, tokens come as often as their probabilities say; of the two best with top_k=2."""
    spec = spec_of(model_folder("llama"))
    settings = {"temperature": 1.0, "max_tokens": 1, "n": 300, "seed": 5, "top_logprobs": 2}
    for top_k in (0, 2):
        drawn = await reply(asking(spec, "now", **settings, top_k=top_k))
        first = next(token for delta in drawn for token in delta.logprobs)
        best, share = first.top[0][0], math.exp(first.top[0][1])
        if top_k:
            share /= sum(math.exp(logprob) for _, logprob in first.top)
        found = sum(token.token == best for delta in drawn for token in delta.logprobs) / 300
        assert found == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 300))
        if top_k:
            assert {token.token for delta in drawn for token in delta.logprobs} <= {token for token, _ in first.top}


async def test_a_stop_text(model_folder: Folders) -> None:
    """The reply ends before it, wherever tokens are cut, and says that it stopped."""
    spec = spec_of(model_folder("llama"))
    whole = "".join(delta.text for delta in await reply(asking(spec, "tell", max_tokens=40)))
    stop = whole[10:13]
    deltas = await reply(asking(spec, "tell", max_tokens=40, stop=[stop, "never said"]))
    assert "".join(delta.text for delta in deltas) == whole[: whole.index(stop)]
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["stop"]


async def test_the_end_of_the_context(model_folder: Folders) -> None:
    """A prompt that does not fit is refused; one that nearly fills it is answered as far as it goes."""
    spec = spec_of(model_folder("gpt2"))
    with pytest.raises(ContextWindowExceeded, match="512"):
        await reply(asking(spec, "\x00" * 600))
    short = prompt_of(await reply(asking(spec, "", max_tokens=1)))
    deltas = await reply(asking(spec, "\x00" * (510 - len(short)), max_tokens=50))
    assert len(tokens(deltas)) <= 2
    with pytest.raises(RequestRejected, match="takes no logit_bias"):
        await reply(asking(spec, "x", logit_bias={}))
    picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}]
    with pytest.raises(RequestRejected, match="no pictures"):
        await reply(Request(spec, [{"role": "user", "content": picture}]))


async def test_tokens_are_kept_as_they_were_sampled(model_folder: Folders) -> None:
    """A result has the tokens that were read and written: a plain forward pass gives their log-probabilities."""
    spec = spec_of(model_folder("qwen2"))
    tool = Tool.from_function(act)
    model = LLMModel.model_validate({"llm_config": {"models": [spec]}})
    result = await model.call_single(
        [Message(content="go")], tools=[tool], tool_choice="auto", logprobs=True, temperature=1.0, seed=1, max_tokens=20
    )
    assert result.prompt_ids is not None
    assert result.token_ids is not None
    assert result.token_logprobs is not None
    plain = transformers.AutoModelForCausalLM.from_pretrained(model_folder("qwen2"), dtype=torch.float32).eval()
    with torch.no_grad():
        whole = plain(torch.tensor([[*result.prompt_ids, *result.token_ids]])).logits[0].log_softmax(-1)
    start = len(result.prompt_ids) - 1
    expected = [float(whole[start + at, token]) for at, token in enumerate(result.token_ids)]
    assert result.token_logprobs == pytest.approx(expected, abs=1e-4)
    assert result.logprob == pytest.approx(sum(expected), abs=1e-3)


def act(action: str) -> str:
    """Move.

    Args:
        action: Where to.
    """
    return action


@pytest.mark.parametrize("architecture", ["llama", "mistral"])
async def test_a_computation_that_fails(architecture: str, model_folder: Folders) -> None:
    """Whoever waits hears of it, and the next request is answered."""
    spec, told = spec_of(model_folder(architecture)), list[Picked | Finished]()
    async with MODELS.using(Wanted.of(spec)) as model:
        model.start(Generation([10**6], 5, (), model.sampler({}, 0), told.append))
        assert await asyncio.to_thread(model.wait_idle, 20.0)
    assert isinstance(told[0], Finished)
    assert isinstance(told[0].error, IndexError)
    assert len(tokens(await reply(asking(spec, "and now", max_tokens=3)))) == 3


def test_memory_that_runs_out() -> None:
    """It has a type of its own, whoever ran out of it; other errors stay what they are."""
    for error in (
        MemoryError(),
        torch.OutOfMemoryError("CUDA"),
        RuntimeError("DefaultCPUAllocator: not enough memory"),
    ):
        assert isinstance(translated(error), OutOfMemory)
    other = RuntimeError("size mismatch")
    assert translated(other) is other
