"""The actions that a model can choose among: their replies, their names, and their probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from ldp_tui.agents.native import call_label
from ldp_tui.agents.reflecting.briefing import sole_parameter
from ldp_tui.agents.reflecting.prompt import ReplyForm, reply_text
from ldp_tui.agents.schema_sampling import enumerate_arguments
from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage
from ldp_tui.core.tools import Tool

MOST_CHOICES = 256
"""More actions than that are not scored one by one."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An action that is legal now. Of several choices the names differ."""

    name: str
    call: ToolCall


def choices(env: Environment[Any] | None, tools: Sequence[Tool]) -> list[Choice]:
    """The legal actions, or where the environment lists none every call that the tools allow; empty if too many."""
    listed = env.legal_actions() if env is not None else None
    if listed is None:
        listed = _all_calls(tools)
    if not 0 < len(listed) <= MOST_CHOICES:
        return []
    calls = [ToolCall.from_name(entry["name"], **entry["arguments"]) for entry in listed]
    by_name = {call_label(call): call for call in calls}
    if len(by_name) < len(calls):
        by_name = {str(call): call for call in calls}
    return [Choice(name, call) for name, call in by_name.items()]


def reply_with(call: ToolCall, reflection: str, *, form: ReplyForm, tools: Sequence[Tool]) -> Message:
    """The reply that reflects and makes this call, in the form that is asked for."""
    if form == "tool":
        return ToolRequestMessage(content=reflection, tool_calls=[call])
    return Message(role="assistant", content=reply_text(reflection, json_action(call, tools)))


def json_action(call: ToolCall, tools: Sequence[Tool]) -> Any:
    """What stands for a call as `action` of a JSON reply: the value of the only parameter, or name and arguments."""
    sole = sole_parameter(tools)
    if sole is not None and set(call.function.arguments) == {sole[0]}:
        return call.function.arguments[sole[0]]
    return {"name": call.function.name, "arguments": call.function.arguments}


def probabilities(options: Sequence[Choice], logprobs: Sequence[float], *, temperature: float) -> dict[str, float]:
    """Each choice's share, by its name: softmax of the log-probabilities, divided by a temperature other than 0."""
    heat = temperature or 1.0
    best = max(logprobs)
    weights = [math.exp((logprob - best) / heat) for logprob in logprobs]
    total = sum(weights)
    return {option.name: weight / total for option, weight in zip(options, weights, strict=True)}


def pick(options: Sequence[Choice], shares: Mapping[str, float], *, temperature: float, rng: Random) -> Choice:
    """The most probable choice; one drawn by its share where the temperature is not 0."""
    if temperature:
        return rng.choices(options, [shares[option.name] for option in options])[0]
    return max(options, key=lambda option: shares[option.name])


def _all_calls(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    for tool in tools:
        parameters = tool.info.parameters.model_dump() if tool.info.parameters is not None else None
        listed = enumerate_arguments(parameters, limit=MOST_CHOICES - len(calls))
        if listed is None:
            return []
        calls += [{"name": tool.info.name, "arguments": arguments} for arguments in listed]
    return calls
