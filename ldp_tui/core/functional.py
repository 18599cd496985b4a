"""Environments from functions: a start function, and tools that share its state.

    @fenv.start()
    def guess(limit: int = 10, seed: int = 0):
        return f"Guess a number up to {limit}.", {"secret": seed % limit + 1}

    @guess.tool()
    def say(number: int, state) -> str:
        '''Guess the number.'''
        state.done = number == state.secret
        state.reward = float(state.done)
        return "Right." if state.done else "No."

    env = guess(limit=5)

A start function that declares `seed` receives the seed of `reset`.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ldp_tui.core.environment import Environment, Frame
from ldp_tui.core.messages import Message
from ldp_tui.core.signatures import is_coroutine_callable
from ldp_tui.core.tool_calls import Messages, ToolRequestMessage
from ldp_tui.core.tools import Tool

ToolDecorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class DynamicState(BaseModel):
    """State of a functional environment: `reward` of the current step, `done`, and whatever the start function gave.

    Everything else is read and written as attributes (`state.secret`), kept in `extras`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    reward: float = 0
    done: bool = False
    extras: dict[str, Any] = Field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        extras = self.__dict__.get("extras", {})
        if name in extras:
            return extras[name]
        raise AttributeError(f"'State' has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).model_fields or name.startswith("_"):
            super().__setattr__(name, value)
        else:
            self.extras[name] = value


class FunctionalEnvironment(Environment[DynamicState]):
    """Environment made by a function decorated with `fenv.start()`."""

    def __init__(
        self,
        start_fn: Callable[..., Any],
        tools: Sequence[Tool],
        allow_concurrency: bool,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        self.start_fn = start_fn
        self.tools = list(tools)
        self.allow_concurrency = allow_concurrency
        self.args = args
        self.kwargs = kwargs
        self.state = DynamicState()

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Call the start function.

        Raises:
            TypeError: If it does not return `(observation text, state dictionary)`.
        """
        signature = inspect.signature(self.start_fn)
        given = signature.bind_partial(*self.args, **self.kwargs)
        if seed is not None and "seed" in signature.parameters:
            given.arguments["seed"] = seed
        result = self.start_fn(*given.args, **given.kwargs)
        if is_coroutine_callable(self.start_fn):
            result = await result
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError("Start function must return (observation, state_dict)")
        observation, extras = result
        if not isinstance(extras, dict):
            raise TypeError("State must be a dictionary")
        self.state = DynamicState(extras=copy.copy(extras))
        return [Message(content=observation)], list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Run the tool calls. The reward starts at 0 in each step; exceptions of tools are answered with their text."""
        self.state.reward = 0
        if not isinstance(action, ToolRequestMessage) or not action.tool_calls:
            return self.default_no_tool_calls_response
        answers = await self.exec_tool_calls(
            action, state=self.state, concurrency=self.allow_concurrency, handle_tool_exc=True
        )
        return [*answers], self.state.reward, self.state.done, False

    def export_frame(self) -> Frame:
        """Reward, done and the extra state, with the tools' names as info."""
        return Frame(
            state={"done": self.state.done, "reward": self.state.reward, "extras": self.state.extras},
            info={"tool_names": [tool.info.name for tool in self.tools]},
        )


class EnvironmentBuilder:
    """Makes environments from a start function; `tool()` adds tools to all that are made afterwards."""

    def __init__(self, start_fn: Callable[..., Any], allow_concurrency: bool) -> None:
        self.start_fn = start_fn
        self.allow_concurrency = allow_concurrency
        self.tools: list[Tool] = []
        update_wrapper(self, start_fn)

    def __call__(self, *args: Any, **kwargs: Any) -> FunctionalEnvironment:
        """New environment; the arguments go to the start function at each reset."""
        return FunctionalEnvironment(self.start_fn, self.tools, self.allow_concurrency, *args, **kwargs)

    def tool(self, **tool_kwargs: Any) -> ToolDecorator:
        """Decorator that adds a function as tool; options as in `Tool.from_function`.

        Raises:
            RuntimeError: If a tool of that name exists.
        """

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            tool = Tool.from_function(function, **{"allow_empty_param_descriptions": True, **tool_kwargs})
            if any(other.info.name == tool.info.name for other in self.tools):
                raise RuntimeError(f"Tool with name '{tool.info.name}' already exists")
            self.tools.append(tool)
            return function

        return decorate


class fenv:  # noqa: N801 (aviary's name)
    """Entry point of functional environments: `@fenv.start()`."""

    @staticmethod
    def start(allow_concurrency: bool = False) -> Callable[[Callable[..., Any]], EnvironmentBuilder]:
        """Decorator for the start function, which returns the first observation and the state's extra variables."""

        def decorate(function: Callable[..., Any]) -> EnvironmentBuilder:
            if not callable(function):
                raise TypeError("Decorator must be applied to a function")
            return EnvironmentBuilder(function, allow_concurrency)

        return decorate
