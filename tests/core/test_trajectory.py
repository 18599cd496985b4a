"""Trajectories and LDP's files of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ldp_tui.core.agent import PlainAction
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.environment import Environment
from ldp_tui.core.errors import AgentError, EnvError
from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.tool_calls import ToolCall, ToolRequestMessage, ToolResponseMessage
from ldp_tui.core.trajectory import Trajectory, Transition, discounted_returns
from ldp_tui.core.transition_json import RecordedAction

CALL = ToolCall.from_name("go", id="c1", by=2, to=None)


def step(timestep: int = 0, **fields: Any) -> Transition:
    return Transition(timestep=timestep, **{"observation": [], **fields})


async def through_a_file(trajectory: Trajectory, path: Path, **options: Any) -> Trajectory:
    await trajectory.to_jsonl(path, **options)
    return Trajectory.from_jsonl(path)


async def test_file(tmp_path: Path) -> None:
    """The id, then a line for each step; everything but agent states is read back."""
    answer = ToolResponseMessage.from_call(CALL, "done", info={"start_ts": 1.5})
    first = step(
        observation=[Message(content="go"), Message(role="system", content="ä\n", cache_breakpoint=True)],
        next_observation=[answer],
        action=PlainAction(ToolRequestMessage(content="I go", tool_calls=[CALL])),
        agent_state={"much": 1},
        reward=0.5,
        value=0.25,
        metadata={"seconds": 0.1},
    )
    second = step(1, observation=[answer], action=None, truncated=True, metadata={"exception": "E()"})
    trajectory = Trajectory(traj_id="t", steps=[first, second], metadata={"env_id": "x"})
    again = await through_a_file(trajectory, tmp_path / "t.jsonl")
    lines = (tmp_path / "t.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == "t"
    assert len(lines) == 3
    assert (again.traj_id, again.metadata) == ("t", {"env_id": "x"})
    assert again.steps[0].observation == first.observation
    assert again.steps[0].observation[1].cache_breakpoint
    assert again.steps[0].next_observation == [answer]
    assert again.steps[0].next_observation[0].info == {"start_ts": 1.5}
    assert again.steps[0].action.value == first.action.value  # type: ignore[union-attr]
    assert again.steps[0].metadata == {"seconds": 0.1}
    assert (again.steps[0].reward, again.steps[0].value, again.steps[0].agent_state) == (0.5, 0.25, None)
    assert (again.steps[1].action, again.steps[1].truncated, again.failed) == (None, True, True)


async def test_file_of_a_file(tmp_path: Path) -> None:
    """Writing what was read gives the same bytes, call ids included."""
    trajectory = Trajectory(traj_id="t", steps=[step(action=PlainAction(Message(role="assistant", content="hm")))])
    again = await through_a_file(trajectory, tmp_path / "one.jsonl")
    assert isinstance(again.steps[0].action, RecordedAction)
    await again.to_jsonl(tmp_path / "two.jsonl")
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


@pytest.mark.parametrize(
    "message",
    [
        Message(role="assistant", content="plain words"),
        ToolRequestMessage(content="none", tool_calls=[]),
        ToolRequestMessage(tool_calls=[CALL, CALL]),
        Message(content={"a": [1]}),
        Message(content=[{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "data:,"}}]),
        Message(content="see", info={"k": 1}),
        ToolResponseMessage(content="x", name="go", tool_call_id="1"),
        Message(role="tool", content="nameless"),
    ],
)
async def test_messages(message: Message, tmp_path: Path) -> None:
    """Each is of the same type and content afterwards, as an action and as an observation."""
    trajectory = Trajectory(steps=[step(action=PlainAction(message), next_observation=[message])])
    (again,) = (await through_a_file(trajectory, tmp_path / "t.jsonl")).steps
    for found in (again.action.value, again.next_observation[0]):  # type: ignore[union-attr]
        assert type(found) is type(message)
        assert found == message


async def test_mark_of_an_environments_state(tmp_path: Path) -> None:
    """It is kept, though not as a type of its own."""
    trajectory = Trajectory(steps=[step(observation=[EnvStateMessage(content="board")])])
    (again,) = (await through_a_file(trajectory, tmp_path / "t.jsonl")).steps
    assert again.observation[0].is_env_state


async def test_info_that_is_not_json(tmp_path: Path) -> None:
    """Arrays become lists, the rest its repr: diagnostics never cost a file."""
    message = Message(content="x", info={"a": np.arange(2), "b": {1}, "c": object, "d": (1, 2)})
    (again,) = (await through_a_file(Trajectory(steps=[step(observation=[message])]), tmp_path / "t.jsonl")).steps
    assert again.observation[0].info == {"a": [0, 1], "b": [1], "c": "<class 'object'>", "d": [1, 2]}


async def test_agent_states(tmp_path: Path) -> None:
    """They are written when asked for."""
    trajectory = Trajectory(steps=[step(agent_state=Message(content="s"), next_agent_state=[1])])
    (again,) = (await through_a_file(trajectory, tmp_path / "t.jsonl", agent_states=True)).steps
    assert again.agent_state["content"] == "s"
    assert again.next_agent_state == [1]


async def test_first_observation_with_what_came_later(tmp_path: Path) -> None:
    """LDP's files hold the list that the environment went on writing to: it ends where the answers to step 0 begin."""
    answer = ToolResponseMessage.from_call(CALL, "done")
    action = PlainAction(ToolRequestMessage(tool_calls=[CALL]))
    later = Message(content="later")
    trajectory = Trajectory(steps=[step(observation=[Message(content="go"), answer, later], action=action),
                                   step(1, observation=[answer], action=action)])  # fmt: skip
    first, second = (await through_a_file(trajectory, tmp_path / "t.jsonl")).steps
    assert [message.content for message in first.observation] == ["go"]
    assert second.observation == [answer]  # ids repeat from turn to turn: only the first observation can be told


@pytest.mark.parametrize("text", ["", '"t"\n', "null\n", '"t"\n\n'])
def test_files_without_steps(text: str, tmp_path: Path) -> None:
    """They are empty trajectories."""
    (tmp_path / "t.jsonl").write_text(text)
    trajectory = Trajectory.from_jsonl(tmp_path / "t.jsonl")
    assert trajectory.steps == []
    assert trajectory.traj_id == ("t" if "t" in text else None)


def test_file_that_is_none(tmp_path: Path) -> None:
    """A ValueError."""
    (tmp_path / "t.jsonl").write_text('"t"\n{"timestep": 0}\n')
    with pytest.raises(ValueError, match="observation"):
        Trajectory.from_jsonl(tmp_path / "t.jsonl")


def test_step_as_json() -> None:
    """With its agent states, as LDP dumps it."""
    dumped = json.loads(step(agent_state={"n": 1}, action=PlainAction(Message(content="a"))).model_dump_json(indent=2))
    assert dumped["agent_state"] == {"n": 1}
    assert dumped["action"]["value"] == {"role": "user", "content": "a"}
    assert set(dumped["action"]["call_id"]) == {"run_id", "fwd_id"}


async def test_trajectory_of_an_environment() -> None:
    """It names the task where the environment does."""

    class Named(DummyEnv):
        async def get_id(self) -> str:
            return "seven"

    assert (await Trajectory.from_env(Named(), traj_id="t", metadata={"a": 1})).metadata == {"a": 1, "env_id": "seven"}
    assert (await Trajectory.from_env(DummyEnv())).metadata == {}
    assert isinstance(DummyEnv(), Environment)


def test_returns() -> None:
    """They start anew behind every end, whatever ended it."""
    steps = [step(reward=1.0), step(1, reward=2.0, done=True), step(2, reward=4.0), step(3, reward=8.0, truncated=True)]
    assert Trajectory(steps=steps).compute_discounted_returns(0.5) == [2.0, 2.0, 8.0, 8.0]
    assert discounted_returns([1.0, 2.0, 3.0], [False, False, True], discount=0.9) == pytest.approx([5.23, 4.7, 3.0])
    with pytest.raises(ValueError, match="shorter"):
        discounted_returns([1.0], [])


def test_errors_that_stand_for_others() -> None:
    """The first exception is to be had, given or chained."""
    first = KeyError("k")
    assert EnvError(first).original_exc is first
    chained = AgentError("words")
    chained.__cause__ = first
    assert chained.original_exc is first
    assert AgentError("words").original_exc is None
