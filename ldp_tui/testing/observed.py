"""An environment under test: each value it returns is checked, remembered, and on demand overwritten."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ldp_tui.core.environment import Environment
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage, copy_message
from ldp_tui.core.tools import Tool

EnvFactory = Callable[[], Environment[Any]]


def require(condition: object, rule: str, problem: str) -> None:
    """Raise an AssertionError that starts with the name of the rule, unless the condition holds."""
    if not condition:
        raise AssertionError(f"{rule}: {problem}")


def run_checks(checks: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the checks in an event loop of their own, so that what they leave in it is theirs.

    Raises:
        RuntimeError: If a loop runs already.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        loop_runs = False
    else:
        loop_runs = True
    if loop_runs:
        raise RuntimeError("Conformance tests need an event loop of their own: call them from a plain `def` test.")
    asyncio.run(checks())


@dataclass(frozen=True, slots=True)
class Moment:
    """What one reset or step gave. `seen` is the JSON of the messages as a player sees them."""

    seen: str
    reward: float = 0.0
    done: bool = False
    truncated: bool = False

    @property
    def over(self) -> bool:
        """Whether the episode ended here."""
        return self.done or self.truncated


class Run:
    """An environment under test: its returned values are checked and, with `spoil`, overwritten by their receiver."""

    def __init__(self, env: Environment[Any], *, spoil: bool = False) -> None:
        require(isinstance(env, Environment), "factory", f"it made {env!r}, which is not an ldp_tui Environment.")
        self.env = env
        self.tools: list[Tool] = []
        self._spoil = spoil
        self._received: list[tuple[Sequence[Message], str]] = []

    async def reset(self, seed: int) -> Moment:
        """Reset, under the rules for what reset returns."""
        try:
            result = await self.env.reset(seed=seed, options=None)
        except TypeError as error:
            if "seed" in str(error) or "options" in str(error):
                raise AssertionError(
                    f"reset-seed: reset does not take a seed ({error}). Declare "
                    "`async def reset(self, *, seed=None, options=None)`."
                ) from error
            raise
        require(
            isinstance(result, tuple) and len(result) == 2,
            "reset-result",
            f"reset returned {result!r}; return (messages, tools).",
        )
        observation, tools = result
        require(
            isinstance(tools, list) and all(isinstance(tool, Tool) for tool in tools),
            "reset-tools",
            f"the second value of reset is {tools!r}; return a list of Tool.",
        )
        require(observation, "reset-observation", "reset returned no message; say what the task is.")
        self.tools = list(tools)
        if self._spoil:
            tools.clear()
        return Moment(self._receive(observation, "reset"))

    async def step(self, action: Message) -> Moment:
        """Step, under the rules for what step returns and leaves alone."""
        sent = copy_message(action)
        before = everything([sent])
        try:
            result = await self.env.step(sent)
        except (asyncio.CancelledError, AssertionError):
            raise
        except Exception as error:
            raise AssertionError(
                f"step-answers: step raised {error!r} for {action}. Whatever a player sends must be answered: "
                "exec_tool_calls(action, handle_tool_exc=True) does it."
            ) from error
        require(
            isinstance(result, tuple) and len(result) == 4,
            "step-result",
            f"step returned {result!r}; return (messages, reward, done, truncated).",
        )
        observation, reward, done, truncated = result
        require(
            type(reward) in {float, int} and math.isfinite(reward),
            "step-reward",
            f"the reward {reward!r} is a {type(reward).__name__}; return a finite Python float.",
        )
        for name, flag in (("done", done), ("truncated", truncated)):
            require(
                type(flag) is bool, "step-flags", f"{name} is {flag!r}, a {type(flag).__name__}; return True or False."
            )
        require(
            before == everything([sent]), "step-action", f"step changed the action it was given ({action}); copy it."
        )
        seen = self._receive(observation, "step")
        if self._spoil:
            _overwrite([sent])
        return Moment(seen, float(reward), done, truncated)

    def _receive(self, observation: Any, source: str) -> str:
        require(
            isinstance(observation, list) and all(isinstance(message, Message) for message in observation),
            f"{source}-messages",
            f"{source} returned {observation!r}; return a list of Message.",
        )
        seen = json.dumps([message.model_dump(mode="json") for message in observation], sort_keys=True)
        if self._spoil:
            _overwrite(observation)
            observation.clear()
        else:
            self._received.append((observation, everything(observation)))
        return seen

    def check_untouched(self) -> None:
        """What was returned earlier must look as it did."""
        for place, (observation, then) in enumerate(self._received):
            require(
                everything(observation) == then,
                "aliasing",
                f"the messages of {when(place)} changed after they were returned. Return new lists and messages, not "
                "the environment's own.",
            )


def everything(messages: Sequence[Message]) -> str:
    """All of the messages as text, with what is hidden from players."""
    return json.dumps(
        [message.model_dump(mode="json", context={"include_info": True}) for message in messages], default=repr
    )


def _overwrite(messages: Sequence[Message]) -> None:
    for message in messages:
        message.content = "overwritten by the receiver"
        if message.info is not None:
            message.info.clear()
        if isinstance(message, ToolRequestMessage):
            message.tool_calls.clear()


def when(place: int) -> str:
    """Name of a moment by its place in the episode."""
    return "reset" if place == 0 else f"step {place - 1}"


@asynccontextmanager
async def opened(env_factory: EnvFactory, *, spoil: bool = False) -> AsyncIterator[Run]:
    """A new environment that is closed at the end of the block; a rule broken before it closes is the one reported."""
    run = Run(env_factory(), spoil=spoil)
    try:
        yield run
    except BaseException:
        with suppress(AssertionError):
            await close(run.env, "close after a broken rule")
        raise
    await close(run.env, "close")


async def close(env: Environment[Any], what: str) -> None:
    """Rule `close`: it works at any time, and twice. `what` says which close this is."""
    try:
        await env.close()
    except Exception as error:
        raise AssertionError(f"close: {what} raised {error!r}; close must work at any time, and twice.") from error


async def no_tasks_left() -> None:
    """Rule `tasks`: nothing goes on after close."""
    for _ in range(10):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    require(not left, "tasks", f"after close these asyncio tasks still run: {left}; cancel and await them in close.")
