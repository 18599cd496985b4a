"""A small database with known episodes, written through the store's own writer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ldp_tui.core.environment import Picture
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction, ToolRequestMessage, ToolResponseMessage
from ldp_tui.engine.events import (
    AgentRecord,
    EndReason,
    EnvironmentRecord,
    EpisodeEnded,
    EpisodeStarted,
    Event,
    StepTaken,
)
from ldp_tui.engine.rows import begin_operation, end_operation, step_operation
from ldp_tui.store import PictureEncoder, Writer, connect_writer

NOON_NS = 1_763_640_000 * 10**9
"""2025-11-20 12:00:00 UTC."""
HOSTILE = "[bold red]markup[/] \x1b[31mred\x1b[0m \x1b]0;title\x07 \u202egnirts"
LAKE = "SFFF\nFHFH\nFFFH\nHFFG"


def uid(number: int) -> str:
    """The uid of the number-th episode."""
    return f"019aa0bc-0000-7000-8000-{number:012d}"


def cart(step: int) -> Picture:
    """A white picture with a cart and its pole."""
    pixels = np.full((80, 120, 3), 255, np.uint8)
    pixels[60:61] = 0
    left = 40 + 2 * (step % 30)
    pixels[56:64, left : left + 16] = (30, 30, 30)
    for height in range(30):
        x = left + 8 + height * (step % 20 - 10) // 20
        pixels[56 - height, x : x + 3] = (202, 152, 101)
    return Picture(120, 80, pixels.tobytes())


def started(
    number: int, environment: str, agent: str, *, seed: int | None, observation: str, **more: object
) -> EpisodeStarted:
    kind = "gymnasium" if environment.endswith(("-v0", "-v1")) else "tools"
    return EpisodeStarted(
        uid=uid(number),
        environment=EnvironmentRecord(environment, kind),
        agent=AgentRecord(agent, "llm" if ":" in agent else "human" if agent == "human" else "random"),
        seed=seed,
        task_id=None,
        options={},
        started_ns=NOON_NS + number * 61 * 10**9,
        observation=(Message(content=observation),),
        tools=(),
        **more,
    )


def cart_pole(number: int, *, agent: str, seed: int, steps: int, reflects: bool = False) -> Iterator[Event]:
    """Pictures, a reward of 1 a step, and a reflection now and then."""
    yield started(
        number, "CartPole-v1", agent, seed=seed, observation="cart at 0.00, pole at 0.02 rad", rendering=cart(0)
    )
    for index in range(steps):
        side = "push right" if index % 3 else "push left"
        yield StepTaken(
            index=index,
            action=ToolRequestMessage(
                tool_calls=[
                    ToolCall(id=f"c{index}", function=ToolCallFunction(name="step", arguments={"action": side}))
                ]
            ),
            observation=(Message(content=f"cart at {index / 100:.2f}, pole at {math.sin(index / 9) / 9:.2f} rad"),),
            reward=1.0,
            terminated=index == steps - 1,
            truncated=False,
            reflection=f"The pole leans to the right at step {index}, so I {side}."
            if reflects and index % 5 == 0
            else "",
            info={"lean": round(math.sin(index / 9), 3)},
            rendering=cart(index + 1),
            env_us=20_000,
        )
    yield ended("terminated", float(steps), steps, number)


def question(
    number: int, *, agent: str, seed: int, reason: EndReason = "terminated", good: bool = True
) -> Iterator[Event]:
    """A conversation with two tool calls, the second of which fails; texts are hostile."""
    yield started(number, "library_qa", agent, seed=seed, observation=f"Who wrote Middlemarch?\n{HOSTILE}")
    for index, (name, argument, answer, failed) in enumerate(
        [
            ("search", "Middlemarch", "Found: Middlemarch (George Eliot, 1871)", False),
            ("submit", HOSTILE, "KeyError: nope", True),
        ]
    ):
        call = ToolCall(id=f"q{index}", function=ToolCallFunction(name=name, arguments={"text": argument}))
        yield StepTaken(
            index=index,
            action=ToolRequestMessage(tool_calls=[call]),
            observation=(
                ToolResponseMessage(
                    content=answer, name=name, tool_call_id=call.id, info={"failed": True} if failed else None
                ),
            ),
            reward=(1.0 if good else -1.0) * index,
            terminated=index == 1,
            truncated=False,
            reflection=f"I should {name} now. {HOSTILE}",
            env_us=1_500_000,
        )
    yield ended(reason, 1.0 if good else -1.0, 2, number, success=good)


def lake(number: int, *, agent: str, seed: int, steps: int) -> Iterator[Event]:
    """Text renders and one reward at the end."""
    yield started(number, "FrozenLake-v1", agent, seed=seed, observation="You are at S.", rendering=LAKE)
    for index in range(steps):
        last = index == steps - 1
        yield StepTaken(
            index=index,
            action=ToolRequestMessage(
                tool_calls=[
                    ToolCall(id=f"l{index}", function=ToolCallFunction(name="step", arguments={"action": "right"}))
                ]
            ),
            observation=(Message(content=f"You are at row {index // 4}, column {index % 4}."),),
            reward=1.0 if last else 0.0,
            terminated=last,
            truncated=False,
            rendering=LAKE.replace("S", "@", 1) if index % 2 else LAKE,
            env_us=5_000,
        )
    yield ended("terminated", 1.0, steps, number, success=True)


def ended(reason: EndReason, return_: float, steps: int, number: int, *, success: bool | None = None) -> EpisodeEnded:
    return EpisodeEnded(reason, return_, steps, NOON_NS + (number * 61 + 9) * 10**9, success=success)


def write(writer: Writer, events: Sequence[Event], name: str = "") -> None:
    """Store events of one episode; `name` is its uid where they do not begin it."""
    pictures = PictureEncoder()
    ticket = 0
    for event in events:
        match event:
            case EpisodeStarted():
                name = event.uid
                ticket = writer.submit(begin_operation(event, "run", pictures))
            case StepTaken():
                ticket = writer.submit(step_operation(name, event, pictures))
            case EpisodeEnded():
                ticket = writer.submit(end_operation(name, event, 9_000_000))
    writer.wait(ticket, 30)


def some_episodes() -> list[list[Event]]:
    """Eight episodes, the newest last."""
    return [
        list(cart_pole(1, agent="random", seed=7, steps=21)),
        list(question(2, agent="react:gpt-5-mini", seed=1)),
        list(lake(3, agent="optimal", seed=3, steps=9)),
        list(question(4, agent="react:gpt-5-mini", seed=2, reason="failed", good=False)),
        list(cart_pole(5, agent="human", seed=7, steps=64, reflects=True)),
        list(lake(6, agent="random", seed=3, steps=6)),
        list(question(7, agent="[b]hostile[/b]", seed=-5, good=False)),
        list(cart_pole(8, agent="react:gpt-5-mini", seed=8, steps=118, reflects=True)),
    ]


def build(db: Path) -> Path:
    """A database with `some_episodes`."""
    with connect_writer(db) as writer:
        for events in some_episodes():
            write(writer, events)
    return db
