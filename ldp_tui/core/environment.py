"""What an environment is: reset, step, tools, and what a viewer may ask of it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ldp_tui.core.execution import CallPolicy, run_tool_calls
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolRequestMessage, ToolResponseMessage
from ldp_tui.core.tools import Tool

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Picture:
    """A rendered frame: row-major RGB, 8 bits a channel, `len(rgb) == 3 * width * height`."""

    width: int
    height: int
    rgb: bytes

    def __post_init__(self) -> None:
        if len(self.rgb) != 3 * self.width * self.height:
            raise ValueError(
                f"A {self.width}×{self.height} picture has {3 * self.width * self.height} bytes, not {len(self.rgb)}."
            )


class Frame(BaseModel):
    """Snapshot of an environment as JSON, for viewers and for debugging. `deepcopy=False` keeps references."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    deepcopy: bool = Field(default=True, exclude=True)
    state: dict[str, JsonValue] | list[JsonValue] | int | float | str | bool | BaseModel | None = None
    info: dict[str, JsonValue] | list[JsonValue] | int | float | str | bool | BaseModel | None = None

    def __init__(self, **fields: Any) -> None:
        keep = fields.get("deepcopy", True)
        for name in ("state", "info"):
            value = fields.get(name)
            if isinstance(value, BaseModel):
                fields[name] = value.model_dump()
            elif keep and value is not None:
                fields[name] = copy.deepcopy(value)
        super().__init__(**fields)


class Environment(ABC, Generic[State]):
    """A task that is played in steps. `reset` sets `tools` and `state`; `step` takes the agent's message.

    Environments written for aviary (a `reset` without `seed`) run unchanged; their episodes are labelled unseeded.
    """

    tools: list[Tool]
    state: State

    NO_TOOL_CALLS: ClassVar[str] = "No tool calls received. Please call one or more tools to proceed."

    @abstractmethod
    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Start an episode: the first observation and the tools.

        The lists and messages belong to the caller: they must not be changed later. The same `seed` gives the same
        episode under the same actions.
        """

    @abstractmethod
    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Carry out the agent's message: new observations, this step's reward, done, truncated.

        `done` means the task ended, `truncated` that something outside the task cut it.
        """

    async def close(self) -> None:
        """Release what the episode holds. May be called more than once."""

    def export_frame(self) -> Frame:
        """JSON snapshot of the current state; an empty frame if there is nothing to show."""
        return Frame()

    def render(self) -> Picture | str | None:
        """What a person sees now: a picture, or text (ANSI colours allowed). None if the messages say it all."""
        return None

    def info(self) -> dict[str, Any]:
        """Diagnostics of the newest reset or step, as JSON values. Never trained on."""
        return {}

    def legal_actions(self) -> list[dict[str, Any]] | None:
        """Calls that are legal now, each `{"name": tool, "arguments": {…}}`; None if they cannot be enumerated."""
        return None

    def success(self) -> bool | None:
        """Whether the finished episode reached its goal; None where success is not defined.

        Asked at the end, also at one that the environment does not know of (`--max-steps`).
        """
        return None

    async def get_id(self) -> str:
        """Identifier of the task, the same at every step.

        Raises:
            NotImplementedError: If the environment's tasks have none.
        """
        raise NotImplementedError(f"{type(self).__name__} does not name its tasks.")

    @classmethod
    def from_task(cls, task: str) -> Self:
        """Environment for a task given as text.

        Raises:
            NotImplementedError: If the environment is not made from text.
        """
        raise NotImplementedError(f"{cls.__name__} cannot be made from a task text.")

    @property
    def default_no_tool_calls_response(self) -> tuple[Messages, float, bool, bool]:
        """What `step` returns for a message that calls no tool."""
        return [Message(content=self.NO_TOOL_CALLS)], 0.0, False, False

    async def exec_tool_calls(
        self,
        message: ToolRequestMessage,
        concurrency: bool = True,
        handle_tool_exc: bool = False,
        handle_invalid_tool_calls: bool = True,
        exec_timeout: float | None = None,
        **function_kwargs: Any,
    ) -> list[ToolResponseMessage]:
        """Run the message's tool calls; one answer for each, in their order.

        Args:
            message: Whose calls to run.
            concurrency: Run several calls at once; tools with `concurrency_safe=False` still run alone.
            handle_tool_exc: Answer an exception with its text instead of raising it.
            handle_invalid_tool_calls: Answer unknown tools and invalid arguments instead of raising ValueError.
            exec_timeout: Seconds for each call; past it, TimeoutError.
            function_kwargs: Given to each tool that declares them; `state` is the usual one.
        """
        policy = CallPolicy(concurrency, handle_tool_exc, handle_invalid_tool_calls, exec_timeout)
        return await run_tool_calls(self.tools, message, policy=policy, injected=function_kwargs)

    def filter_invalid_tool_calls(self, message: ToolRequestMessage) -> tuple[ToolRequestMessage, ToolRequestMessage]:
        """The message split in two: calls of known tools, and all others. Both keep content and info."""
        names = {tool.info.name for tool in self.tools}

        def part(*, known: bool) -> ToolRequestMessage:
            calls = [call for call in message.tool_calls if (call.function.name in names) is known]
            return message.model_copy(update={"tool_calls": calls})

        return part(known=True), part(known=False)
