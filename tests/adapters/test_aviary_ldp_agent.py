"""Real LDP agents take a lane here: what they say, what they cost, and what they may not leave behind."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("ldp")
pytest.importorskip("aviary")

from aviary.core import MalformedMessageError
from aviary.core import Message as TheirMessage
from aviary.core import ToolCall as TheirCall
from aviary.core import ToolRequestMessage as TheirRequest
from ldp.agent import Agent, ReActAgent, SimpleAgent, TreeofThoughtsAgent
from ldp.graph import FxnOp, LLMCallOp, OpCtx, OpResult, eval_mode, get_training_mode
from ldp.graph import ops as registries

from ldp_tui.adapters.ldp_agent import LdpAgent
from ldp_tui.adapters.ldp_make import adopted
from ldp_tui.core.agent import Usage
from ldp_tui.core.dummy import DummyEnv
from ldp_tui.core.errors import UsageError
from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.engine.events import EpisodeStarted, StepTaken
from ldp_tui.engine.rollout import rollout
from ldp_tui.registry import make_agent
from ldp_tui.testing import check_agent
from ldp_tui.testing.model_server import ModelServer, Says
from tests.adapters import real_environments as real
from tests.engine.playing import Counter, ending, events_of, only


def llm_config(server: ModelServer, **more: Any) -> dict[str, Any]:
    model = {"name": "openai/fake", "api_base": server.base_url, "api_key": "none", "timeout": 20.0, "max_retries": 0}
    return {"models": [{**model, **more}]}


def sizes() -> tuple[int, int, int]:
    """Ops, contexts, and what all contexts hold."""
    held = sum(len(entries) for context in OpCtx._CTX_REGISTRY.values() for entries in context.data.values())
    return len(registries._OP_REGISTRY), len(OpCtx._CTX_REGISTRY), held


class Modes(real.Going):
    """Notes in which mode it is asked, and nests LDP's own evaluation mode, which leaves training off."""

    def __init__(self) -> None:
        super().__init__()
        self.training: list[bool] = []

    def choose(self, turn: int, obs: list[TheirMessage]) -> TheirMessage:
        self.training.append(get_training_mode())
        with eval_mode, eval_mode:
            return super().choose(turn, obs)


class Wrapping(Agent[int]):
    """Makes each action an op of its own, as LDP's `wrap_action` does."""

    async def init_state(self, tools: Any) -> int:
        return 0

    async def get_asv(self, agent_state: int, obs: Any) -> tuple[OpResult[TheirMessage], int, float]:
        message = TheirRequest(tool_calls=[TheirCall.from_name("go")])
        return await self.wrap_action(message), agent_state + 1, 0.0


class Composed(Agent[int]):
    """Asks one op it keeps and one that it makes for each turn."""

    def __init__(self) -> None:
        self._kept = FxnOp(lambda turn: [f"thought {turn}"] * 50)

    async def init_state(self, tools: Any) -> int:
        return 0

    async def get_asv(self, agent_state: int, obs: Any) -> tuple[OpResult[TheirMessage], int, float]:
        thought = await self._kept(agent_state)
        call = TheirCall.from_name("go")
        made = FxnOp(lambda thought: TheirRequest(content=thought[0], tool_calls=[call]))
        return await made(thought), agent_state + 1, 0.0


def test_conformance() -> None:
    """An adapted agent keeps the rules of this package."""
    check_agent(lambda: LdpAgent(real.Going("get_random_int")), env_factory=DummyEnv)


async def test_evaluation_mode() -> None:
    """Each turn runs in it, once; afterwards the mode is what it was, whatever the agent nests inside."""
    agent = Modes()
    await ending(Counter(3), LdpAgent(agent))
    assert agent.training == [False] * 3
    assert get_training_mode()


async def steps_of(env: Counter, player: LdpAgent) -> int:
    """How many steps an episode has of which nothing is kept."""
    steps = 0
    async with aclosing(rollout(env, player)) as events:
        async for event in events:
            steps += isinstance(event, StepTaken)
    return steps


@pytest.mark.parametrize("agent", [Wrapping, Composed], ids=["wrapped", "composed"])
async def test_thousand_steps(agent: type[Agent[int]]) -> None:
    """LDP's registries and contexts end as they began, and memory with them, though each turn makes ops and results."""
    player = LdpAgent(agent())
    await steps_of(Counter(10), player)
    gc.collect()
    before = sizes()
    tracemalloc.start()
    try:
        started = tracemalloc.get_traced_memory()[0]
        assert await steps_of(Counter(1_000), player) == 1_000
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - started
    finally:
        tracemalloc.stop()
    assert sizes() == before
    assert grown < 100_000  # LDP by itself keeps 4.5 kB for each step


async def test_lanes_at_once() -> None:
    """What one lane clears is never what another one still needs: each reports its own cost."""
    with ModelServer([("go", {})], repeat=True) as server:
        agent = SimpleAgent(llm_config=llm_config(server))
        played = await asyncio.gather(*(events_of(Counter(3), adopted(agent)) for _ in range(4)))
    for events in played:
        assert [step.usage for step in only(StepTaken, events)] == [Usage(10, 5, 0.0)] * 3
    assert sizes()[2] == 0


async def test_observations_are_copies() -> None:
    """An agent that rewrites what it is given, as LDP's ReAct agent does, changes no record."""
    agent = real.Spoiling()
    events = await events_of(Counter(2), LdpAgent(agent))
    assert agent.seen[1][0].content == "Observation: counted to 1"
    (started,) = only(EpisodeStarted, events)
    assert started.observation[0].content == "Count to 2."
    assert [step.observation[0].content for step in only(StepTaken, events)] == ["counted to 1", "counted to 2"]


async def test_tools_as_they_are_described() -> None:
    """The agent gets real tools of aviary's with our schemas."""
    agent = real.Going()
    await events_of(Counter(1), LdpAgent(agent))
    (tool,) = agent.tools
    assert tool.info.name == "go"
    assert tool.info.parameters.properties["by"] == {
        "default": 1,
        "description": "How far.",
        "title": "By",
        "type": "integer",
    }


class TestModels:
    async def test_one_call(self) -> None:
        """Tokens, model, finish reason and log-probability of SimpleAgent's call come with the step."""
        with ModelServer([Says(calls=[("go", {"by": 2})], logprobs=(-0.5, -0.25))]) as server:
            player = adopted(SimpleAgent(llm_config=llm_config(server), sys_prompt="Count."))
            (step,) = only(StepTaken, await events_of(Counter(2), player))
        assert (player.kind, step.usage, step.reflection) == ("llm", Usage(10, 5, 0.0), "")
        assert step.action.info == {"model": "fake", "finish_reason": "tool_calls", "logprob": -0.75}
        assert isinstance(step.action, ToolRequestMessage)
        assert step.action.tool_calls[0].function.arguments == {"by": 2}
        roles = [message["role"] for message in server.requests[0].body["messages"]]
        assert (roles, server.requests[0].body["tool_choice"]) == (["system", "user"], "required")

    async def test_reasoning_apart_from_the_action(self) -> None:
        """ReActAgent asks twice: the first reply is the reflection, both are paid for."""
        with ModelServer(["Thought: I must count on.", ("go", {"by": 2})], repeat=True) as server:
            (step,) = only(StepTaken, await events_of(Counter(2), adopted(ReActAgent(llm_config=llm_config(server)))))
        assert step.reflection == "Thought: I must count on.\n"
        assert step.usage == Usage(20, 10, 0.0)

    async def test_reply_parsed_by_the_agent(self) -> None:
        """With one prompt the action comes from another op than the reply; cost and model are still told."""
        with ModelServer(["Thought: on\nAction: go\nAction Input: 2"], repeat=True) as server:
            agent = ReActAgent(llm_config=llm_config(server), single_prompt=True)
            (step,) = only(StepTaken, await events_of(Counter(2), adopted(agent)))
        assert step.usage == Usage(10, 5, 0.0)
        assert step.action.content == "on"
        assert (step.action.info or {})["model"] == "fake"

    async def test_reply_that_cannot_be_read(self) -> None:
        """After LDP's five attempts the agent has failed, and the error shows what the model said."""
        with ModelServer(["I would rather not."], repeat=True) as server:
            agent = ReActAgent(llm_config=llm_config(server), single_prompt=True)
            end = await ending(Counter(2), adopted(agent))
        assert len(server.requests) == 5
        assert (end.reason, end.phase) == ("failed", "agent")
        assert end.detail == (
            "the reply cannot be read as an action: Action not emitted. The model said: 'I would rather not.'"
        )

    async def test_text_as_action(self) -> None:
        """A reply without a call is a message, which the environment answers."""
        with ModelServer(["hm", ("go", {"by": 2})], repeat=True) as server:
            events = await events_of(Counter(2), adopted(Silent(llm_config(server))))
        first, second = only(StepTaken, events)
        assert (type(first.action), first.action.role, first.action.content) == (Message, "assistant", "hm")
        assert "No tool calls received" in str(first.observation[0].content)
        assert second.terminated


class Silent(Agent[list[Any]]):
    """Passes on what its model says, tool call or not."""

    def __init__(self, config: dict[str, Any]) -> None:
        from lmi.config import LLMConfig

        self.llm_config = LLMConfig(**config)
        self._call = LLMCallOp(default_tool_choice="auto")

    async def init_state(self, tools: list[Any]) -> list[Any]:
        return tools

    async def get_asv(self, agent_state: list[Any], obs: list[Any]) -> tuple[OpResult[TheirMessage], list[Any], float]:
        return await self._call(self.llm_config, msgs=obs, tools=agent_state), agent_state, 0.0


class Malformed(real.Going):
    """Cannot make its message."""

    def choose(self, turn: int, obs: Any) -> TheirMessage:
        raise MalformedMessageError("No content in message")


class Odd(real.Going):
    """Leaves messages in other roles, or none at all."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    def choose(self, turn: int, obs: Any) -> Any:
        return self.value


class TestActions:
    async def test_malformed_without_a_model(self) -> None:
        """The agent has failed, with its own words."""
        end = await ending(Counter(2), LdpAgent(Malformed()))
        assert (end.phase, end.detail) == ("agent", "the reply cannot be read as an action: No content in message")

    async def test_role_of_a_user(self) -> None:
        """The action is the agent's own, whatever role it left."""
        step = only(StepTaken, await events_of(Counter(2), LdpAgent(Odd(TheirMessage(content="hm"))), max_steps=1))[0]
        assert (step.action.role, step.action.content) == ("assistant", "hm")

    async def test_no_message(self) -> None:
        """A bare tool call, which LDP's old documentation returned, fails in LDP; here it says why."""
        end = await ending(Counter(2), LdpAgent(Odd(TheirCall.from_name("go"))))
        assert (end.phase, end.detail) == (
            "agent",
            "get_asv must return a message as action: a message was expected, not a ToolCall",
        )

    async def test_that_needs_more_than_a_rollout_has(self) -> None:
        """LDP's tree of thoughts is refused before anything is recorded."""
        with pytest.raises(UsageError, match="eval_function"):
            LdpAgent(TreeofThoughtsAgent())


SERVER = """
import sys
from ldp_tui.adapters.ldp_core import agents
import uvicorn
from ldp.agent import SimpleAgent, make_simple_agent_server

agent = SimpleAgent(llm_config={"models": [
    {"name": "openai/fake", "api_base": sys.argv[1], "api_key": "none", "timeout": 20.0, "max_retries": 0}
]})
config = uvicorn.Config(make_simple_agent_server(agent), host="127.0.0.1", port=0, log_level="warning")
server = uvicorn.Server(config)
started = server.startup


async def startup(sockets=None):
    await started(sockets)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)


server.startup = startup
server.run()
"""


@asynccontextmanager
async def agent_server(models: str) -> AsyncIterator[str]:
    """LDP's own agent server in a process of its own; its address."""
    command = [sys.executable, "-c", SERVER, models]
    environment = {**os.environ, "AUTH_TOKEN": "open-sesame"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        port = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 60)
        yield f"http://127.0.0.1:{int(port)}"
    finally:
        process.terminate()
        process.communicate()


async def test_agent_behind_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client is asked in evaluation mode, without which LDP's server refuses every turn; the token stays unsaid."""
    monkeypatch.setenv("AUTH_TOKEN", "open-sesame")
    with ModelServer([("go", {"by": 1})], repeat=True) as models:
        async with agent_server(models.base_url) as address:
            agent, player = make_agent(f"ldp:HTTPAgentClient,server_url={address},request_timeout=30")
            before = sizes()
            events = await events_of(Counter(2), agent)
            assert sizes() == before
    assert (agent.kind, "open-sesame" in repr(player)) == ("llm", False)
    assert [step.action.tool_calls[0].function.arguments for step in only(StepTaken, events)] == [{"by": 1}] * 2
