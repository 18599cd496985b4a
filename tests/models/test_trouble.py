"""Servers that misbehave: each failure has its type, is asked again where that can help, and never repeats a key."""

from __future__ import annotations

import asyncio
import email.utils
import time
from typing import Any

import pytest

from ldp_tui.models import AllModelsExhaustedError, LLMConfig, LLMModel, ModelError, errors
from ldp_tui.models.openai_http import LARGEST_REPLY
from ldp_tui.models.retrying import pause_before_retry
from ldp_tui.testing.model_server import (
    BROKEN_JSON,
    EMPTY,
    NO_CHOICE,
    WEB_PAGE,
    Cuts,
    Fails,
    Floods,
    Hangs,
    ModelServer,
    Says,
    Sends,
)
from tests.models.asking import ACT, KEY, model

STREAM_OF_NONSENSE = Sends(b"data: {broken\n\n", "text/event-stream")
ERROR_IN_STREAM = Sends(b'data: {"error": {"message": "overloaded", "code": 503}}\n\n', "text/event-stream")


async def failure(asked: LLMModel, **options: Any) -> ModelError:
    """The last failure of a call that must fail."""
    with pytest.raises(ModelError) as raised:
        await asked.call_single("Hi", **options)
    return raised.value.last_exc if isinstance(raised.value, AllModelsExhaustedError) else raised.value


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (Fails(500), errors.ModelUnavailable, "500: the model is on fire"),
        (Fails(529), errors.ModelUnavailable, "529"),
        (Fails(429), errors.RateLimited, "429"),
        (Fails(429, "You exceeded your current quota"), errors.AuthenticationFailed, "quota"),
        (Fails(401, f"Incorrect API key provided: {KEY}"), errors.AuthenticationFailed, "api_key_env"),
        (Fails(403), errors.AuthenticationFailed, "403"),
        (Fails(404, "The model `x` does not exist"), errors.ModelNotFound, "does not exist"),
        (Fails(400, "bad temperature"), errors.RequestRejected, "bad temperature"),
        (Fails(400, "maximum context length is 10 tokens"), errors.ContextWindowExceeded, "10 tokens"),
        (Fails(400, "", code="context_length_exceeded"), errors.ContextWindowExceeded, "context_length"),
        (Fails(400, "no", code="content_filter"), errors.ModelRefusalError, "content_filter"),
        (Fails(504), errors.ModelTimeout, "504"),
        (WEB_PAGE, errors.InvalidReply, "web page; is base_url right"),
        (Sends(b"<html>", "text/html", status=404), errors.ModelNotFound, "usually ends in /v1"),
        (BROKEN_JSON, errors.InvalidReply, "no JSON"),
        (Sends(b"[1, 2]"), errors.InvalidReply, "no choices"),
        (Sends(b'{"choices": [7]}'), errors.InvalidReply, "no object"),
        (NO_CHOICE, errors.InvalidReply, "no choice"),
        (EMPTY, errors.EmptyReply, "empty"),
        (Says(refusal="I cannot."), errors.ModelRefusalError, "I cannot."),
        (Says("Well", finish_reason="content_filter"), errors.ModelRefusalError, "content_filter"),
        (Says(calls=[("", {})]), errors.InvalidReply, "names no tool"),
        (STREAM_OF_NONSENSE, errors.InvalidReply, "no JSON"),
        (ERROR_IN_STREAM, errors.ModelUnavailable, "overloaded"),
        (Sends(b"", "text/event-stream"), errors.ReplyCut, "ended before"),
        (Floods(LARGEST_REPLY + 1), errors.ReplyTooLarge, "32 MB"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or (value if isinstance(value, str) else ""),
)
async def test_failure(streamed: bool, reply: Any, kind: type[ModelError], says: str) -> None:
    """It has the type that tells what can be done, and one line that names the model."""
    callbacks = [str.upper] if streamed else None
    with ModelServer([reply]) as server:
        error = await failure(model(server, max_retries=0, api_key=KEY), callbacks=callbacks, tools=[ACT])

    assert type(error) is kind
    assert says in str(error)
    assert str(error).startswith("openai/scripted: ")
    assert "\n" not in str(error)
    assert KEY not in str(error)


@pytest.mark.parametrize("events", [0, 1, 3])
async def test_cut_stream(events: int) -> None:
    """A stream that breaks off is no short reply."""
    with ModelServer([Cuts(Says("A long story."), events)]) as server:
        error = await failure(model(server, max_retries=0), callbacks=[])
    assert type(error) is errors.ReplyCut


async def test_cut_stream_is_asked_again() -> None:
    """Whoever listens is told so; the result is the whole reply alone."""
    heard: list[str] = []
    with ModelServer([Cuts(Says("A long story.", pieces=2), 2), "Short."]) as server:
        result = await model(server).call_single("Tell.", callbacks=[heard.append])
    assert result.text == "Short."
    assert "".join(heard) == "A long \n[cut off; asked again]\nShort."


async def test_no_server() -> None:
    """Nobody there is a failure of its own kind, which names the place."""
    with ModelServer() as server:
        pass
    error = await failure(model(server, max_retries=0))
    assert type(error) is errors.ModelUnavailable
    assert f"127.0.0.1:{server.port}" in str(error)


@pytest.mark.parametrize(
    "reply",
    [Hangs(), Says("Slow", pause=5), Says("drip" * 1000, pieces=1000, pause=0.02)],
    ids=["silent", "slow", "drip"],
)
async def test_timeout(reply: Any) -> None:
    """The whole reply must come in time, however steadily it drips; the connection is closed."""
    with ModelServer([reply]) as server:
        started = time.monotonic()
        streamed = isinstance(reply, Says) and reply.pieces > 3
        error = await failure(model(server, max_retries=0, timeout=0.2), callbacks=[] if streamed else None)
        taken = time.monotonic() - started
        assert await asyncio.to_thread(server.wait_abandoned)

    assert type(error) is errors.ModelTimeout
    assert "0.2 s" in str(error)
    assert taken < 3


async def test_cancelled_while_waiting() -> None:
    """Cancelling closes the connection and leaves no task."""
    with ModelServer([Hangs()]) as server:
        before = asyncio.all_tasks()
        asking = asyncio.ensure_future(model(server).call_single("Hi", callbacks=[]))
        while not server.requests:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await asyncio.to_thread(server.wait_abandoned)
    assert asyncio.all_tasks() == before


async def test_asked_again() -> None:
    """What may pass is asked for `max_retries` more times."""
    with ModelServer([Fails(500), BROKEN_JSON, Fails(429), "Here."]) as server:
        result = await model(server, max_retries=3).call_single("Hi")
    assert result.text == "Here."
    assert len(server.requests) == 4


async def test_not_asked_again() -> None:
    """What cannot pass is not asked again, and a wrong request is asked of nobody else."""
    with ModelServer([Fails(400, "bad request"), "never"]) as server:
        place = {"name": "openai/a", "base_url": server.base_url}
        chain = LLMConfig.model_validate({"models": [place, {**place, "name": "openai/b"}]})
        with pytest.raises(errors.RequestRejected):
            await LLMModel(llm_config=chain).call_single("Hi")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [Fails(401), Fails(404), Fails(400, "maximum context length"), Says(refusal="No."), Fails(503)],
    ids=["key", "model", "context", "refusal", "down"],
)
async def test_next_model(reply: Any) -> None:
    """The next model of the chain is asked when the first cannot answer."""
    with ModelServer([reply, "From b."]) as server:
        place = {"base_url": server.base_url, "max_retries": 0}
        chain = LLMConfig.model_validate({"models": [{"name": "openai/a", **place}, {"name": "openai/b", **place}]})
        result = await LLMModel(llm_config=chain).call_single("Hi")
    assert (result.text, result.model) == ("From b.", "b")


async def test_nobody_answers() -> None:
    """The error has every model's own, and says all."""
    with ModelServer([Fails(401), Fails(503)]) as server:
        place = {"base_url": server.base_url, "max_retries": 0}
        chain = LLMConfig.model_validate({"models": [{"name": "openai/a", **place}, {"name": "openai/b", **place}]})
        with pytest.raises(AllModelsExhaustedError) as raised:
            await LLMModel(llm_config=chain).call_single("Hi")
    assert [type(error) for error in raised.value.errors] == [errors.AuthenticationFailed, errors.ModelUnavailable]
    assert str(raised.value).startswith("None of 2 models answered. AuthenticationFailed: openai/a: ")


@pytest.mark.parametrize("header", [0.3, "date"], ids=["seconds", "date"])
async def test_retry_after(header: Any) -> None:
    """The pause is what the server asks for."""
    asked = email.utils.formatdate(time.time() + 1.2, usegmt=True) if header == "date" else header
    with ModelServer([Fails(429, retry_after=asked), "Here."]) as server:
        started = time.monotonic()
        await model(server).call_single("Hi")
        taken = time.monotonic() - started
    assert 0.1 < taken < 3


async def test_retry_after_too_long() -> None:
    """A server that asks for minutes is left at once."""
    with ModelServer([Fails(429, retry_after=600), "never"]) as server:
        error = await failure(model(server))
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == 600
    assert len(server.requests) == 1


def test_pauses() -> None:
    """They are random up to a doubling bound, never shorter than what the server asks for, and bounded."""
    failed = errors.ModelUnavailable("down")
    many = [[pause_before_retry(failed, number, 1.0) or 0.0 for _ in range(200)] for number in (0, 2, 9)]

    assert [max(pauses) <= bound for pauses, bound in zip(many, (1, 4, 30), strict=True)] == [True] * 3
    assert max(many[1]) > 1 > min(many[1])
    assert pause_before_retry(errors.RateLimited("slow", retry_after=9), 0, 0.0) == 9
    assert pause_before_retry(errors.RequestRejected("wrong"), 0, 1.0) is None


async def test_key_from_the_environment_stays_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that repeats the key it was given does not get it into the message, nor into the log."""
    monkeypatch.setenv("SERVER_KEY", KEY)
    with ModelServer(api_key="another") as server:
        error = await failure(model(server, api_key_env="SERVER_KEY"))
    assert "Incorrect API key provided: Bearer [redacted" in str(error)
    assert KEY not in f"{error} {error!r} {error.__cause__!r}"
