from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ldp_tui.agents import Agent, AgentConfig, ReActAgent, SimpleAgent
from ldp_tui.core.agent import Agent as CoreAgent
from ldp_tui.core.errors import UnknownName, UnknownSetting, UsageError

MINE = """
from pydantic import BaseModel
from ldp_tui.agents import Agent
from ldp_tui.core import Message, Tool
from ldp_tui.graph import OpResult, compute_graph
from ldp_tui.models import LLMCallOp, LLMConfig

class Thoughts(BaseModel):
    turns: int = 0

class MyAgent(Agent[Thoughts]):
    def __init__(self, config: LLMConfig) -> None:
        self.config = config
        self.llm_call = LLMCallOp()

    async def init_state(self, tools: list[Tool]) -> Thoughts:
        return Thoughts()

    @compute_graph()
    async def get_asv(
        self, agent_state: Thoughts, obs: list[Message]
    ) -> tuple[OpResult[Message], Thoughts, float]:
        action = await self.llm_call(self.config, msgs=obs)
        return action, Thoughts(turns=agent_state.{field} + 1), 0.0
"""


class Own(SimpleAgent):
    """An agent that somebody defines."""


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("SimpleAgent", SimpleAgent),
        ("ReActAgent", ReActAgent),
        ("Own", Own),
        (f"{__name__}:Own", Own),
        ("ldp_tui.agents.react:ReActAgent", ReActAgent),
    ],
)
def test_by_name(name: str, cls: type) -> None:
    """This package's agents, those defined in this process, and `module:Class`."""
    assert type(Agent.from_name(name)) is cls
    assert type(AgentConfig(agent_type=name).construct_agent()) is cls


def test_in_a_fresh_process() -> None:
    """The core alone finds this package's agents, and loads them only then."""
    code = (
        "import sys; from ldp_tui import Agent\n"
        "assert 'ldp_tui.agents' not in sys.modules\n"
        "print(type(Agent.from_name('ReActAgent', single_prompt=True)).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "ReActAgent"


def test_arguments() -> None:
    """They reach the agent; configurations are values that can be keys, and be read again."""
    config = AgentConfig(
        agent_type="SimpleAgent", agent_kwargs={"sys_prompt": "Hi", "llm_config": {"name": "openai/m"}}
    )
    agent = config.construct_agent()
    assert isinstance(agent, SimpleAgent)
    assert (agent.sys_prompt, agent.llm_config.models[0].name) == ("Hi", "openai/m")
    assert {config: 1}[AgentConfig.model_validate_json(config.model_dump_json())] == 1
    assert hash(config) != hash(AgentConfig(agent_type="SimpleAgent"))


def test_wrong() -> None:
    """Names and keys that do not exist name the nearest; what is no agent is refused."""
    with pytest.raises(UnknownName, match="Did you mean SimpleAgent"):
        Agent.from_name("SimplAgent")
    with pytest.raises(UnknownSetting, match="Did you mean agent_type"):
        AgentConfig(agent_typ="SimpleAgent")  # type: ignore[call-arg]
    with pytest.raises(UnknownSetting, match="sys_prompt"):
        AgentConfig(agent_type="SimpleAgent", agent_kwargs={"sysprompt": ""}).construct_agent()
    with pytest.raises(UsageError, match="names no Agent"):
        CoreAgent.from_name("ldp_tui.core.messages:Message")
    with pytest.raises(UsageError, match="nowhere cannot be imported"):
        CoreAgent.from_name("nowhere:Agent")


def test_states_are_checked_by_mypy(tmp_path: Path) -> None:
    """An agent's own state type holds in every method: a field that it has not is a type error."""
    pytest.importorskip("mypy")
    modules = {field: tmp_path / f"{field}.py" for field in ("turns", "turn")}
    for field, module in modules.items():
        module.write_text(MINE.replace("{field}", field))
    root = Path(__file__).parents[2]  # its cache is warm after `make check`
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--follow-imports=silent", *map(str, modules.values())],
        capture_output=True, text=True, timeout=280, check=False, cwd=root,
    )  # fmt: skip
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert len(errors) == 1, done.stdout + done.stderr
    assert "turn.py" in errors[0]
    assert '"Thoughts" has no attribute "turn"' in errors[0]
