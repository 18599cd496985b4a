"""A real aviary environment, or a whole task dataset, as an environment of this package.

What it hands out is copied the moment it arrives; what it is given is checked first. Its tools run in its own `step`.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from ldp_tui.adapters import aviary_core as aviary
from ldp_tui.adapters.aviary_messages import (
    message_to_aviary,
    messages_from_aviary,
    tool_from_aviary,
)
from ldp_tui.adapters.global_draws import GlobalDraws
from ldp_tui.adapters.plain import plain
from ldp_tui.core.arguments import ArgumentError, ArgumentSchema
from ldp_tui.core.environment import Environment, Frame
from ldp_tui.core.messages import Message
from ldp_tui.core.signatures import HIDDEN_PARAMETERS
from ldp_tui.core.tasks import task_drawn
from ldp_tui.core.tool_calls import Messages, ToolCall, ToolCallFunction, ToolRequestMessage, ToolResponseMessage
from ldp_tui.core.tools import Tool, tool_schema
from ldp_tui.engine.rollout import close_bounded

_ABSENT: Final = (NotImplementedError, ValueError, AttributeError)
"""What optional methods of aviary's environments raise for "has none"."""
BEST_EFFORT: Final = "best effort: the process's own random numbers"
"""What `info()["seeded"]` says of an environment that takes no seed."""


class AviaryEnvironment(Environment[None]):
    """Plays `aviary_env`.

    Arguments are checked and converted as everywhere in this package; calls whose arguments do not fit are answered
    here, and the others reach the environment. Unknown tools reach it too: some have their own answer or reward.
    """

    def __init__(self, aviary_env: aviary.Environment[Any] | None) -> None:
        self.aviary_env = aviary_env
        self.state = None
        self.tools = []
        self._checks: dict[str, _Check] = {}
        self._described: list[aviary.FunctionInfo] = []
        self._draws = GlobalDraws()
        self._info: dict[str, Any] = {}
        self._started = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy before the first reset. Later it is refused: tools may close over the environment they came from."""
        if self._started:
            raise TypeError("an aviary environment cannot be copied; play its actions again in a new one")
        return self._fresh(memo)

    def _fresh(self, memo: dict[int, Any]) -> Self:
        return type(self)(copy.deepcopy(self.aviary_env, memo))

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Start an episode. Where the environment takes no seed, the process's own random numbers are seeded for it."""
        env = self._playing()
        given = {"seed": seed, "options": options}
        taken = {name: given[name] for name in _reset_keywords(env) if name in given}
        self._info = {}
        self._started = True
        self._draws.seed(None if "seed" in taken else seed)
        if seed is not None and "seed" not in taken:
            self._info["seeded"] = BEST_EFFORT
        with self._draws():
            messages, tools = await env.reset(**taken)
        self._take_tools(tools)
        self._described = _descriptions(env)
        return [*messages_from_aviary(messages)], list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Pass on the calls whose arguments fit; without any, nothing happens in the environment."""
        env = self._playing()
        self._info = {}
        passed, refused = self._checked(action)
        if refused and not passed.tool_calls:
            return [*refused], 0.0, False, False
        sent = message_to_aviary(passed if isinstance(action, ToolRequestMessage) else action)
        try:
            with self._draws():
                messages, reward, done, truncated = await env.step(sent)
        except Exception as error:
            if (tool := _failed_tool(error.__traceback__)) is not None:
                error.failed_tool = tool  # type: ignore[attr-defined]  # whose failure it is, without changing its type
            raise
        self._notice_new_tools(env)
        answers = _in_order(action, [*refused, *messages_from_aviary(messages)])
        return [*answers], float(reward), bool(done), bool(truncated)

    async def close(self) -> None:
        """Close the environment."""
        if self.aviary_env is not None:
            await self.aviary_env.close()

    def export_frame(self) -> Frame:
        """The environment's own frame as JSON values; an empty one where it has none."""
        try:
            frame = self._playing().export_frame()
        except _ABSENT:
            return Frame()
        dumped = frame.model_dump()
        return Frame(state=plain(dumped.get("state")), info=plain(dumped.get("info")))

    def info(self) -> dict[str, Any]:
        """How it was seeded; `tools`, all of them, in the step in which they changed."""
        return dict(self._info)

    async def get_id(self) -> str:
        """The task's identifier. Raises NotImplementedError where it has none, whatever the environment raises."""
        try:
            return str(await self._playing().get_id())
        except _ABSENT as error:
            raise NotImplementedError(f"{type(self.aviary_env).__name__} does not name its task.") from error

    def _playing(self) -> aviary.Environment[Any]:
        if self.aviary_env is None:
            raise ValueError("No task is chosen before the first reset.")
        return self.aviary_env

    def _take_tools(self, tools: list[aviary.Tool]) -> None:
        self.tools = [tool_from_aviary(tool) for tool in tools]
        self._checks = {tool.info.name: _Check.of(tool) for tool in self.tools}

    def _notice_new_tools(self, env: aviary.Environment[Any]) -> None:
        """Environments may change their tools while they are played: the record says so, and new schemas count."""
        described = _descriptions(env)
        if described != self._described:
            self._described = described
            self._take_tools(env.tools)
            self._info["tools"] = [plain(tool_schema(tool)) for tool in self.tools]

    def _checked(self, action: Message) -> tuple[ToolRequestMessage, list[ToolResponseMessage]]:
        """The message with the calls that fit, and an answer for each of the others."""
        if not isinstance(action, ToolRequestMessage):
            return ToolRequestMessage(), []
        passed: list[ToolCall] = []
        refused: list[ToolResponseMessage] = []
        for call in action.tool_calls:
            check = self._checks.get(call.function.name)
            if check is None:
                passed.append(call)
                continue
            try:
                arguments = check.fitting(call.function.arguments)
            except ArgumentError as error:
                text = f"Invalid arguments for tool {call.function.name!r}: {error}"
                refused.append(ToolResponseMessage.from_call(call, text, info={"failed": True}))
            else:
                function = ToolCallFunction(name=call.function.name, arguments=arguments)
                passed.append(ToolCall(id=call.id, function=function))
        return action.model_copy(update={"tool_calls": passed}), refused


class AviaryTasks(AviaryEnvironment):
    """Plays the tasks of a dataset, a new environment for each episode.

    `task` is the number of the one to play. Without it the seed chooses: seed s plays task s, beginning again behind
    the last one; without a seed any task is drawn. An endless dataset gives whatever task comes next.
    """

    def __init__(self, dataset: aviary.TaskDataset[Any], task: int | None = None) -> None:
        super().__init__(None)
        self.dataset = dataset
        self.task = task
        self._index: int | None = None

    def _fresh(self, memo: dict[int, Any]) -> Self:
        return type(self)(self.dataset, self.task)

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Close the last episode's environment, make one for the task and start it."""
        await close_bounded(self)
        self.aviary_env = None
        self._index = self.task if self.task is not None else task_drawn(self.dataset, seed)
        self.aviary_env = await asyncio.to_thread(self._make)  # it may read files or ask a server
        messages, tools = await super().reset(seed=seed, options=options)
        if self._index is not None:
            self._info["task"] = self._index
        return messages, tools

    async def get_id(self) -> str:
        """The task's identifier, or its number in the dataset."""
        try:
            return await super().get_id()
        except NotImplementedError:
            if self._index is None:
                raise
            return str(self._index)

    def _make(self) -> aviary.Environment[Any]:
        dataset = self.dataset
        made: aviary.Environment[Any] = (
            dataset.get_new_env() if self._index is None else dataset.get_new_env_by_idx(self._index)
        )
        return made


@dataclass(frozen=True, slots=True)
class _Check:
    """What is checked of a tool's arguments; None for parameters without a schema."""

    schema: ArgumentSchema
    names: frozenset[str]

    @classmethod
    def of(cls, tool: Tool) -> _Check:
        parameters = tool.info.parameters
        return cls(
            ArgumentSchema(parameters.model_dump() if parameters is not None else None),
            frozenset(tool.info.get_properties()),
        )

    def fitting(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments, checked and converted, without those that only the environment may give.

        Defaults are left to the tool. Raises ArgumentError where they do not fit.
        """
        own = {name: given[name] for name in given if name in self.names or name not in HIDDEN_PARAMETERS}
        coerced = self.schema.coerce(own)
        return {name: coerced[name] for name in own}


def _reset_keywords(env: aviary.Environment[Any]) -> frozenset[str]:
    """Parameters that the environment's reset names; aviary's own have none."""
    return frozenset(inspect.signature(env.reset).parameters)


def _descriptions(env: aviary.Environment[Any]) -> list[aviary.FunctionInfo]:
    return [tool.info.model_copy(deep=True) for tool in getattr(env, "tools", ())]


def _in_order(action: Message, messages: list[Message]) -> list[Message]:
    """The messages with the answers to calls in the order of the calls; all others keep their places behind them."""
    if not isinstance(action, ToolRequestMessage):
        return messages
    places: dict[str, int] = {}
    for place, call in enumerate(action.tool_calls):
        places.setdefault(call.id, place)
    answers = [m for m in messages if isinstance(m, ToolResponseMessage) and m.tool_call_id in places]
    ordered = iter(sorted(answers, key=lambda answer: places[answer.tool_call_id]))
    answered = {id(answer) for answer in answers}
    return [next(ordered) if id(message) in answered else message for message in messages]


def _failed_tool(traceback: TracebackType | None) -> str | None:
    """Name of the tool that aviary was calling when an exception was raised; None if it came from elsewhere."""
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name == "_exec_tool_call" and frame.f_globals.get("__name__") == "aviary.env":
            return str(frame.f_locals["tool_call"].function.name)
        traceback = traceback.tb_next
    return None
