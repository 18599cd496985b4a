"""What a language model is shown after somebody played in its place: what was played, not what it proposed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.engine.oversight import PASS, Approver, Proposal, Verdict, replace_with
from ldp_tui.registry import make_agent
from ldp_tui.testing.model_server import ModelServer, Says
from tests.engine.playing import Counter, events_of

ONE = Says("Thought: one is safe.\nAction: go(1)", calls=[("go", {"by": 1})])
JSON = '{"reflection": "one is safe", "action": {"name": "go", "arguments": {"by": 1}}}'
FIVES = ToolRequestMessage(tool_calls=[ToolCall.from_name("go", by=5)])


def review(proposal: Proposal) -> Verdict:
    return replace_with(FIVES) if proposal.index == 0 else PASS


@pytest.mark.parametrize(
    ("player", "reply"),
    [
        ("simple:openai/any", ONE),
        ("react:openai/any", ONE),
        ("reflect:openai/any,form=tool,history=5", ONE),
        (
            "reflect:openai/any,history=5",
            '{"reflection": "one is safe", "action": {"name": "go", "arguments": {"by": 1}}}',
        ),
    ],
)
async def test_the_next_request(player: str, reply: Any) -> None:
    """It holds the other's action, and its answer."""
    with ModelServer([reply], repeat=True) as server:
        agent, _ = make_agent(f"{player},base_url={server.base_url},retry_seconds=0")
        await events_of(Counter(6), agent, overseer=Approver(review, by="ada"))
        first = len(server.requests) // 2
        asked = json.dumps(server.requests[first].body["messages"]).replace("\\", "")
    assert "counted to 5" in asked
    assert '"by": 5' in asked or '"action": 5' in asked
    assert '"by": 1' not in asked
    assert '"action": 1' not in asked
