"""Language-model players by name: what people type, and what they are told if it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ldp_tui.agents import MemoryAgent, ReActAgent, SimpleAgent, TreeofThoughtsAgent
from ldp_tui.agents.asking import UnreadableReply
from ldp_tui.agents.text_calls import TextCallAgent, read_call
from ldp_tui.core.errors import UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.core.tools import Tool
from ldp_tui.engine.rollout import rollout
from ldp_tui.models import Memory, StoredMemoryModel
from ldp_tui.models.modules import ToolDescriptionMethods
from ldp_tui.registry import agent_names, make_agent
from ldp_tui.testing.model_server import ModelServer
from tests.agents.model_agents import RIGHT, Corridor

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


def test_listed() -> None:
    """Every kind is."""
    names = {name.name for name in agent_names()}
    assert {"simple", "react", "no-tools", "memory", "tree-of-thoughts", "remote"} <= names


def test_options_of_model_and_agent() -> None:
    """Each goes where it belongs; the record has the text that names the player again."""
    text = (
        "simple:hosted_vllm/qwen,base_url=http://127.0.0.1:8000/v1,temperature=0,timeout=30,max_concurrent=2,"
        "hide_old_env_states=true,sliding_window=3,stream=false,sys_prompt=Be brief."
    )
    agent, record = make_agent(text)

    assert isinstance(agent, SimpleAgent)
    (spec,) = agent.llm_config.models
    assert (spec.name, spec.api_base, spec.timeout, spec.max_concurrent) == (
        "hosted_vllm/qwen",
        "http://127.0.0.1:8000/v1",
        30,
        2,
    )
    assert spec.extra_params == {"temperature": 0}
    assert (agent.hide_old_env_states, agent.sliding_window, agent.sys_prompt) == (True, 3, "Be brief.")
    assert not agent.llm_config.stream
    assert (record.name, record.kind, record.model) == (text, "llm", "hosted_vllm/qwen")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("simple:m,base_url=http://x/v1", SimpleAgent),
        ("react:m,base_url=http://x/v1,single_prompt=true,tool_description_method=json", ReActAgent),
        ("no-tools:m,base_url=http://x/v1", TextCallAgent),
        ("memory:m,base_url=http://x/v1,num_memories=2,memories=taxi", MemoryAgent),
        ("tree-of-thoughts:m,base_url=http://x/v1,n_steps=2,n_select_samples=3", TreeofThoughtsAgent),
    ],
)
def test_kinds(text: str, kind: type) -> None:
    """Each name makes its agent."""
    agent, _ = make_agent(text)
    assert type(agent) is kind
    if isinstance(agent, ReActAgent):
        assert agent.tool_description_method is ToolDescriptionMethods.JSON
    if isinstance(agent, TreeofThoughtsAgent):
        assert (agent.n_steps, agent.n_select_samples) == (2, 3)


def test_fallbacks() -> None:
    """Further models are asked at their own places, with the same settings."""
    agent, _ = make_agent('simple:m,base_url=http://x/v1,temperature=1,fallbacks=["ollama/a","ollama/b"]')
    assert isinstance(agent, SimpleAgent)
    models = agent.llm_config.models
    assert [(spec.name, spec.api_base) for spec in models] == [
        ("m", "http://x/v1"),
        ("ollama/a", None),
        ("ollama/b", None),
    ]
    assert all(spec.extra_params == {"temperature": 1} for spec in models)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("simple", "needs a model: simple:openai/gpt-5-mini"),
        ("simple:gpt-4o", "gpt-4o needs a key: set OPENAI_API_KEY, .*name another variable by api_key_env"),
        ("react:anthropic/claude-haiku-4-5", "needs a key: set ANTHROPIC_API_KEY"),
        ("simple:m,base_url=http://x/v1,api_key_env=NOT_SET", "needs a key: set NOT_SET"),
        ("simple:m,base_url=http://x/v1,temprature=0", "Unknown setting 'temprature'.*Did you mean temperature"),
        ("memory:m,base_url=http://x/v1,num_memory=2", "Did you mean num_memories"),
        ("react:m,base_url=http://x/v1,singleprompt=true", "Did you mean single_prompt"),
        ("react:m,base_url=http://x/v1,tool_description_method=yaml", "Unknown setting 'yaml'.*json"),
        ("simple:m,api_key=sk-canary", "Options are recorded: put the key into the environment"),
        ("simple:m,base_url=x", "base_url must be a URL"),
        ("simple:m,base_url=http://x/v1,timeout=-1,max_retries=no", "player 'simple': timeout: .*; max_retries: "),
        ("tree-of-thoughts:m,base_url=http://x/v1,n_steps=0", "n_steps: Input should be greater"),
        ("remote", "is no address; expected remote:http://HOST:PORT"),
        ("remote:http://x,token_env=NOT_SET", "NOT_SET holds no token"),
    ],
)
def test_wrong(text: str, says: str) -> None:
    """One line says what to do, before an episode begins, and repeats no key."""
    with pytest.raises(UsageError, match=says) as refused:
        make_agent(text)
    assert "\n" not in str(refused.value)
    assert "sk-canary" not in str(refused.value)


async def test_played_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A named player plays, with the key of the variable that was named."""
    monkeypatch.setenv("MY_KEY", "secret")
    with ModelServer([RIGHT] * 3, api_key="secret") as server:
        agent, _ = make_agent(f"simple:any,base_url={server.base_url},api_key_env=MY_KEY")
        events = [event async for event in rollout(Corridor(), agent)]
    assert events[-1].reason == "terminated"


async def test_memory_player(tmp_path: Path) -> None:
    """It is shown what the named collection holds."""
    db = tmp_path / "project.db"
    learnt = Memory(query="Walk to field 3.", output="walk right", value=1.0)
    await StoredMemoryModel(path=db, collection="corridor").add_memory(learnt)
    with ModelServer([RIGHT] * 3) as server:
        agent, _ = make_agent(f"memory:any,base_url={server.base_url},memories=corridor,db={db}")
        events = [event async for event in rollout(Corridor(), agent)]
    assert events[-1].reason == "terminated"
    assert "walk right" in json.dumps(server.requests[0].body)


async def test_player_without_tools() -> None:
    """The tools are described in the system prompt; what cannot be read is asked for again; no tool is ever sent."""
    replies = ["Let me see.", 'Right! {"name": "walk", "arguments": {"direction": "right"}}', "right", "walk('right')"]
    with ModelServer(replies) as server:
        agent, _ = make_agent(f"no-tools:any,base_url={server.base_url},sys_prompt=Be quick.")
        events = [event async for event in rollout(EnumCorridor(), agent)]

    assert events[-1].reason == "terminated"
    assert len(server.requests) == 4
    for request in server.requests:
        assert not {"tools", "tool_choice"} & set(request.body)
        assert {message["role"] for message in request.body["messages"]} <= {"system", "user", "assistant"}
    system = server.requests[0].body["messages"][0]["content"]
    assert system.startswith("Be quick.\n\nYou act by calling one of these tools:\n\nNAME: walk")


class EnumCorridor(Corridor):
    """Corridor whose tool names the directions there are."""

    def __init__(self) -> None:
        super().__init__()
        info = self.tools[0].info.model_copy(deep=True)
        assert info.parameters is not None
        info.parameters.properties["direction"] = {"enum": ["left", "right"], "type": "string"}
        self.tools = [Tool(tool_fn=self.walk, function=info)]


def submit(answer: str) -> None:
    """Submit.

    Args:
        answer: The answer.
    """


def move(x: int, y: int = 0) -> None:
    """Move.

    Args:
        x: East.
        y: North.
    """


SUBMIT, MOVE = Tool.from_function(submit), Tool.from_function(move)


@pytest.mark.parametrize(
    ("text", "tools", "name", "arguments"),
    [
        ('{"name": "move", "arguments": {"x": 1}}', [MOVE, SUBMIT], "move", {"x": 1, "y": 0}),
        ('{"x": 9}? No:\n```\n{"tool": "move", "parameters": {"x": 2}}\n```', [MOVE, SUBMIT], "move", {"x": 2, "y": 0}),
        ('So {"x": 3, "y": 4}.', [MOVE], "move", {"x": 3, "y": 4}),
        ("I call move(1, 2).", [MOVE, SUBMIT], "move", {"x": 1, "y": 2}),
        ("42 it is", [SUBMIT], "submit", {"answer": "42 it is"}),
        ("Thinking…\n```\n42\n```", [SUBMIT], "submit", {"answer": "42"}),
        ("left is wrong.\nGo right", EnumCorridor().tools, "walk", {"direction": "right"}),
    ],
)  # fmt: skip
def test_reading_calls(text: str, tools: list[Tool], name: str, arguments: dict[str, Any]) -> None:
    """The last object that names a tool counts; of a single tool the value alone is enough."""
    request = read_call(Message(role="assistant", content=text), tools)
    assert isinstance(request, ToolRequestMessage)
    assert [(call.function.name, call.function.arguments) for call in request.tool_calls] == [(name, arguments)]
    assert request.content == text


@pytest.mark.parametrize(
    ("text", "tools", "kind"),
    [
        ("Hello", [MOVE, SUBMIT], "no_action"),
        ("", [SUBMIT], "empty"),
        ("up", EnumCorridor().tools, "no_action"),
        ("not left, but right", EnumCorridor().tools, "ambiguous"),
        ('{"name": "fly"}', [MOVE, SUBMIT], "unknown_tool"),
    ],
)
def test_no_call(text: str, tools: list[Tool], kind: str) -> None:
    """What names no tool is refused, with the kind of what is wrong."""
    with pytest.raises(UnreadableReply) as refused:
        read_call(Message(role="assistant", content=text), tools)
    assert kind in [fault.kind for fault in refused.value.faults]


def test_words_as_action() -> None:
    """Where an environment has no tools, the words are the action."""
    words = Message(role="assistant", content="Hello")
    assert read_call(words, []) is words
