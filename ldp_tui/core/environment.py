"""What an environment is: reset, step, tools, and what a viewer may ask of it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, Field, SerializeAsAny, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from ldp_tui.core.above import borrow
from ldp_tui.core.errors import EnvError
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


Snapshot = dict[Any, Any] | list[Any] | int | float | str | bool | SerializeAsAny[BaseModel]


class Frame(BaseModel):
    """Snapshot of an environment for viewers and for debugging: JSON values, or pydantic models, which dump as such.

    Both fields are copied deeply; `deepcopy=False` keeps references, so that the frame follows later changes.
    """

    deepcopy: bool = Field(default=True, exclude=True)
    state: Snapshot | None = Field(default=None, description="The state, or what of it is worth showing.")
    info: Snapshot | None = Field(default=None, description="What does not vary with the state.")

    @field_validator("state", "info", mode="wrap")
    @classmethod
    def _own(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        keep = isinstance(value, dict | list | BaseModel)  # validating would copy the outermost level, and no more
        checked = value if keep else handler(value)
        return copy.deepcopy(checked) if info.data.get("deepcopy", True) else checked


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

    async def on_abort(self) -> None:
        """The episode was stopped from outside, perhaps in the middle of a step: end what is under way.

        Called once, before `close`, within a short time limit. What it raises is logged.
        """

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

    @staticmethod
    def from_name(name: str, task: str | None = None, **env_kwargs: Any) -> Environment[Any]:
        """Environment by any name that the command line knows, such as `maze`, `module:Class` or a Gymnasium id.

        Args:
            name: See `available`.
            task: A task as text; the environment is made by its `from_task`.
            env_kwargs: For the environment's class or `make` function; not together with `task`.

        Raises:
            ValueError: If both are given, or nothing has that name (UnknownName).
            ImportError: If an optional package is missing (MissingExtra).
            UsageError: If the environment cannot be made from these arguments; the three above are UsageErrors too,
                except that of giving both.
            NotImplementedError: If the environment is not made from text.
        """
        if task is not None and env_kwargs:
            raise ValueError("Give a task or arguments of the environment, not both.")
        made: Environment[Any] = borrow("make_named_environment")(name, task=task, options=env_kwargs)
        return made

    @staticmethod
    def available() -> set[str]:
        """Names of all environments that can be listed: files, bundled ones, plug-ins and known Gymnasium ids."""
        return {entry.name for entry in borrow("environment_names")()}

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

        Raises:
            EnvError: If the environment has no tools yet, since it was not reset.
        """
        if not hasattr(self, "tools"):
            raise EnvError(f"{type(self).__name__} has no tools yet: reset it before its first step.")
        policy = CallPolicy(concurrency, handle_tool_exc, handle_invalid_tool_calls, exec_timeout)
        return await run_tool_calls(self.tools, message, policy=policy, injected=function_kwargs)

    def filter_invalid_tool_calls(self, message: ToolRequestMessage) -> tuple[ToolRequestMessage, ToolRequestMessage]:
        """The message split in two: calls of known tools, and all others. Both keep content and info."""
        names = {tool.info.name for tool in self.tools}

        def part(*, known: bool) -> ToolRequestMessage:
            calls = [call for call in message.tool_calls if (call.function.name in names) is known]
            return message.model_copy(update={"tool_calls": calls})

        return part(known=True), part(known=False)
