from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

import pytest

from ldp_tui.core.agent import Usage, listening
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.graph import ConfigOp, FxnOp, PromptOp, compute_graph
from ldp_tui.graph.gradient_estimators import llm_straight_through_estimator
from ldp_tui.models import AllModelsExhaustedError, LLMCallOp, LLMResult
from ldp_tui.models.prompts import append_to_sys
from ldp_tui.testing.model_server import ModelServer, Says
from tests.models.asking import ACT, config

HI = [Message(content="Hi")]


class Ear:
    """Hears what a decision reports."""

    def __init__(self, *, live: bool = True) -> None:
        self.live = live
        self.said: list[str] = []
        self.spent: list[Usage] = []

    def reflect(self, text: str) -> None:
        self.said.append(text)

    def propose(self, probabilities: Mapping[str, float]) -> None:
        raise AssertionError(probabilities)

    def spend(self, usage: Usage) -> None:
        self.spent.append(usage)


async def test_call() -> None:
    """The message is the value; the whole result and the settings are recorded with the call."""
    op = LLMCallOp()
    with ModelServer([Says("Hello", logprobs=[-0.5])]) as server:
        result = await op(config(server, temperature=1.0), msgs=HI)

    assert result.value == Message(role="assistant", content="Hello")
    recorded = op.ctx.get(result.call_id, "result")
    assert isinstance(recorded, LLMResult)
    assert (recorded.text, recorded.prompt_count) == ("Hello", 10)
    assert [op.ctx.get(result.call_id, key) for key in ("raw_logprob", "temperature", "logprob")] == [-0.5, 1.0, -0.5]
    assert result.logprob == -0.5


async def test_records_go_with_their_run() -> None:
    """Nothing is kept of calls whose results nobody holds."""
    op = LLMCallOp()
    with ModelServer(["Hello"], repeat=True) as server:
        for _ in range(5):
            await op(config(server), msgs=HI)
    gc.collect()
    assert op.get_call_ids() == set()


@pytest.mark.parametrize(
    ("tools", "choice", "sent"),
    [(None, None, None), ([ACT], None, "required"), ([ACT], "none", "none"), ([ACT], "auto", "auto")],
)
async def test_choice_of_tools(tools: Any, choice: str | None, sent: str | None) -> None:
    """With tools one must be called unless the call says otherwise."""
    with ModelServer(["Hm."]) as server:
        await LLMCallOp()(config(server), HI, tools=tools, tool_choice=choice)
    assert server.requests[0].body.get("tool_choice") == sent


async def test_empty_tools() -> None:
    """An empty list of tools still makes a tool request of the reply."""
    with ModelServer(["Hm."]) as server:
        result = await LLMCallOp()(config(server), msgs=HI, tools=[])
    assert result.value == ToolRequestMessage(content="Hm.")


@pytest.mark.parametrize(("live", "stream"), [(True, True), (True, False), (False, True)])
async def test_reported(live: bool, stream: bool) -> None:
    """Whoever listens hears reasoning and text and what it cost; streamed, if somebody hears words as they are said."""
    ear = Ear(live=live)
    says = Says("So be it.", reasoning="Hm. ", calls=[("act", {"action": "a"})])
    with ModelServer([says]) as server, listening(ear):
        await LLMCallOp()(config(server, stream=stream, input_cost_per_token=0.1), HI, tools=[ACT])

    assert "".join(ear.said) == "Hm. So be it."
    assert (len(ear.said) > 2) is (live and stream)
    assert ear.spent == [Usage(10, 5, 1.0)]
    assert bool(server.requests[0].body.get("stream")) is (live and stream)


async def test_not_streamed_for_nobody() -> None:
    """Where nobody listens the reply comes whole."""
    with ModelServer(["Hello"]) as server:
        await LLMCallOp()(config(server), HI)
    assert "stream" not in server.requests[0].body


async def test_validator() -> None:
    """What it refuses is asked for again; a garbled tool name is refused."""
    garbled = Says(calls=[("act(action='a')", {})])
    op = LLMCallOp(response_validator=LLMCallOp.anthropic_response_validator)
    with ModelServer([garbled, ("act", {"action": "a"}), garbled]) as server:
        result = await op(config(server, max_retries=1), HI, tools=[ACT])
        assert isinstance(result.value, ToolRequestMessage)
        with pytest.raises(AllModelsExhaustedError, match="garbled"):
            await op(config(server, max_retries=0), HI, tools=[ACT])


@pytest.mark.parametrize(
    ("temperature", "samples", "expected"),
    [(1.0, 0, -2.0), (0.0, 0, 1.0), (0.5, 0, None), (0.5, 2, -4.0 + 1.0)],
    ids=["as it is", "certain", "unknown", "estimated"],
)
async def test_logprob(temperature: float, samples: int, expected: float | None) -> None:
    """At temperature T it is raw / T − log Z, with Z estimated from samples: here each has exp(-1), so log Z is -1."""
    op = LLMCallOp(num_samples_logprob_estimate=samples)
    with ModelServer([Says("a", logprobs=[-2.0]), *[Says("b", logprobs=[-1.0])] * samples]) as server:
        result = await op(config(server, temperature=temperature, logprobs=True), HI)

    assert op.ctx.get(result.call_id, "logprob") == expected
    assert [request.body["temperature"] for request in server.requests[1:]] == [1.0] * samples


async def test_gradients() -> None:
    """They reach the configuration and the prompts; examples pair results with what reached the configuration."""
    prompt, package, config_op, op = PromptOp("Be {how}."), FxnOp(append_to_sys), ConfigOp, LLMCallOp()
    with ModelServer(["Yes."]) as server:
        settings = config_op(config(server))
        async with compute_graph():
            messages = await package("Hi", await prompt(how="brief"))
            result = await op(await settings(), messages)

    result.compute_grads(3.0)
    assert op.get_input_grads(result.call_id) == ([], {"config": 0.0, "msgs": 0.0})
    result.compute_grads(3.0, backward_fns={LLMCallOp: llm_straight_through_estimator})
    assert op.get_input_grads(result.call_id)[1]["config"] == 3.0
    assert [(example.text, weight) for example, weight in op.get_examples()] == [("Yes.", 3.0)]


def test_where_users_of_ldp_look_for_it() -> None:
    """The ops that ask models are found in `ldp_tui.graph` too; other names are not."""
    import ldp_tui.graph
    from ldp_tui.graph import LLMCallOp as Found
    from ldp_tui.graph import MemoryOp

    assert Found is LLMCallOp
    assert MemoryOp.__name__ == "MemoryOp"
    assert not hasattr(ldp_tui.graph, "NoSuchOp")
