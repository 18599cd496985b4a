"""Stores each event before it is passed on: what a screen shows is on disk."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Literal
from uuid import uuid4

from ldp_tui.engine.events import EpisodeEnded, EpisodeStarted, Event, Intervened, StepTaken
from ldp_tui.engine.rows import annotation_operation, begin_operation, end_operation, step_operation
from ldp_tui.store.errors import StoreError
from ldp_tui.store.pictures import PictureEncoder
from ldp_tui.store.writer import Writer

Acknowledge = Literal["step", "episode"]
"""When the pipe waits for the disk: before each step is passed on, or once before the episode's end is."""


async def record(
    events: AsyncGenerator[Event, None],
    writer: Writer,
    *,
    run_uid: str,
    ack: Acknowledge = "step",
    pictures: bool = True,
    shared: StepTaken | None = None,
) -> AsyncGenerator[Event, None]:
    """The same events, stored. An episode that is left early is closed as `aborted`.

    Args:
        events: From `rollout`; closed when this generator is.
        writer: Where to store.
        run_uid: Groups the episodes of one session or campaign.
        ack: `step` waits for each commit; `episode` lets steps run ahead of the disk and waits at the end.
        pictures: Store renderings too (lossless, each distinct picture once).
        shared: For a fork: the newest step it has in common with its parent, whose earlier rows it then shares.

    Raises:
        StoreError: If an operation cannot be stored; nothing acknowledged is lost.
    """
    encoder = PictureEncoder() if pictures else None
    uid: str | None = None
    human = False
    began = 0
    tickets: list[int] = []
    try:
        async with aclosing(events):
            async for event in events:
                match event:
                    case EpisodeStarted():
                        began = time.monotonic_ns()
                        human = event.agent.kind == "human"
                        tickets.append(writer.submit(begin_operation(event, run_uid, encoder, shared)))
                        uid = event.uid
                        if ack == "step":
                            try:
                                await _committed(writer, tickets)
                            except StoreError:
                                uid = None  # another episode of that uid is none of ours to close
                                raise
                    case Intervened() if uid is not None:
                        tickets.append(writer.submit(annotation_operation(uid, event, time.time_ns())))
                        if ack == "step":
                            await _committed(writer, tickets)
                    case StepTaken() if uid is not None:
                        tickets.append(writer.submit(step_operation(uid, event, encoder, human=human)))
                        if ack == "step":
                            await _committed(writer, tickets)
                    case EpisodeEnded() if uid is not None:
                        tickets.append(writer.submit(end_operation(uid, event, (time.monotonic_ns() - began) // 1000)))
                        uid = None
                        await _committed(writer, tickets)
                yield event
    finally:
        if uid is not None and writer.failure is None:
            left = EpisodeEnded("aborted", return_=0.0, steps=0, ended_ns=time.time_ns())
            writer.submit(end_operation(uid, left, (time.monotonic_ns() - began) // 1000))


async def _committed(writer: Writer, tickets: list[int]) -> None:
    """Wait for all tickets and forget them. Raises the first refusal, of which later ones are consequences."""
    *earlier, newest = tickets
    tickets.clear()
    refused: StoreError | None = None
    try:
        await writer.committed(newest)
    except StoreError as error:
        refused = error
    for ticket in earlier:
        await writer.committed(ticket)
    if refused is not None:
        raise refused


def new_run_uid() -> str:
    """Identifier for the episodes of one session."""
    return uuid4().hex
