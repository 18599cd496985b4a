"""Each request to a model is kept with the step it led to."""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from ldp_tui import EpisodeEnded, StepTaken, connect_writer, record, rollout
from ldp_tui.agents import SimpleAgent
from ldp_tui.core import DummyEnv
from ldp_tui.core.agent import Generation
from ldp_tui.datasets.lossless import import_lossless, write_lossless
from ldp_tui.engine.codec import event_from_wire, event_to_wire
from ldp_tui.engine.events import Event
from ldp_tui.engine.replay import replay
from ldp_tui.store.reader import Reader
from ldp_tui.store.verify import verify
from ldp_tui.testing.model_server import EMPTY, Fails, ModelServer, Says

STORY = Says(
    "A story.",
    calls=[("print_story", {"story": "Once there was a cat."})],
    prompt_tokens=12,
    completion_tokens=7,
    cached_tokens=4,
    logprobs=(-0.25, -0.5),
)
PRICES = {"input_cost_per_token": 0.01, "output_cost_per_token": 0.02}


async def played(server: ModelServer, db: Path, **settings: Any) -> list[Event]:
    """One recorded episode, as it was told."""
    model = {"name": "openai/any", "base_url": server.base_url, "retry_seconds": 0, **PRICES, **settings}
    with connect_writer(db) as writer:
        events = record(rollout(DummyEnv(), SimpleAgent(llm_config=model)), writer, run_uid="run")
        async with aclosing(events):
            return [event async for event in events]


def generations(events: list[Event]) -> list[Generation]:
    return [one for event in events if isinstance(event, StepTaken | EpisodeEnded) for one in event.generations]


async def test_what_is_kept(tmp_path: Path) -> None:
    """Model, settings, counts, cost, times, finish reason and the reply as it came — of failed requests too."""
    with ModelServer([Fails(429, "slow down"), EMPTY, STORY]) as server:
        limited, empty, answered = generations(await played(server, tmp_path / "a.db", temperature=0.5, logprobs=True))

    assert (limited.error, empty.error, answered.error) == ("RateLimited", "EmptyReply", None)
    assert "slow down" in limited.raw
    assert limited.request == empty.request == answered.request
    assert (answered.model, answered.finish) == ("any", "tool_calls")
    assert (answered.tokens_in, answered.tokens_out, answered.tokens_cached) == (12, 7, 4)
    assert answered.cost_usd == pytest.approx(12 * 0.01 + 7 * 0.02)
    assert empty.cost_usd == pytest.approx(10 * 0.01 + 5 * 0.02), "an empty reply is paid for all the same"
    assert answered.params["temperature"] == 0.5
    assert answered.logprobs == (-0.25, -0.5)
    assert answered.latency_us >= (answered.ttft_us or 0) > 0
    said = json.loads(answered.raw)
    assert said["content"] == "A story."
    assert json.loads(said["tool_calls"][0]["function"]["arguments"]) == {"story": "Once there was a cat."}


async def test_replay_and_copies(tmp_path: Path) -> None:
    """Live, over the wire, replayed, and exported and imported again, they are the same."""
    with ModelServer([Fails(500), STORY]) as server:
        live = await played(server, tmp_path / "a.db")
    with Reader(tmp_path / "a.db") as reader:
        (uid,) = reader.uids()
        again = list(replay(reader, uid))
        write_lossless(reader, reader.episode_ids(), tmp_path / "all.jsonl")
    with connect_writer(tmp_path / "b.db") as writer:
        import_lossless(tmp_path / "all.jsonl", writer)
    with Reader(tmp_path / "b.db") as reader:
        copied = list(replay(reader, uid))

    assert len(generations(live)) == 2
    assert generations(live) == generations(again) == generations(copied)
    assert [event_from_wire(event_to_wire(event)) for event in live] == live
    assert verify(tmp_path / "b.db").ok


async def test_of_a_decision_that_came_to_nothing(tmp_path: Path) -> None:
    """The requests of a turn in which the model failed for good are kept with the episode's end."""
    with ModelServer([Fails(500)], repeat=True) as server:
        live = await played(server, tmp_path / "a.db", max_retries=2)
    with Reader(tmp_path / "a.db") as reader:
        (uid,) = reader.uids()
        *_, ended = replay(reader, uid)

    assert isinstance(ended, EpisodeEnded)
    assert (ended.reason, ended.steps) == ("failed", 0)
    assert [one.error for one in ended.generations] == ["ModelUnavailable"] * 3
    assert generations(live) == list(ended.generations)


async def test_through_another_process(tmp_path: Path) -> None:
    """A second writer, which hands its rows to the first, loses none of them."""
    with ModelServer([STORY], repeat=True) as server, connect_writer(tmp_path / "a.db"):
        live = await played(server, tmp_path / "a.db")
    with Reader(tmp_path / "a.db") as reader:
        (uid,) = reader.uids()
        assert generations(list(replay(reader, uid))) == generations(live) != []


async def test_nobody_listens() -> None:
    """Outside of an episode nothing is kept, and nothing fails."""
    from ldp_tui.models import LLMModel

    with ModelServer(["Hello!"]) as server:
        asked = LLMModel(llm_config={"name": "openai/any", "base_url": server.base_url})  # type: ignore[arg-type]
        assert (await asked.call_single("Hi")).text == "Hello!"
