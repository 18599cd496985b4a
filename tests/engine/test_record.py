"""The recording pipe: on disk before it is shown; what is left early is closed; equal play gives equal chains."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.core.environment import Picture
from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, StepTaken
from ldp_tui.engine.record import Acknowledge, new_run_uid, record
from ldp_tui.engine.rollout import rollout
from ldp_tui.store.errors import EpisodeFinished, StoreError
from ldp_tui.store.reader import Reader
from ldp_tui.store.rows import AddStep, Operation
from ldp_tui.store.verify import verify
from ldp_tui.store.writer import Writer
from tests.engine.playing import Counter, Going, Thinking, chain


async def recorded(writer: Writer, env: Counter, agent: Going | None = None, **options: Any) -> str:
    """Uid of the recording of one episode."""
    pipe = {name: options.pop(name) for name in ("ack", "pictures") if name in options}
    uid = ""
    async with aclosing(record(rollout(env, agent or Going(), **options), writer, run_uid="run", **pipe)) as events:
        async for event in events:
            if isinstance(event, EpisodeStarted):
                uid = event.uid
    return uid


async def test_on_disk_before_it_is_shown(writer: Writer, database: Path) -> None:
    """At each event another connection already reads it."""
    seen: list[tuple[str, int, str]] = []
    async with aclosing(record(rollout(Counter(2), Going(), uid="u"), writer, run_uid="run")) as events:
        async for event in events:
            with Reader(database) as reader:
                summary = reader.episode("u").summary
                rows = len(reader.steps("u"))
            assert summary.run_uid == "run"
            if isinstance(event, EpisodeStarted | StepTaken | EpisodeEnded):
                seen.append((type(event).__name__, rows, summary.status))
    assert seen == [
        ("EpisodeStarted", 1, "running"),
        ("StepTaken", 2, "running"),
        ("StepTaken", 3, "running"),
        ("EpisodeEnded", 3, "done"),
    ]


@pytest.mark.parametrize("ack", ["step", "episode"])
async def test_leaving_early(writer: Writer, database: Path, ack: Acknowledge) -> None:
    """The episode so far is kept, closed as aborted, and its environment is closed."""
    env = Counter(5)
    async with aclosing(record(rollout(env, Thinking(), uid="u"), writer, run_uid="run", ack=ack)) as events:
        async for event in events:
            if isinstance(event, StepTaken) and event.index == 1:
                break
    assert env.closed == 1
    writer.close()
    with Reader(database) as reader:
        summary = reader.episode("u").summary
        assert (summary.status, summary.steps, summary.return_) == ("aborted", 2, 2.0)
    assert verify(database).ok


async def test_cancelling(writer: Writer, database: Path) -> None:
    """It is the same as leaving early."""
    thinking = asyncio.Event()

    async def think(_: Any) -> None:
        thinking.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(recorded(writer, Counter(), Going(choose=think), uid="u"))
    await thinking.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    writer.close()
    with Reader(database) as reader:
        assert reader.episode("u").summary.status == "aborted"


async def test_failed_reset(writer: Writer, database: Path) -> None:
    """It is an episode too: no steps, failed, with the reason."""

    def fail(_: Any) -> None:
        raise RuntimeError("no")

    uid = await recorded(writer, Counter(reset=fail))
    with Reader(database) as reader:
        summary = reader.episode(uid).summary
        assert (summary.status, summary.steps, summary.detail) == ("failed", 0, "env: RuntimeError: no")


async def test_pictures_on_and_off(writer: Writer, database: Path) -> None:
    """They are stored or not; the chain is the same, because pictures verify by their own hash."""

    def draw(env: Counter) -> Picture:
        return Picture(2, 1, bytes([env.state] * 6))

    uids = [
        await recorded(writer, Counter(2, render=draw), render=render, pictures=pictures)
        for render, pictures in ((True, True), (True, False), (False, True))
    ]
    assert len({chain(database, uid) for uid in uids}) == 1
    with Reader(database) as reader:
        found = [reader.picture(uid, 1) for uid in uids]
    assert found[0] is not None
    assert (found[0].rgb, found[0].width, found[1], found[2]) == (bytes([1] * 6), 2, None, None)


async def test_equal_play(writer: Writer, database: Path) -> None:
    """Equal seeds and actions give equal chains, waited for at each step or not; another seed gives another."""
    uids = [
        await recorded(writer, Counter(3), seed=seed, ack=ack)
        for seed, ack in ((1, "step"), (1, "episode"), (2, "step"))
    ]
    one, same, other = (chain(database, uid) for uid in uids)
    assert one == same != other


async def test_uid_that_is_taken(writer: Writer, database: Path) -> None:
    """It is refused, and the other episode is left as it is, also while it is running."""
    async with aclosing(record(rollout(Counter(), Going(), seed=1, uid="u"), writer, run_uid="run")) as events:
        await anext(events)
        with pytest.raises(StoreError):
            await recorded(writer, Counter(), seed=2, uid="u")
        await asyncio.to_thread(writer.wait, writer.resolved)
        with Reader(database) as reader:
            assert reader.episode("u").summary.status == "running"
        async for _ in events:
            pass
    with Reader(database) as reader:
        assert reader.episode("u").summary.status == "done"


class Refusing(Writer):
    """Passes on to another writer, but spoils one row so that the store refuses it."""

    def __init__(self, writer: Writer, t: int) -> None:
        super().__init__()
        self._writer, self._t = writer, t

    def submit(self, operation: Operation) -> int:
        if isinstance(operation, AddStep) and operation.row.t == self._t:
            operation = replace(operation, row=replace(operation.row, info=3))  # type: ignore[arg-type]
        return self._writer.submit(operation)

    async def committed(self, ticket: int) -> None:
        await self._writer.committed(ticket)

    def close(self) -> None:
        self._writer.close()


@pytest.mark.parametrize("ack", ["step", "episode"])
async def test_step_that_is_refused(writer: Writer, ack: Acknowledge) -> None:
    """It is raised at the step, or at the end where steps are not waited for; it never goes unnoticed."""
    with pytest.raises(StoreError, match="Row 2 holds a value of the wrong type"):
        await recorded(Refusing(writer, 2), Counter(4), ack=ack)


async def test_ended_episode_that_is_recorded_again(writer: Writer) -> None:
    """The same play is accepted, as after a lost acknowledgement; another is refused."""
    await recorded(writer, Counter(2), uid="u", seed=1)
    with pytest.raises(StoreError) as caught:
        await recorded(writer, Counter(3), uid="u", seed=2)
    assert isinstance(caught.value, EpisodeFinished | StoreError)


def test_run_uids() -> None:
    """They differ."""
    assert new_run_uid() != new_run_uid()
