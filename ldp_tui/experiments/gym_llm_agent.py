"""gym-llm's `Agent`, for loops of one's own: an observation in, the model's reflection and an action out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import finalize

from ldp_tui.agents.reflecting.agent import ReflectAgent
from ldp_tui.core.agent import Usage, listening
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import AgentError, UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolRequestMessage
from ldp_tui.core.tools import FunctionInfo, Parameters, Tool
from ldp_tui.experiments.config import AgentBlock

Result = TypeVar("Result")


class Agent:
    """A language model that reflects and acts, asked from synchronous code: `Agent(config, **get_env_definition(env))`.

    What the model is told and how its reply is read is ReflectAgent's: replies that cannot be read are corrected twice.
    The requests run in a thread of the agent's, so it can be used where an event loop runs already, as in notebooks.

    Args:
        config: gym-llm's `agent` block, or `{"player": TEXT}` with any reflecting player.
        observation_schema: Description of each part of an observation.
        goal_description: Rules, rewards and endings.
        action_schema: Meaning of each action, by action.

    Raises:
        UsageError: If the configuration names no reflecting player.
        ValidationError: If a key is unknown or a value is wrong.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        observation_schema: Mapping[str, Any],
        goal_description: str,
        action_schema: Mapping[Any, str],
    ) -> None:
        from ldp_tui.registry import make_agent

        text = AgentBlock.model_validate(dict(config)).text()
        player, _ = make_agent(text)
        if not isinstance(player, ReflectAgent):
            raise UsageError(f"{text!r} is no reflecting player; use reflect:PROVIDER/MODEL.")
        self._player = player
        self._game = _Game(observation_schema, goal_description, action_schema)
        self._state: Any = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gym-llm-agent")
        self._loop = asyncio.Runner()
        self._close = finalize(self, _end, self._thread, self._loop)

    def reset(self, seed: int | None = None) -> None:
        """Forget the episode. The seed decides what is drawn here; what a model draws is its server's."""
        self._player.prepare(env=self._game, seed=seed)
        self._state = self._wait(lambda: self._player.init_state(self._game.tools))

    def get_action(self, obs: Any) -> tuple[dict[str, Any], Any]:
        """What the model said, with the keys `reflection` and `action`, and the action: a key of the schema.

        The action is None where no reply could be read, as in gym-llm; the reflection is the reason then.
        """
        if self._state is None:
            self.reset()
        reflection, chosen = self._wait(lambda: self._decide(Message(content=str(obs))))
        action = self._game.key_of(chosen)
        return {"reflection": reflection, "action": action}, action

    async def _decide(self, told: Message) -> tuple[str, Any]:
        heard = _Heard()
        try:
            with listening(heard):
                action, self._state, _ = await self._player.get_asv(self._state, [told])
        except AgentError as error:
            return str(error), None
        request = action.value
        assert isinstance(request, ToolRequestMessage)
        return "".join(heard.words), request.tool_calls[0].function.arguments["action"]

    def _wait(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        return self._thread.submit(lambda: self._loop.run(work())).result()

    def close(self) -> None:
        """Close connections; done by itself when the agent is no longer used."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _end(thread: ThreadPoolExecutor, loop: asyncio.Runner) -> None:
    thread.submit(loop.close)
    thread.shutdown()


class _Game(Environment[None]):
    """What is known of an environment that somebody else steps: its description, and one tool to act."""

    def __init__(self, observations: Mapping[str, Any], goal: str, actions: Mapping[Any, str]) -> None:
        names = list(actions.values())
        by_name = len(set(names)) == len(names)
        self._observations, self._goal, self._actions = observations, goal, actions
        self._keys = {name if by_name else key: key for key, name in actions.items()}
        listed = ", ".join(f"{key}: {name}" for key, name in actions.items())
        action: dict[str, Any] = {"enum": list(self._keys), "description": f"One of {listed}"}
        parameters = Parameters(properties={"action": action}, required=["action"])
        self.tools = [Tool(info=FunctionInfo(name="act", description="Act.", parameters=parameters))]

    def key_of(self, chosen: Any) -> Any:
        """The key of the action that the model named."""
        return self._keys.get(chosen)

    def get_goal_description(self) -> str:
        """As it was given."""
        return self._goal

    def get_observation_schema(self) -> Mapping[str, Any]:
        """As it was given."""
        return self._observations

    def get_action_schema(self) -> Mapping[Any, str]:
        """As it was given."""
        return self._actions

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Not played here."""
        raise NotImplementedError

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Not played here."""
        raise NotImplementedError


class _Heard:
    """Keeps the reflection."""

    live = False

    def __init__(self) -> None:
        self.words: list[str] = []

    def reflect(self, text: str) -> None:
        """A further piece."""
        self.words.append(text)

    def propose(self, probabilities: Mapping[str, float]) -> None:
        """Not asked for."""

    def spend(self, usage: Usage) -> None:
        """Not asked for."""
