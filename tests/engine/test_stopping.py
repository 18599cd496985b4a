"""Episodes that are stopped from outside: who is told, what is closed, how long it takes."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing, suppress

import pytest

from ldp_tui.core.environment import Environment
from ldp_tui.engine.events import StepTaken
from ldp_tui.engine.rollout import rollout
from tests.engine.playing import Counter, Going, ending, events_of


class Told(Counter):
    """Notes in which order it is stopped and closed."""

    def __init__(self, n: int = 3, **on: object) -> None:
        super().__init__(n, **on)  # type: ignore[arg-type]
        self.calls: list[str] = []

    async def on_abort(self) -> None:
        self.calls.append("on_abort")
        self.hook("on_abort")

    async def close(self) -> None:
        self.calls.append("close")
        await super().close()


async def test_rollout_that_is_left() -> None:
    """The environment is told first, then closed."""
    env = Told()
    async with aclosing(rollout(env, Going())) as events:
        async for event in events:
            if isinstance(event, StepTaken):
                break
    assert env.calls == ["on_abort", "close"]


async def test_rollout_that_is_cancelled_in_a_step() -> None:
    """The same."""
    reached = asyncio.Event()

    class Waiting(Told):
        async def step(self, action: object) -> tuple[list[object], float, bool, bool]:  # type: ignore[override]
            reached.set()
            await asyncio.Event().wait()
            raise AssertionError

    env = Waiting()
    task = asyncio.ensure_future(events_of(env))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert env.calls == ["on_abort", "close"]


async def test_rollout_that_a_person_ends() -> None:
    """Between two steps too."""
    env = Told()

    async def gate(index: int) -> bool:
        return index < 1

    assert (await ending(env, gate=gate)).reason == "aborted"
    assert env.calls == ["on_abort", "close"]


@pytest.mark.parametrize("n", [1, 9])
async def test_rollout_that_comes_to_its_end(n: int) -> None:
    """Terminated, truncated or failed: nobody stopped it, not even who looks no further than the last step."""
    env = Told(n)
    await events_of(env, max_steps=2)
    assert env.calls == ["close"]
    env = Told(1)
    async with aclosing(rollout(env, Going())) as events:
        async for event in events:
            if isinstance(event, StepTaken):
                break
    assert env.calls == ["close"]


async def test_environment_that_fails_to_stop(caplog: pytest.LogCaptureFixture) -> None:
    """It is closed all the same."""

    def broken(_: object) -> None:
        raise RuntimeError("cannot stop")

    env = Told(on_abort=broken)
    with caplog.at_level(logging.WARNING):
        async with aclosing(rollout(env, Going())) as events:
            await anext(events)
    assert env.calls == ["on_abort", "close"]
    assert caplog.messages == ["Stopping Told failed: RuntimeError('cannot stop')"]


async def test_close_that_ignores_its_cancellation(caplog: pytest.LogCaptureFixture) -> None:
    """It is left behind within a second."""
    let_go = asyncio.Event()

    class Stubborn(Counter):
        async def close(self) -> None:
            while not let_go.is_set():
                with suppress(asyncio.CancelledError):
                    await let_go.wait()

    began = time.monotonic()
    async with aclosing(rollout(Stubborn(), Going())) as events:
        await anext(events)
    assert time.monotonic() - began < 1
    assert caplog.messages == ["Closing Stubborn was given up."]
    let_go.set()


def test_environments_need_not_be_told() -> None:
    """Not stopping is the default."""
    assert asyncio.run(Environment.on_abort(Counter())) is None
