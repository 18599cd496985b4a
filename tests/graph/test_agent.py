"""Agents made of ops."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, PrivateAttr

from ldp_tui.core.agent import Action
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.messages import Message
from ldp_tui.core.tools import Tool
from ldp_tui.graph import Agent, FxnOp, IdentityOp, Op, OpResult, name_ops, named_ops
from ldp_tui.testing import check_agent


class Module:
    """What agents are built of: no op itself."""

    def __init__(self) -> None:
        self.op = IdentityOp[int]()
        self.inner = {"first": IdentityOp[int](), "more": [IdentityOp[int]()]}
        self.itself = self


class Plain(Agent[None]):
    """Says hello."""

    async def init_state(self, tools: list[Tool]) -> None:
        return None

    async def get_asv(self, agent_state: None, obs: list[Message]) -> tuple[OpResult[Message], None, float]:
        return await self.wrap_action(Message(role="assistant", content="hello")), None, 0.0


@dataclass(slots=True)
class Slotted:
    op: IdentityOp[int]


class Built(Plain):
    def __init__(self) -> None:
        self.module = Module()
        self.slotted = Slotted(IdentityOp[int]())
        self.op = IdentityOp[int]()
        self.late: list[Op[Any]] = []
        self.late.append(IdentityOp[int]())
        self.inner = Inner()


class Inner(Plain):
    def __init__(self) -> None:
        self.op = IdentityOp[int]()
        self.given = IdentityOp[int]()
        self.given.set_name("my-op")


class Modelled(BaseModel, Plain):
    """An agent that is a pydantic model."""

    size: int = 3
    _module: Module = PrivateAttr(default_factory=Module)

    def model_post_init(self, context: Any, /) -> None:
        name_ops(self)


def names(agent: Agent[Any]) -> dict[str, str]:
    return {path: op.name for path, op in agent.named_ops()}


def test_names() -> None:
    """Ops are named by the attributes that lead to them, within an inner agent by the whole way; given names stay."""
    agent = Built()
    found = names(agent)
    late = found.pop("late.0")
    assert late.startswith("IdentityOp-")
    assert found.pop("inner.given") == "my-op"
    assert found == {
        name: name
        for name in ("op", "module.op", "module.inner.first", "module.inner.more.0", "inner.op", "slotted.op")
    }
    agent.prepare(env=DummyEnv(), seed=0)
    assert agent.late[0].name == "late.0"
    assert copy.deepcopy(agent).op.name == "op"


def test_an_op_of_two_attributes() -> None:
    """It has the first one's name, and is listed once."""
    agent = Plain()
    agent.first = agent.second = FxnOp(abs)  # type: ignore[attr-defined]
    agent.prepare(env=DummyEnv(), seed=0)
    assert names(agent) == {"first": "first"}


def test_an_agent_that_is_a_model() -> None:
    """Its private attributes are looked into."""
    assert names(Modelled()).keys() == {"_module.op", "_module.inner.first", "_module.inner.more.0"}
    assert set(names(Modelled()).values()) == names(Modelled()).keys()


def test_two_agents_of_a_class() -> None:
    """Their ops have equal names, and so one context."""
    assert Inner().op.ctx is Inner().op.ctx


class Touched(list[Any]):
    """A list that counts who looks into it."""

    touched = 0

    def __iter__(self) -> Any:
        Touched.touched += 1
        return super().__iter__()


def test_data_is_not_walked() -> None:
    """Ranges, long containers and texts are not looked into; no matter how much there is, the walk ends."""
    agent = Plain()
    Touched.touched = 0
    agent.data = [range(10**6), "text" * 10**6, Touched(range(10**6)), dict.fromkeys(range(2000))]  # type: ignore[attr-defined]
    agent.deep = [[[[object() for _ in range(30)] for _ in range(30)] for _ in range(30)] for _ in range(30)]  # type: ignore[attr-defined]
    agent.op = IdentityOp[int]()  # type: ignore[attr-defined]
    assert list(agent.named_ops()) == [("op", agent.op)]  # type: ignore[attr-defined]
    assert Touched.touched == 0


def test_arrays_are_not_walked() -> None:
    """Neither NumPy's, also of objects."""
    numpy = pytest.importorskip("numpy")
    held = {"array": numpy.array([IdentityOp[int]()], dtype=object), "op": IdentityOp[int]()}
    assert [path for path, _ in named_ops(held)] == ["op"]


async def test_wrapped_actions() -> None:
    """A message becomes a result without inputs but itself; a result stays itself."""
    message = Message(role="assistant")
    action = await Agent.wrap_action(message)
    assert action.value is message
    assert action.inputs == ([], {"value": message})
    assert await Plain.wrap_action(action) is action
    accepted: Action = action
    assert accepted.value is message


def test_the_rules_for_agents() -> None:
    """An agent made of ops keeps them."""
    check_agent(Built)


async def test_played_by_the_engine() -> None:
    """Its actions are actions: an episode is played, and ops that came late have their names."""
    from ldp_tui import StepTaken, rollout

    agent = Built()
    async with aclosing(rollout(DummyEnv(), agent, max_steps=2)) as events:
        steps = [event async for event in events if isinstance(event, StepTaken)]
    assert [step.action.content for step in steps] == ["hello", "hello"]
    assert agent.late[0].name == "late.0"


TYPED = '''
from dataclasses import dataclass, field
from datetime import datetime

from ldp_tui.core import Action, Message, Tool
from ldp_tui.graph import Agent, FxnOp, OpResult, compute_graph


@dataclass
class MyComplexState:
    vector: list[float]
    timestamp: datetime = field(default_factory=datetime.now)


class MyAgent(Agent[MyComplexState]):
    """Some agent who is now type checked to match the custom state."""

    def __init__(self) -> None:
        self.op: FxnOp[Message] = FxnOp(self.answer)

    def answer(self, vector: list[float]) -> Message:
        return Message(content=str(vector))

    async def init_state(self, tools: list[Tool]) -> MyComplexState:
        return MyComplexState([0.0])

    @compute_graph()
    async def get_asv(
        self, agent_state: MyComplexState, obs: list[Message]
    ) -> tuple[OpResult[Message], MyComplexState, float]:
        action = await self.op(agent_state.vector)
        reveal_type(action.value)
        return action, agent_state, 0.0


async def play(agent: MyAgent) -> float:
    state = await agent.init_state([])
    action, state, value = await agent.get_asv(state, [])
    accepted: Action = action
    reveal_type(state.vector)
    for name, op in agent.named_ops():
        reveal_type(name)
    await agent.get_asv("no state", [])
    return state.timestamp
'''


def test_types(tmp_path: Path) -> None:
    """mypy knows the state of the README's generic agent and the values of results, and refuses another state."""
    pytest.importorskip("mypy")
    root = Path(__file__).parents[2]
    script = tmp_path / "typed.py"
    script.write_text(TYPED)
    options = ["--strict", f"--cache-dir={root / '.mypy_cache'}", f"--config-file={root / 'pyproject.toml'}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(script)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "MYPYPATH": str(root)},
        cwd=tmp_path,
    )
    told = done.stdout.replace("builtins.", "").splitlines()
    said = [line.partition(": ")[2].partition("  [")[0] for line in told if line.startswith("typed.py")]
    assert said == [
        'note: Revealed type is "ldp_tui.core.messages.Message"',
        'note: Revealed type is "list[float]"',
        'note: Revealed type is "str"',
        'error: Argument 1 to "get_asv" of "MyAgent" has incompatible type "str"; expected "MyComplexState"',
        'error: Incompatible return value type (got "datetime", expected "float")',
    ]
