"""What panes show, as a pure function of events."""

from __future__ import annotations

import copy
import functools
from dataclasses import fields, replace
from typing import Any

import pytest

from ldp_tui.core.agent import Usage
from ldp_tui.core.messages import Message
from ldp_tui.engine.events import (
    ActionProposed,
    AgentRecord,
    EnvironmentRecord,
    EpisodeEnded,
    EpisodeStarted,
    Event,
    ReflectionDelta,
    StepTaken,
)
from ldp_tui.engine.session import MAX_LOG, SessionState, reduce
from tests.engine.playing import Counter, Thinking, events_of

START = EpisodeStarted(
    "u", EnvironmentRecord("e"), AgentRecord("a"), 1, None, {}, 0, (Message(content="o"),), (), "seen", {"i": 1}
)
ACTION = Message(role="assistant", content="go")
STEP = StepTaken(0, ACTION, (Message(content="1"),), 1.5, False, False, "why", {"go": 1.0}, usage=Usage(1, 2, 0.5))
END = EpisodeEnded("terminated", 1.5, 1, 2)


def after(*events: Event) -> SessionState:
    return functools.reduce(reduce, events, SessionState())


@pytest.mark.parametrize(
    ("before", "event", "changed"),
    [
        ((), START, {"started", "rendering", "observation", "info"}),
        ((START,), ReflectionDelta(0, "x"), {"reflection"}),
        ((START,), ActionProposed(0, ACTION, {"go": 1.0}), {"proposed", "probabilities"}),
        ((START, STEP), ReflectionDelta(1, "x"), {"reflection", "reflection_index"}),
        ((START, STEP), END, {"ended"}),
        ((START, ActionProposed(0, ACTION)), END, {"ended", "proposed"}),
        (
            (START, ActionProposed(0, ACTION)),
            STEP,
            {
                "observation", "info", "reflection", "proposed", "probabilities", "steps", "return_", "last_reward",
                "rewards", "log", "tokens", "cost_usd",
            },
        ),
    ],
)  # fmt: skip
def test_what_an_event_changes(before: tuple[Event, ...], event: Event, changed: set[str]) -> None:
    """Those slices and no others: the rest are the very same objects, and the state before is as it was."""
    state = after(*before)
    kept = copy.copy(state)
    result = reduce(state, event)
    assert {f.name for f in fields(state) if getattr(result, f.name) is not getattr(state, f.name)} == changed
    assert state == kept


def test_step() -> None:
    """Sums, log and newest values follow; a step without picture leaves the newest one."""
    state = after(START, STEP, replace(STEP, index=1, reward=-0.5, usage=None, reflection="", rendering="later"))
    assert (state.steps, state.return_, state.last_reward, state.rewards) == (2, 1.0, -0.5, (1.5, -0.5))
    assert (state.tokens, state.cost_usd, state.rendering, state.reflection) == (3, 0.5, "later", "")
    assert [(entry.index, entry.reward, entry.reflection) for entry in state.log] == [(0, 1.5, "why"), (1, -0.5, "")]
    assert after(START, STEP).rendering == "seen"


def test_reflections() -> None:
    """Pieces of one step are joined; the first of the next step begins anew."""
    state = after(START, ReflectionDelta(0, "a"), ReflectionDelta(0, "b"))
    assert state.reflection == "ab"
    assert reduce(state, ReflectionDelta(1, "c")).reflection == "c"
    assert after(START, ReflectionDelta(0, "a"), STEP).reflection == "why"


def test_new_episode() -> None:
    """It starts from nothing."""
    assert after(START, STEP, END, START) == after(START)


def test_long_episode() -> None:
    """The log keeps the newest steps; the sums count all."""
    state = after(START, *(replace(STEP, index=i) for i in range(MAX_LOG + 5)))
    assert len(state.log) == MAX_LOG
    assert (state.log[0].index, state.log[-1].index, state.steps) == (5, MAX_LOG + 4, MAX_LOG + 5)


async def test_end_agrees_with_the_rollout() -> None:
    """What was summed from steps is what the end says."""
    events = await events_of(Counter(3, rewards=0.1), Thinking())
    state: Any = after(*events)
    assert state.ended is events[-1]
    assert (state.return_, state.steps) == (state.ended.return_, state.ended.steps)
