"""What is stored, sent over a wire, and read back is what was told."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from ldp_tui.agents.random_players import RandomAgent
from ldp_tui.core.agent import Usage
from ldp_tui.core.environment import Picture
from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.tool_calls import ToolCall, ToolCallFunction, ToolRequestMessage, ToolResponseMessage
from ldp_tui.engine.codec import event_from_wire, event_to_wire, message_from_wire, message_to_wire
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
from ldp_tui.engine.message_rows import OBSERVATION, json_text, json_value, message_rows, messages_from_rows
from ldp_tui.engine.record import record
from ldp_tui.engine.replay import load_episode, read_steps, replay
from ldp_tui.engine.rollout import rollout
from ldp_tui.engine.rows import (
    begin_operation,
    end_operation,
    end_reason,
    failure_from_detail,
    start_event,
    step_event,
    step_operation,
)
from ldp_tui.registry import make_environment
from ldp_tui.store.reader import Reader
from ldp_tui.store.writer import Writer
from tests.engine.playing import Counter, Going, Thinking, kept, without_clocks

clean_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | clean_text
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(clean_text, inner, max_size=3),
    max_leaves=6,
)
infos = st.none() | st.dictionaries(clean_text, json_values, min_size=1, max_size=3)
contents = (
    st.none()
    | clean_text
    | st.lists(
        st.sampled_from([{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "data:,"}}]),
        min_size=1,
    )
    | st.dictionaries(clean_text, json_values, max_size=2)
)
calls = st.builds(
    ToolCall,
    id=clean_text,
    function=st.builds(
        ToolCallFunction, name=clean_text, arguments=st.dictionaries(clean_text, json_values, max_size=3)
    ),
)
common: dict[str, Any] = {"info": infos, "cache_breakpoint": st.booleans()}
plain = st.builds(Message, role=st.sampled_from(sorted(Message.VALID_ROLES)), content=contents, **common)
requests = st.builds(ToolRequestMessage, content=contents, tool_calls=st.lists(calls, max_size=3), **common)
responses = st.builds(
    ToolResponseMessage,
    content=contents.filter(lambda c: c is not None),
    name=clean_text,
    tool_call_id=clean_text,
    **common,
)
states = st.builds(EnvStateMessage, content=contents, **common)
messages = plain | requests | responses | states
observed = st.lists(plain | responses | states, max_size=3).map(tuple)
pictures = st.none() | clean_text | st.integers(1, 3).map(lambda n: Picture(n, 1, bytes(3 * n)))
legal = st.none() | st.lists(st.fixed_dictionaries({"name": clean_text, "arguments": st.just({})}), max_size=2).map(
    tuple
)
probabilities = st.none() | st.dictionaries(clean_text, st.floats(0, 1), max_size=2)
usages = st.none() | st.builds(Usage, st.integers(0, 9), st.integers(0, 9), st.floats(0, 9))
steps = st.builds(
    StepTaken,
    index=st.integers(0, 2**31),
    action=plain | requests,
    observation=observed,
    reward=st.floats(),
    terminated=st.booleans(),
    truncated=st.booleans(),
    reflection=clean_text,
    probabilities=probabilities,
    value=st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0),
    info=st.dictionaries(clean_text, json_values, max_size=3),
    legal_actions=legal,
    usage=usages,
)
starts = st.builds(
    EpisodeStarted,
    uid=clean_text,
    environment=st.builds(
        EnvironmentRecord,
        name=clean_text,
        spec=st.dictionaries(clean_text, json_values, max_size=2),
        observation_space=infos,
        deterministic=st.none() | st.booleans(),
    ),
    agent=st.builds(
        AgentRecord,
        clean_text,
        st.sampled_from(["human", "llm"]),
        st.none() | clean_text,
        prompt=st.none() | clean_text,
    ),
    seed=st.none() | st.integers(-(2**70), 2**70),
    task_id=st.none() | clean_text,
    options=st.dictionaries(clean_text, json_values, max_size=2),
    started_ns=st.integers(0, 2**62),
    observation=observed,
    tools=st.lists(st.dictionaries(clean_text, json_values, max_size=2), max_size=2).map(tuple),
    info=st.dictionaries(clean_text, json_values, max_size=2),
    legal_actions=legal,
    max_steps=st.none() | st.integers(0, 9),
    parent_uid=st.none() | clean_text,
    fork_t=st.none() | st.integers(0, 9),
)


def same(one: Any, other: Any) -> bool:
    """Equality in which NaN equals itself and 1 is not 1.0 nor True."""
    return type(one) is type(other) and repr(one) == repr(other) and json.dumps(parts(one)) == json.dumps(parts(other))


def parts(event: Any) -> Any:
    """Messages with everything that repr leaves out."""
    found = (
        [getattr(event, "action", None), *getattr(event, "observation", ())]
        if not isinstance(event, Message)
        else [event]
    )
    return [
        [
            type(m).__name__,
            m.model_copy(update={"cache_breakpoint": False}).model_dump(context={"include_info": True}),
            m.cache_breakpoint,
        ]
        for m in found
        if isinstance(m, Message)
    ]


@given(st.lists(messages, max_size=4))
def test_messages_as_rows(given_: list[Message]) -> None:
    """Type, content, info, calls and cache mark of every message come back."""
    back = messages_from_rows([row for message in given_ for row in message_rows(message)])
    assert len(back) == len(given_)
    assert all(map(same, back, given_))


@given(messages)
def test_message_over_the_wire(message: Message) -> None:
    """It comes back as it was, through plain JSON."""
    assert same(message_from_wire(json.loads(json.dumps(message_to_wire(message)))), message)


def test_info_that_says_nothing_lasting() -> None:
    """Timestamps of tools, and an empty info, are not kept."""
    for info in ({}, {"start_ts": 1.0, "end_ts": 2.0}):
        (back,) = messages_from_rows(message_rows(Message(content="x", info=info)))
        assert back.info is None


@given(steps)
def test_step_as_row(step: StepTaken) -> None:
    """Everything but single timings and the picture comes back."""
    row = step_operation("u", step, None).row
    assert same(step_event(row, None), replace(step, env_us=0))


@given(starts)
def test_start_as_row(start: EpisodeStarted) -> None:
    """Header and first observation come back, seeds beyond 64 bits too."""
    begin = begin_operation(start, "run", None)
    back = start_event(
        begin.first, uid=begin.uid, env=begin.env, agent=begin.agent, seed=begin.seed, task_id=begin.task_id,
        options=begin.options, started_ns=begin.started_ns, rendering=None, parent_uid=begin.parent_uid,
        fork_t=begin.fork_t,
    )  # fmt: skip
    assert same(back, start)


@pytest.mark.parametrize("reason", ["terminated", "truncated", "failed", "aborted", "interrupted"])
@pytest.mark.parametrize(("phase", "detail"), [(None, None), (None, "text"), ("env", "env: x"), ("tool", "")])
def test_end_as_row(reason: Any, phase: Any, detail: str | None) -> None:
    """Reason, phase and detail come back."""
    end = end_operation("u", EpisodeEnded(reason, 1.0, 2, 3, success=True, phase=phase, detail=detail), 4)
    assert end_reason(end.status) == reason
    assert failure_from_detail(end.detail) == (phase, detail)


def packed(event: Event) -> Event:
    return event_from_wire(msgpack.unpackb(msgpack.packb(event_to_wire(event)), strict_map_key=False))


@given(steps.map(lambda step: replace(step, info={})), pictures)
def test_step_over_the_wire(step: StepTaken, rendering: Any) -> None:
    """It comes back with its picture and timings; whole numbers beyond 64 bits cannot travel."""
    step = replace(step, rendering=rendering, agent_us=1, env_us=2)
    try:
        back = packed(step)
    except OverflowError:
        reject()
    assert same(back, step)


@pytest.mark.parametrize(
    "event",
    [
        ReflectionDelta(1, "text"),
        ActionProposed(1, Message(role="assistant"), {"a": 0.5}),
        ActionProposed(1, ToolRequestMessage(tool_calls=[ToolCall.from_name("f", x=1.5)])),
        EpisodeEnded("failed", math.inf, 2, 3, None, "tool", "x"),
        EpisodeStarted(
            "u",
            EnvironmentRecord("e", spec={"record": "Usage"}),
            AgentRecord("a"),
            2**63 - 1,
            None,
            {"a": [1]},
            5,
            (),
            ({"name": "f"},),
            "text",
        ),
        StepTaken(
            0,
            Message(),
            (),
            0.0,
            False,
            False,
            info={"record": "Picture", "name": {"record": "Usage"}},
            usage=Usage(1, 2, 0.5),
        ),
    ],
)
def test_events_over_the_wire(event: Event) -> None:
    """Each kind comes back, also where an environment's info looks like one of the records."""
    assert packed(event) == event


def test_foreign_values_over_the_wire() -> None:
    """They arrive as the store keeps them."""
    info = {"a": np.arange(2), "n": np.float32(0.5), "s": {2, 1}, "d": {1: "x"}, "nan": math.nan, "b": b"x"}
    call = ToolRequestMessage(tool_calls=[ToolCall.from_name("f", x=np.int64(3))])
    step = StepTaken(0, call, (Message(content="x", info={"array": np.arange(2)}),), 0.0, False, False, info=info)
    back = packed(step)
    assert isinstance(back, StepTaken)
    assert back.info == {"a": [0, 1], "n": 0.5, "s": [1, 2], "d": {"1": "x"}, "nan": None, "b": {"$bytes": "eA=="}}
    assert back.info == step_event(step_operation("u", step, None).row, None).info
    assert back.observation[0].info == {"array": [0, 1]}
    assert back.action.tool_calls[0].function.arguments == {"x": 3}  # type: ignore[attr-defined]


def test_whole_numbers_of_any_size() -> None:
    """They stay whole in JSON text; a number with a fraction stays one."""
    for value in (2**63 - 1, 2**64 - 1, 2**64, -(2**64), 10**40, [1.5, 12345678901234567890123]):
        assert json_value(json_text(value)) == value
        assert json_value(json_text(value).encode()) == value


AWKWARD = 'nul \0 tab \t newline \r\n astral 🎉 escape \x1b[31m quote " backslash \\ '
HOSTILE: list[dict[str, Any]] = [
    {"reward": math.nan},
    {"reward": math.inf},
    {"reward": -math.inf},
    {"reward": -0.0},
    {"reward": 1e308},
    {"content": AWKWARD},
    {"info": {"n": 2**100, "text": AWKWARD, "deep": [[[[None]]]]}},
    {"info": {OBSERVATION: [1.5, 2**64, None]}},
    {"content": "x" * 5_000_000, "info": {OBSERVATION: list(range(300_000))}},
]


async def played_and_read(
    writer: Writer, database: Path, env: Any, agent: Any, **options: Any
) -> tuple[list[Event], list[Event]]:
    """The events of a recorded episode, as told and as replayed."""
    live = [event async for event in record(rollout(env, agent, **options), writer, run_uid="r")]
    assert isinstance(live[0], EpisodeStarted)
    with Reader(database) as reader:
        return live, list(replay(reader, live[0].uid))


@pytest.mark.parametrize("values", HOSTILE, ids=",".join)
async def test_awkward_values_in_the_store(writer: Writer, database: Path, values: dict[str, Any]) -> None:
    """They are read as they were told."""
    message = Message(content=values.get("content", "x"), info=values.get("info"))
    env = Counter(
        step=lambda _: ([message], values.get("reward", 0.5), True, False), info=lambda _: {"seen": [1, None]}
    )
    live, back = await played_and_read(writer, database, env, Going(), seed=2**64 - 1)
    assert len(back) == len(kept(live))
    for one, other in zip(kept(live)[:2], back, strict=False):
        told = replace(other, env_us=0) if isinstance(other, StepTaken) else other
        assert same(one, without_clocks(told))


async def test_text_that_is_no_unicode(writer: Writer, database: Path) -> None:
    """A lone surrogate becomes a replacement character; nothing fails."""
    env = Counter(step=lambda _: ([Message(content="a\ud800b", info={"\udfff": "\ud800"})], 0.0, True, False))
    script = Going(choose=lambda _: ToolRequestMessage(tool_calls=[ToolCall.from_name("go", x="\ud800")]))
    _, (_, step, ended) = await played_and_read(writer, database, env, script)
    assert isinstance(step, StepTaken)
    assert isinstance(ended, EpisodeEnded)
    assert (step.observation[0].content, ended.reason) == ("a\ufffdb", "terminated")


@pytest.mark.parametrize(
    "name",
    [
        "calculator",
        "maze",
        "library_qa",
        "word_game",
        "sql_puzzle",
        "FrozenLake-v1",
        "CartPole-v1",
        "Blackjack-v1",
        "Pendulum-v1",
    ],
)
@pytest.mark.parametrize("seed", [0, 2**40])
async def test_replay_is_live(writer: Writer, database: Path, name: str, seed: int) -> None:
    """The events that a recording gives are those that were told: start, steps with their reflections, end."""
    env, environment = make_environment(name)
    live, back = await played_and_read(
        writer, database, env, RandomAgent(), environment=environment, seed=seed, max_steps=12
    )
    spoken = [replace(e, env_us=0) if isinstance(e, StepTaken) else e for e in map(without_clocks, back)]
    assert spoken == kept(live)


async def test_replay_in_parts(writer: Writer, database: Path) -> None:
    """Any range of steps, across pages; the end only with the last; texts and pictures where wanted."""
    env = Counter(450, render=lambda env: f"at {env.state}")
    live, whole = await played_and_read(writer, database, env, Thinking(), render=True, uid="u")
    assert [e.rendering for e in whole if isinstance(e, StepTaken)] == [f"at {n}" for n in range(1, 451)]
    with Reader(database) as reader:
        part = list(replay(reader, "u", start=198, stop=203, pictures=False))
        assert [e.index for e in part if isinstance(e, StepTaken)] == [198, 199, 200, 201, 202]
        assert not isinstance(part[-1], EpisodeEnded)
        assert part[0].rendering is None  # type: ignore[union-attr]
        assert len(list(replay(reader, "u", stop=1_000))) == 451
        assert read_steps(reader, "u", 3, 3) == []
        assert load_episode(reader, "u").ended == live[-1]


async def test_replay_of_an_episode_that_is_still_running(writer: Writer, database: Path) -> None:
    """It has no end yet."""
    events = record(rollout(Counter(), Going(), uid="u"), writer, run_uid="r")
    await anext(events)
    with Reader(database) as reader:
        assert load_episode(reader, "u").ended is None
        assert len(list(replay(reader, "u"))) == 1
    await events.aclose()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(step=steps, end=st.sampled_from(["terminated", "failed"]))
def test_any_step_through_the_database(writer: Writer, database: Path, step: StepTaken, end: Any) -> None:
    """Written to disk and read by another connection, a step is what it was."""
    from ldp_tui.engine.identity import new_uid

    start = EpisodeStarted(new_uid(), EnvironmentRecord("e"), AgentRecord("a"), None, None, {}, 1, (), ())
    writer.submit(begin_operation(start, "r", None))
    writer.wait(writer.submit(step_operation(start.uid, replace(step, index=0), None)))
    with Reader(database) as reader:
        (back,) = read_steps(reader, start.uid, 0, 1)
    assert same(back, replace(step, index=0, env_us=0))
    writer.wait(writer.submit(end_operation(start.uid, EpisodeEnded(end, 0.0, 1, 2), 3)))


def test_usage_of_nothing() -> None:
    """A model that cost nothing is told from a player without a model."""
    for usage in (None, Usage(), Usage(0, 0, 0.5)):
        step = StepTaken(0, Message(role="assistant"), (), 0.0, False, False, usage=usage)
        assert step_event(step_operation("u", step, None).row, None).usage == usage


def test_call_in_an_observation() -> None:
    """It is no action: the stored action is the agent's alone."""
    seen = ToolRequestMessage(tool_calls=[ToolCall.from_name("quoted")])
    step = StepTaken(0, ToolRequestMessage(tool_calls=[ToolCall.from_name("go")]), (seen,), 0.0, False, False)
    assert step_operation("u", step, None).row.action == '[["go",{}]]'


def test_event_loop_is_not_needed() -> None:
    """Reading needs none."""
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
