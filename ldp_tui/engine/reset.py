"""Starting an environment, and bringing it to a recorded moment by doing again what was done."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import EnvError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import Messages, ToolRequestMessage, ToolResponseMessage, copy_message
from ldp_tui.core.tools import Tool
from ldp_tui.engine.events import EpisodeStarted, StepTaken


class ReplayDiverged(EnvError):
    """The recorded actions led elsewhere: the environment does not repeat itself under its seed.

    `step` is the index of the first step that differs (None: the reset), `what` is `observation`, `reward` or `end`,
    `recorded` and `found` are both sides as text.
    """

    def __init__(self, kind: str, step: int | None, what: str, recorded: str, found: str) -> None:
        self.step, self.what, self.recorded, self.found = step, what, recorded, found
        place = "the reset" if step is None else f"step {step}"
        super().__init__(f"{kind}: {place} gave another {what} than recorded.")


async def reset_environment(
    env: Environment[Any], *, seed: int | None = None, options: dict[str, Any] | None = None
) -> tuple[Messages, list[Tool]]:
    """Reset `env` with those of `seed` and `options` that its reset takes; aviary's environments take neither."""
    keywords = reset_keywords(type(env))
    given: dict[str, Any] = {"seed": seed, "options": options}
    return await env.reset(**{name: value for name, value in given.items() if name in keywords})


@lru_cache(maxsize=256)
def reset_keywords(kind: type[Environment[Any]]) -> frozenset[str]:
    """Which of `seed` and `options` the environment's reset takes."""
    parameters = inspect.signature(kind.reset).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return frozenset({"seed", "options"})
    return frozenset({"seed", "options"} & set(parameters))


async def replay_steps(env: Environment[Any], started: EpisodeStarted, steps: Iterable[StepTaken]) -> None:
    """Reset `env` as the recorded episode was and carry out its actions; `env` then stands where the episode stood.

    Raises:
        ReplayDiverged: If an observation, a reward or an end differs from the recorded one.
    """
    messages, _ = await reset_environment(env, seed=started.seed, options=dict(started.options) or None)
    if not _same(messages, started.observation):
        raise ReplayDiverged(type(env).__name__, None, "observation", _words(started.observation), _words(messages))
    await redo_steps(env, steps)


async def redo_steps(env: Environment[Any], steps: Iterable[StepTaken]) -> None:
    """Carry out recorded actions in an environment that stands where they began; see `replay_steps`."""
    for step in steps:
        messages, reward, done, _ = await env.step(copy_message(step.action))
        for what, agrees, recorded, found in (
            ("reward", _same_reward(float(reward), step.reward), f"{step.reward:g}", f"{float(reward):g}"),
            ("end", bool(done) == step.terminated, _ends(step.terminated), _ends(bool(done))),
            ("observation", _same(messages, step.observation), _words(step.observation), _words(messages)),
        ):
            if not agrees:
                raise ReplayDiverged(type(env).__name__, step.index, what, recorded, found)


def _same_reward(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _ends(terminated: bool) -> str:
    return "the task ended" if terminated else "the task went on"


def _words(messages: Sequence[Message]) -> str:
    return "\n".join(message.text for message in messages)


def _same(messages: Sequence[Message], recorded: Sequence[Message]) -> bool:
    return [_essence(message) for message in messages] == [_essence(message) for message in recorded]


def _essence(message: Message) -> tuple[object, ...]:
    """What has to repeat: not the info, which holds clocks, nor the ids of calls."""
    calls = [str(call) for call in message.tool_calls] if isinstance(message, ToolRequestMessage) else None
    name = message.name if isinstance(message, ToolResponseMessage) else None
    return message.role, message.content, name, calls
