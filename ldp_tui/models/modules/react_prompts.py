"""The system prompts of ReAct and Act. `{tools}` and `{tool_names}` are filled in where one reply does both."""

from __future__ import annotations

_THOUGHT = "Thought: you should always think about what to do"
_OBSERVATION = "Observation: the result of the action"
_FORECAST = "Observation: The 7 day forecast for New York is [...]"

_SINGLE_ACTION = (
    "Action: the action to take, should be one of [{tool_names}]\n"
    "Action Input: comma separated list of inputs to action as python tuple"
)
_SINGLE_EXAMPLE = 'Action: get_weather\nAction Input: "New York", 7'
_ACTION = "Action: the action to take, should be one of the provided tools with necessary arguments"
_EXAMPLE = 'Action: get_weather("New York", 7)'
_EXAMPLE_THOUGHT = "Thought: I need to use the get_weather tool"


def _prompt(task: str, fields: list[str], names: str, example: list[str]) -> str:
    return "\n\n".join(
        [
            task,
            "Use the following format:",
            "\n".join([*fields, f"... (this {names} can repeat N times)"]),
            "Example:",
            "\n".join(example),
        ]
    )


_SINGLE_TASK = "Answer the following questions as best you can. You have access to the following tools:\n\n{tools}"
_TASK = "Answer the following questions as best you can, using the provided tools."

REACT_DEFAULT_SINGLE_PROMPT_TEMPLATE = _prompt(
    _SINGLE_TASK,
    [_THOUGHT, _SINGLE_ACTION, _OBSERVATION],
    "Thought/Action/Action Input/Observation",
    [_EXAMPLE_THOUGHT, _SINGLE_EXAMPLE, _FORECAST],
)
ACT_DEFAULT_SINGLE_PROMPT_TEMPLATE = _prompt(
    _SINGLE_TASK, [_SINGLE_ACTION, _OBSERVATION], "Action/Action Input/Observation", [_SINGLE_EXAMPLE, _FORECAST]
)
REACT_DEFAULT_PROMPT_TEMPLATE = _prompt(
    _TASK,
    [_THOUGHT, _ACTION, _OBSERVATION],
    "Thought/Action/Observation",
    [_EXAMPLE_THOUGHT, _EXAMPLE, _FORECAST],
)
ACT_DEFAULT_PROMPT_TEMPLATE = _prompt(_TASK, [_ACTION, _OBSERVATION], "Action/Observation", [_EXAMPLE, _FORECAST])
