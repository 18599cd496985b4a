"""The conformance test finds each broken rule and names it; environments that keep the rules pass."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable
from typing import Any

import pytest

from ldp_tui import DummyEnv, Environment, Frame, Message, Messages, Tool, ToolRequestMessage, fenv
from ldp_tui.testing import check_env


class Counter(Environment[dict[str, Any]]):
    """Keeps every rule: `add` adds 1 to 3 and ends the episode at 8."""

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        self.random = random.Random(seed)
        self.state = {"total": self.random.randint(0, 2), "over": False}
        self.tools = [Tool.from_function(self.add)]
        return [Message(content=f"Start at {self.state['total']}.")], list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        if self.state["over"]:
            raise RuntimeError("The episode is over.")
        if not isinstance(action, ToolRequestMessage) or not action.tool_calls:
            return self.default_no_tool_calls_response
        answers = await self.exec_tool_calls(action, concurrency=False, handle_tool_exc=True)
        self.state["over"] = self.state["total"] >= 8
        return [*answers], 1.0 if self.state["over"] else 0.0, self.state["over"], False

    def add(self, number: int) -> str:
        """Add a number.

        Args:
            number: 1 to 3
        """
        self.state["total"] += min(max(number, 1), 3)
        return f"{self.state['total']} and {self.random.random():.3f}"


@fenv.start()
def countdown(seed: int = 0) -> tuple[str, dict[str, Any]]:
    return "Count down.", {"left": 3 + seed % 3}


@countdown.tool()
def tick(state: Any) -> str:
    """Count one down."""
    state.left = max(0, state.left - 1)
    state.done = state.left == 0
    state.reward = float(state.done)
    return f"{state.left} left"


@pytest.mark.parametrize("factory", [Counter, countdown], ids=["class", "functional"])
def test_environment_that_keeps_the_rules(factory: Callable[[], Environment[Any]]) -> None:
    """It passes, for several lengths and seeds."""
    check_env(factory)
    check_env(factory, seeds=(5,), steps=3)


class Described(DummyEnv):
    """Raises for what it cannot cast; all parameters are described."""

    async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
        messages, tools = await super().reset(**options)
        for tool in tools:
            for schema in tool.info.get_properties().values():
                schema.setdefault("description", "What to cast.")
        return messages, tools


def test_script() -> None:
    """Its calls are played instead of random ones."""
    check_env(Described, script=[("cast_int", {"x": 2.0}), ("print_story", {"story": "one two three four five"})])


class NoSeed(Counter):
    async def reset(self) -> tuple[Messages, list[Tool]]:  # type: ignore[override]
        return await super().reset(seed=0)


class GlobalRandom(Counter):
    def add(self, number: int) -> str:
        """Add a number.

        Args:
            number: 1 to 3
        """
        return f"{random.random()}"


class RemembersEpisodes(Counter):
    episodes = 0

    async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
        self.episodes += 1
        _, tools = await super().reset(**options)
        return [Message(content=f"Episode {self.episodes}")], tools


class SharedBetweenInstances(Counter):
    log: list[str] = []  # noqa: RUF012 (the mistake under test)

    async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
        self.log.clear()
        return await super().reset(**options)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        messages, reward, done, truncated = await super().step(action)
        self.log.append("step")
        return [*messages, Message(content=f"{len(self.log)} steps")], reward, done, truncated


class ReturnsOwnMessages(Counter):
    async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
        self.messages, tools = await super().reset(**options)
        return self.messages, tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        messages, reward, done, truncated = await super().step(action)
        self.messages.extend(messages)
        return messages, reward, done, truncated


class ReadsReturnedMessages(Counter):
    async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
        messages, tools = await super().reset(**options)
        self.first = messages[0]
        return messages, tools

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        messages, reward, done, truncated = await super().step(action)
        return [*messages, Message(content=self.first.content)], reward, done, truncated


class ReturnsOwnTools(Counter):
    async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
        messages, _ = await super().reset(**options)
        return messages, self.tools


class ChangesTheAction(Counter):
    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        result = await super().step(action)
        action.content = "seen"
        return result


class RenderMoves(Counter):
    def render(self) -> str:
        self.state["total"] += 1
        return str(self.state["total"])


class BoolReward(Counter):
    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        messages, _, done, truncated = await super().step(action)
        return messages, done, done, truncated


class NanReward(Counter):
    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        messages, _, done, truncated = await super().step(action)
        return messages, float("nan"), done, truncated


class IntegerFlag(Counter):
    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        messages, reward, done, _ = await super().step(action)
        return messages, reward, done, 0  # type: ignore[return-value]


class TupleObservation(Counter):
    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        messages, *rest = await super().step(action)
        return tuple(messages), *rest  # type: ignore[return-value]


class GymnasiumStep(Counter):
    async def step(self, action: Message) -> Any:
        return (*await super().step(action), {})


class NoObservation(Counter):
    async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
        _, tools = await super().reset(**options)
        return [], tools


class ToolNames(Counter):
    async def reset(self, **options: Any) -> Any:
        messages, tools = await super().reset(**options)
        return messages, [tool.info.name for tool in tools]


class TwoToolsOfOneName(Counter):
    async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
        messages, tools = await super().reset(**options)
        return messages, tools * 2


class ParameterWithoutDescription(Counter):
    async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
        messages, _ = await super().reset(**options)

        def add(number: int) -> str:
            """Add a number."""
            return self.add(number)

        self.tools = [Tool.from_function(add, allow_empty_param_descriptions=True)]
        return messages, list(self.tools)


class RaisesForWrongCalls(Counter):
    async def exec_tool_calls(self, message: ToolRequestMessage, **options: Any) -> Any:
        return await super().exec_tool_calls(message, handle_invalid_tool_calls=False)


class SilentOnUnknownTools(Counter):
    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        messages, *rest = await super().step(action)
        return [m for m in messages if "Invalid tool call" not in (m.content or "")], *rest  # type: ignore[return-value]


class SilentOnText(Counter):
    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        if not isinstance(action, ToolRequestMessage):
            return [], 0.0, False, False
        return await super().step(action)


class GoesOnAfterTheEnd(Counter):
    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        if self.state["over"]:
            return [Message(content="Again.")], 0.0, False, False
        return await super().step(action)


class ObscureAfterTheEnd(Counter):
    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        if self.state["over"]:
            raise KeyError("over")
        return await super().step(action)


class CloseOnce(Counter):
    closed = False

    async def close(self) -> None:
        if self.closed:
            raise RuntimeError("already closed")
        self.closed = True


class CloseNeedsReset(Counter):
    async def close(self) -> None:
        del self.state["missing"]


class FrameOfObjects(Counter):
    def export_frame(self) -> Frame:
        return Frame(state={"random": float("inf")})


class InfoOfObjects(Counter):
    def info(self) -> dict[str, Any]:
        return {"random": self.random}


class RendersBytes(Counter):
    def render(self) -> Any:
        return b"picture"


class SuccessAsNumber(Counter):
    def success(self) -> Any:
        return 1


class LegalActionOfNoTool(Counter):
    def legal_actions(self) -> list[dict[str, Any]]:
        return [{"name": "add", "arguments": {"number": 1}}, {"name": "subtract", "arguments": {}}]


class LegalActionWithWrongArguments(Counter):
    def legal_actions(self) -> list[dict[str, Any]]:
        return [{"name": "add", "arguments": {"number": "many"}}]


class NewIdAtEachCall(Counter):
    calls = 0

    async def get_id(self) -> str:
        self.calls += 1
        return str(self.calls)


class LeavesTask(Counter):
    async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
        self.task = asyncio.create_task(asyncio.sleep(3600))
        return await super().reset(**options)


class LeavesFile(Counter):
    async def reset(self, **options: Any) -> tuple[Messages, list[Tool]]:
        tempfile.mkdtemp(prefix="forgotten-")
        return await super().reset(**options)


@pytest.mark.parametrize(
    ("rule", "factory"),
    [
        ("factory", lambda: "no environment"),
        ("reset-seed", NoSeed),
        ("determinism", GlobalRandom),
        ("reset", RemembersEpisodes),
        ("independence", SharedBetweenInstances),
        ("aliasing", ReturnsOwnMessages),
        ("aliasing", ReadsReturnedMessages),
        ("aliasing", ReturnsOwnTools),
        ("step-action", ChangesTheAction),
        ("viewers", RenderMoves),
        ("step-reward", BoolReward),
        ("step-reward", NanReward),
        ("step-flags", IntegerFlag),
        ("step-messages", TupleObservation),
        ("step-result", GymnasiumStep),
        ("reset-observation", NoObservation),
        ("reset-tools", ToolNames),
        ("tool-names", TwoToolsOfOneName),
        ("tool-descriptions", ParameterWithoutDescription),
        ("step-answers", RaisesForWrongCalls),
        ("calls-answered", SilentOnUnknownTools),
        ("text-answered", SilentOnText),
        ("after-the-end", GoesOnAfterTheEnd),
        ("after-the-end", ObscureAfterTheEnd),
        ("close", CloseOnce),
        ("close", CloseNeedsReset),
        ("export-frame", FrameOfObjects),
        ("info", InfoOfObjects),
        ("render", RendersBytes),
        ("success", SuccessAsNumber),
        ("legal-actions", LegalActionOfNoTool),
        ("legal-actions", LegalActionWithWrongArguments),
        ("get-id", NewIdAtEachCall),
        ("tasks", LeavesTask),
        ("temporary-files", LeavesFile),
        ("step-answers", Described),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_environment_that_breaks_a_rule(rule: str, factory: Callable[[], Any]) -> None:
    """An AssertionError starts with the rule's name."""
    with pytest.raises(AssertionError, match=f"^{rule}: "):
        check_env(factory)


def test_temporary_folder_after_a_check() -> None:
    """The usual one is in use again."""
    usual = tempfile.tempdir
    check_env(Counter)
    with pytest.raises(AssertionError):
        check_env(LeavesFile)
    assert tempfile.tempdir == usual


async def test_check_inside_a_running_loop() -> None:
    """It says to use a plain test."""
    with pytest.raises(RuntimeError, match="plain `def` test"):
        check_env(Counter)
