"""`Environment.from_name`: the names of the command line, for Python code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ldp_tui import DummyEnv, Environment, UnknownName, UsageError
from ldp_tui.registry import environment_names

MODULE = """
from ldp_tui import DummyEnv

class Strict(DummyEnv):
    def __init__(self, task, extra=None):
        super().__init__(task)
        self.extra = extra

    @classmethod
    def from_task(cls, task):
        return cls(f"{task}!")

def make(size=3):
    env = Strict("made")
    env.size = size
    return env
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a module with an environment."""
    (tmp_path / "from_name_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "from_name_module", raising=False)
    return "from_name_module"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of an environment file."""
    (tmp_path / "own.py").write_text(MODULE)
    monkeypatch.setenv("LDP_TUI_ENVS", str(tmp_path))
    return "own"


async def test_environment_of_aviary() -> None:
    """`dummy`, made by its class, with arguments or for a task."""
    assert isinstance(Environment.from_name("dummy"), DummyEnv)
    assert Environment.from_name("dummy", end_immediately=False).end_immediately is False
    (question,), _ = await Environment.from_name("dummy", task="apples").reset()
    assert question.content == "Write a 5 word story via print_story about apples"


async def test_bundled_environment() -> None:
    """Its task may be given as text."""
    env = Environment.from_name("calculator", task="What is 18 * 4 / 2?")
    (question,), tools = await env.reset()
    assert "18 * 4 / 2" in (question.content or "")
    assert {tool.info.name for tool in tools} == {"calculator", "submit_answer"}


def test_file_and_module(file: str, module: str) -> None:
    """Options are Python values, and a task goes to the class, which need not be made without one."""
    marker = object()
    assert Environment.from_name(file, size=marker).size is marker
    assert Environment.from_name(f"{module}:Strict", task="x").task == "x!"
    assert Environment.from_name(file, task="z").task == "z!"


async def test_gymnasium() -> None:
    """Any id, with the options of `gymnasium.make`; it is not made from text."""
    env = Environment.from_name("FrozenLake-v1", is_slippery=False)
    _, tools = await env.reset(seed=0)
    assert [tool.info.name for tool in tools] == ["act"]
    await env.close()
    with pytest.raises(NotImplementedError, match="cannot be made from a task text"):
        Environment.from_name("FrozenLake-v1", task="win")


def test_names(file: str) -> None:
    """All that can be listed, the own files among them."""
    names = Environment.available()
    assert {"dummy", "calculator", "maze", "CartPole-v1", file} <= names
    assert names == {entry.name for entry in environment_names()}


def test_what_does_not_go_together() -> None:
    """A task and arguments."""
    with pytest.raises(ValueError, match="not both"):
        Environment.from_name("dummy", task="x", end_immediately=False)


def test_unknown_name() -> None:
    """A ValueError that names the nearest one; unknown arguments are told alike."""
    with pytest.raises(ValueError, match="Did you mean calculator"):
        Environment.from_name("calculater")
    with pytest.raises(UnknownName, match="Unknown option 'end'"):
        Environment.from_name("dummy", end=True)
    with pytest.raises(UsageError, match="names nothing"):
        Environment.from_name("")
