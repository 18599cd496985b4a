"""The conformance test for environments."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ldp_tui.core.errors import LdpTuiError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage, copy_message
from ldp_tui.testing.actions import call, random_action, request
from ldp_tui.testing.observed import EnvFactory, Moment, Run, close, no_tasks_left, opened, require, run_checks, when
from ldp_tui.testing.views import check_tools, check_views

Script = Sequence[tuple[str, Mapping[str, Any]]]
_UNKNOWN_TOOL = "no_such_tool"
_UNKNOWN_PARAMETER = "no_such_parameter"


@dataclass(frozen=True, slots=True)
class _Episode:
    """What was played: one moment more than actions, the first from reset."""

    seed: int
    actions: list[Message]
    moments: list[Moment]


def check_env(
    env_factory: EnvFactory, *, seeds: Sequence[int] = (0, 1), steps: int = 20, script: Script | None = None
) -> None:
    """Check that the environments of `env_factory` keep the rules that rollouts, records and replays rest on.

    Args:
        env_factory: Makes a new environment at each call, always in the same way.
        seeds: Episodes to play.
        steps: Longest episode played; it may end earlier.
        script: `(tool, arguments)` pairs to play. By default legal actions and random arguments are played; give a
            script where those never reach the interesting part, or where a tool may raise for valid arguments.

    Raises:
        AssertionError: Naming the broken rule.
    """
    with no_files_left():
        run_checks(lambda: _check_env(env_factory, seeds, steps, script))


async def _check_env(env_factory: EnvFactory, seeds: Sequence[int], steps: int, script: Script | None) -> None:
    await close(Run(env_factory()).env, "close before the first reset")
    episodes = []
    for seed in seeds:
        async with opened(env_factory) as run:
            episode = await _explore(run, seed, steps, script)
            await _check_end(run, episode)
            run.check_untouched()
            await _check_repeats(env_factory, episode)
            await _repeat(run, episode, "reset", "after a second reset; reset must forget the episode before")
            await close(run.env, "close")
            await close(run.env, "a second close")
        episodes.append(episode)
    await _check_independence(env_factory, episodes)
    async with opened(env_factory) as run:
        await _check_mistakes(run, seeds[0])
    await no_tasks_left()


async def _explore(run: Run, seed: int, steps: int, script: Script | None) -> _Episode:
    rng = Random(seed)
    episode = _Episode(seed, [], [await run.reset(seed)])
    check_tools(run.tools)
    for index in range(steps if script is None else min(steps, len(script))):
        action = random_action(run, rng, index) if script is None else request(*script[index], index)
        episode.actions.append(action)
        episode.moments.append(await run.step(action))
        _check_answers(action, episode.moments[-1])
        if episode.moments[-1].over:
            break
    return episode


async def _check_repeats(env_factory: EnvFactory, episode: _Episode) -> None:
    async with opened(env_factory) as run:
        await _repeat(
            run, episode, "determinism", "in a new environment; draw every random number from the seed given to reset"
        )
    async with opened(env_factory) as run:
        await _repeat(
            run, episode, "viewers", "when render, info and the like are called; they must change nothing", look=True
        )
    async with opened(env_factory, spoil=True) as run:
        await _repeat(run, episode, "aliasing", "when the receiver overwrites what it got; return copies and keep none")


async def _repeat(run: Run, episode: _Episode, rule: str, reason: str, *, look: bool = False) -> None:
    for place, then in enumerate(episode.moments):
        now = await (run.reset(episode.seed) if place == 0 else run.step(episode.actions[place - 1]))
        require(
            now == then,
            rule,
            f"with seed {episode.seed} and the same actions, {when(place)} differs {reason}."
            f"\n  first: {then}\n  now:   {now}",
        )
        if look:
            await check_views(run)


async def _check_independence(env_factory: EnvFactory, episodes: Sequence[_Episode]) -> None:
    """Episodes that take turns must go as they went alone."""
    async with AsyncExitStack() as stack:
        runs = [(await stack.enter_async_context(opened(env_factory)), episode) for episode in episodes]
        for place in range(max(len(episode.moments) for episode in episodes)):
            for run, episode in runs:
                if place >= len(episode.moments):
                    continue
                now = await (run.reset(episode.seed) if place == 0 else run.step(episode.actions[place - 1]))
                require(
                    now == episode.moments[place],
                    "independence",
                    f"{when(place)} of seed {episode.seed} differs while another environment plays; keep nothing in "
                    f"module or class variables.\n  alone:    {episode.moments[place]}\n  together: {now}",
                )


async def _check_mistakes(run: Run, seed: int) -> None:
    """Unknown tools, wrong arguments and text without a call are answered."""
    await run.reset(seed)
    mistakes: list[Message] = [
        Message(role="assistant", content="I am thinking about it."),
        ToolRequestMessage(content="I call nothing.", tool_calls=[]),
        request(_UNKNOWN_TOOL, {}, 0),
        ToolRequestMessage(tool_calls=[call(_UNKNOWN_TOOL, {}, 0), call(_UNKNOWN_TOOL, {"x": 1}, 1)]),
    ]
    for tool in run.tools:
        mistakes.append(request(tool.info.name, {_UNKNOWN_PARAMETER: 1}, 0))
        if tool.info.parameters is not None and (required := tool.info.parameters.required):
            mistakes.append(request(tool.info.name, {}, 0))
            mistakes.append(request(tool.info.name, {name: [{}] for name in required}, 0))
    for mistake in mistakes:
        moment = await run.step(mistake)
        _check_answers(mistake, moment)
        if moment.over:
            await run.reset(seed)
    run.check_untouched()


def _check_answers(action: Message, moment: Moment) -> None:
    answers = json.loads(moment.seen)
    if not isinstance(action, ToolRequestMessage) or not action.tool_calls:
        require(
            answers or moment.over,
            "text-answered",
            f"step answered {action.content!r}, which calls no tool, with nothing.",
        )
        return
    asked = [asking.id for asking in action.tool_calls]
    answered = [answer["tool_call_id"] for answer in answers if "tool_call_id" in answer]
    require(
        answered == asked,
        "calls-answered",
        f"the calls {asked} got the answers {answered}; return one ToolResponseMessage for each call, in order.",
    )


async def _check_end(run: Run, episode: _Episode) -> None:
    """After its end an episode raises a clear error, or says again that it is over."""
    if not episode.moments[-1].over:
        return
    try:
        messages, _, done, truncated = await run.env.step(copy_message(episode.actions[-1]))
    except (LdpTuiError, RuntimeError, ValueError):
        return
    except Exception as error:
        raise AssertionError(f"after-the-end: a step after the end raised {error!r}; raise RuntimeError.") from error
    require(
        messages and (done or truncated),
        "after-the-end",
        "a step after the end goes on as if the episode ran; keep done or truncated set, or raise RuntimeError.",
    )


@contextmanager
def no_files_left() -> Iterator[None]:
    """Temporary files go to a folder that must be empty at the end."""
    usual = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="ldp-tui-check-") as folder:
        tempfile.tempdir = folder
        try:
            yield
            left = sorted(path.name for path in Path(folder).iterdir())
            require(not left, "temporary-files", f"close left {left} in the temporary folder; remove what reset made.")
        finally:
            tempfile.tempdir = usual
