"""Consensus, pass@k, conversations by transition, words for errors."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import operator
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from ldp_tui.agents.scripted import ScriptedAgent
from ldp_tui.alg import (
    DummyTaskDataset,
    RolloutManager,
    bulk_evaluate_consensus,
    compute_pass_at_k,
    configure_stdout_logs,
    evaluate_consensus,
    format_error_details,
    measure_consensus_proportion,
    split_message_transitions,
)
from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.tool_calls import ToolRequestMessage, ToolResponseMessage


async def test_consensus() -> None:
    """The answer that most give, with the counts of all; of equal ones the first."""
    told: list[Any] = []
    counts, consensus = await evaluate_consensus(
        "abcbbc", str.upper, consensus_callback=lambda *given: told.append(given)
    )
    assert (counts[0], consensus) == (("B", 3), "B")
    assert dict(counts) == {"A": 1, "B": 3, "C": 2}
    assert told == [("B", 3, 6)]


async def test_answers_that_take_time() -> None:
    """A coroutine function may give them; all are asked for at once."""
    asked = 0
    everybody = asyncio.Event()

    async def answer(datum: int) -> int:
        nonlocal asked
        asked += 1
        if asked == 3:
            everybody.set()
        await everybody.wait()
        return datum % 2

    assert (await evaluate_consensus([1, 2, 3], answer))[1] == 1


@pytest.mark.parametrize("make", [lambda: 7, lambda: random.Random(7), lambda: np.random.default_rng(7)])
async def test_samples(make: Any) -> None:
    """Equal seeds draw equal samples, whose values stay what they were."""
    data = [(number, object()) for number in range(50)]
    draws = [await evaluate_consensus(data, operator.itemgetter(0), 5, make()) for _ in range(2)]
    assert draws[0] == draws[1]
    assert len(draws[0][0]) == 5
    assert all(type(answer) is int for answer, _ in draws[0][0])


async def test_more_samples_than_data() -> None:
    """Refused: drawing with replacement would make agreement out of nothing."""
    with pytest.raises(ValueError, match="sampling with replacement"):
        await evaluate_consensus([1], str, 2)


async def test_consensus_of_nothing() -> None:
    """None."""
    assert await evaluate_consensus([], str) == ([], None)
    assert await bulk_evaluate_consensus([], str, str) == ({}, 0.0)


async def test_groups() -> None:
    """Each has its consensus; the share of right ones, in the order in which groups appear."""
    data = [("q1", "a"), ("q2", "x"), ("q1", "b"), ("q1", "a"), ("q2", "y"), ("q2", "y")]
    told: list[str] = []
    groups, share = await bulk_evaluate_consensus(
        data,
        grouping_fn=operator.itemgetter(0),
        extract_answer_fn=operator.itemgetter(1),
        ideal_answer_fn=lambda datum: {"q1": "a", "q2": "x"}[datum[0]],
        consensus_callback=lambda answer, *_: told.append(answer),
    )
    assert groups == {"q1": [("a", 2), ("b", 1)], "q2": [("y", 2), ("x", 1)]}
    assert (share, told) == (0.5, ["a", "y"])
    _, unknown = await bulk_evaluate_consensus(data, operator.itemgetter(0), operator.itemgetter(1))
    assert unknown == 0.0


def test_proportion() -> None:
    """The share and its binomial standard error."""
    assert measure_consensus_proportion(3, 5) == pytest.approx((0.6, 0.2190890))
    with pytest.raises(ValueError, match="at least one"):
        measure_consensus_proportion(0, 0)


@pytest.mark.parametrize("n", [1, 4, 10])
def test_pass_at_k(n: int) -> None:
    """1 − C(n−c, k) / C(n, k), which counting all choices confirms."""
    for c, k in itertools.product(range(n + 1), range(1, n + 1)):
        chosen = list(itertools.combinations([True] * c + [False] * (n - c), k))
        assert compute_pass_at_k(n, c, k) == pytest.approx(sum(map(any, chosen)) / len(chosen))
        assert compute_pass_at_k(n, c, k) == pytest.approx(1 - math.comb(n - c, k) / math.comb(n, k))


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_pass_at_k_of_nonsense(n: int, c: int, k: int) -> None:
    """Refused."""
    with pytest.raises(ValueError, match="pass@k"):
        compute_pass_at_k(n, c, k)


def test_conversation() -> None:
    """What leads up to the first action, then each action with what it led to."""
    said = [
        Message(role="system", content="s"),
        Message(content="u"),
        ToolRequestMessage(content="1", tool_calls=[]),
        ToolResponseMessage(name="t", content="r", tool_call_id="1"),
        EnvStateMessage(content="state"),
        ToolRequestMessage(content="2", tool_calls=[]),
    ]
    assert split_message_transitions(said) == [said[:2], said[2:5], said[5:]]
    assert split_message_transitions([]) == []


def test_conversation_that_begins_with_an_action() -> None:
    """Its first block is empty; words that call no tool are a block up to the first action."""
    request, words = ToolRequestMessage(tool_calls=[]), Message(role="assistant", content="well")
    assert split_message_transitions([request, words]) == [[], [request, words]]
    assert split_message_transitions([words, request]) == [[], [words], [request]]


@dataclass
class Response:
    status_code: int
    body: Any
    text: str = "text"

    def json(self) -> Any:
        if self.body is None:
            raise ValueError("no JSON")
        return self.body


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"detail": "a\nb"}, "no\nStatus code: 500\nServer Traceback:\n    a\n    b\n"),
        ({"other": 1}, "no\nStatus code: 500\nResponse body: text"),
        ([1], "no\nStatus code: 500\nResponse body: text"),
        (None, "no\nStatus code: 500\nResponse body: text"),
    ],
)
def test_words_for_errors(body: Any, told: str) -> None:
    """Of a server: its status, and its traceback or what else it said."""
    error = RuntimeError("no")
    assert format_error_details(error) == "no"
    error.response = Response(500, body)  # type: ignore[attr-defined]
    assert format_error_details(error) == told


def test_logs_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Each record once, from the level on, also when it is called again; other handlers stay."""
    logger = logging.getLogger("ldp_tui.tests.logs")
    other = logging.NullHandler()
    logger.addHandler(other)
    for level in (logging.DEBUG, "WARNING"):
        configure_stdout_logs(logger.name, level, "%(levelname)s %(message)s")
    logger.info("quiet")
    logger.warning("loud")
    assert capsys.readouterr().out == "WARNING loud\n"
    assert other in logger.handlers


async def test_dummy_tasks() -> None:
    """As many environments as wanted, and metrics of what was played in them."""
    dataset = DummyTaskDataset()
    (batch,) = itertools.islice(dataset.iter_batches(3), 1)
    agent = ScriptedAgent([("print_story", {"story": "once"})], repeat=True)
    trajectories = await RolloutManager(agent).sample_trajectories(environments=batch)
    assert dataset.compute_trajectory_metrics(trajectories)["reward"] == [1.0, 1.0, 1.0]
