"""What the conformance tests play: scripts, legal actions, and random calls."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from ldp_tui.agents.schema_sampling import sample_arguments
from ldp_tui.core.errors import AgentError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction, ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.testing.observed import Run


def random_action(run: Run, rng: Random, index: int) -> Message:
    """Mostly a legal action where the environment lists them, else a random tool with random arguments."""
    legal = run.env.legal_actions()
    if legal and rng.random() < 0.75:
        chosen = rng.choice(legal)
        return request(chosen["name"], chosen["arguments"], index)
    for tool in rng.sample(run.tools, len(run.tools)):
        try:
            return request(tool.info.name, _sampled(tool, rng), index)
        except AgentError:  # a pattern that random text cannot meet
            continue
    return Message(role="assistant", content="Go on.")


def _sampled(tool: Tool, rng: Random) -> dict[str, Any]:
    return sample_arguments(tool.info.parameters.model_dump() if tool.info.parameters is not None else None, rng)


def request(name: str, arguments: Mapping[str, Any], index: int) -> ToolRequestMessage:
    """Message with one call; `index` makes its id the same in every repetition."""
    return ToolRequestMessage(tool_calls=[call(name, arguments, index)])


def call(name: str, arguments: Mapping[str, Any], index: int) -> ToolCall:
    """Call whose id is made of `index`."""
    return ToolCall(id=f"call{index:05d}", function=ToolCallFunction(name=name, arguments=dict(arguments)))
