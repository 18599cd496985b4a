from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from ldp_tui.agents import HTTPAgentClient, ScriptedAgent, SimpleAgent, SimpleAgentState
from ldp_tui.core.agent import Agent, PlainAction, reflect
from ldp_tui.core.errors import AgentError, EpisodeError, TransportError
from ldp_tui.core.messages import EnvStateMessage, Message
from ldp_tui.core.tools import Tool
from ldp_tui.engine.events import StepTaken
from ldp_tui.engine.rollout import rollout
from ldp_tui.graph import eval_mode, train_mode
from ldp_tui.registry import make_agent
from ldp_tui.testing.model_server import ModelServer, Says
from tests.agents.model_agents import RIGHT, Corridor, at

pytest.importorskip("fastapi")

from ldp_tui.agents import make_simple_agent_server
from ldp_tui.web.connections import Connections
from ldp_tui.web.running import serving

TOKEN = "a token of its own"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
GO = Message(content="go")


def client(url: str, **options: Any) -> HTTPAgentClient[SimpleAgentState]:
    return HTTPAgentClient(SimpleAgentState, url, BEARER, 10.0, **options)


@pytest.mark.parametrize("mode", [train_mode, eval_mode], ids=["training", "evaluation"])
async def test_an_episode(mode: Any) -> None:
    """Played from here as if the agent were here, in either mode: reasoning, tokens and cost are told as well."""
    says = Says("To the right.", calls=[RIGHT])
    with ModelServer([says] * 3) as model, mode:
        remote = SimpleAgent(llm_config=at(model, input_cost_per_token=0.1), hide_old_env_states=True)
        with serving(make_simple_agent_server(remote, token=TOKEN)) as url:
            events = [event async for event in rollout(Corridor(), client(url))]

    assert events[-1].reason == "terminated"
    steps = [event for event in events if isinstance(event, StepTaken)]
    assert [step.reflection for step in steps] == ["To the right."] * 3
    assert [step.usage.cost_usd for step in steps if step.usage] == [1.0] * 3
    shown = [message["content"] for message in model.requests[-1].body["messages"]]
    assert shown.count("[Previous environment state - hidden]") == 2


async def test_graph_on_this_side() -> None:
    """A decision is an op of the state and the observations here; gradients end in it."""
    with (
        ModelServer([RIGHT]) as model,
        serving(make_simple_agent_server(SimpleAgent(llm_config=at(model)), token=TOKEN)) as url,
    ):
        agent = client(url)
        state = await agent.init_state(Corridor().tools)
        action, after, value = await agent.get_asv(state, [GO])
    action.compute_grads(1.0)
    assert {"_ask_op", "_action_op"} == {result.op_name for result in action.traverse()}
    assert [tool.info for tool in after.tools] == [tool.info for tool in Corridor().tools]
    assert (len(after.messages), value) == (2, 0.0)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
async def test_token(headers: dict[str, str]) -> None:
    """Without the right one nobody gets in, not even to `/info`; where none is set, nobody at all."""
    for token in (TOKEN, None):
        with serving(make_simple_agent_server(ScriptedAgent(["hi"]), token=token)) as url:
            with pytest.raises(TransportError, match="Incorrect bearer token") as refused:
                await Connections(headers=headers).get(f"{url}/info")
            assert refused.value.status == 401


async def test_info() -> None:
    """It tells the kind of agent."""
    with serving(make_simple_agent_server(ScriptedAgent(["hi"]), token=TOKEN)) as url:
        assert await Connections(headers=BEARER).get(f"{url}/info") == {"agent_type": "ScriptedAgent"}


class Count(BaseModel):
    """A state of another kind."""

    turns: int = 0
    seen: list[str] = []


class Counting(Agent[Count]):
    """Says how often it was asked, in plain Python."""

    async def init_state(self, tools: list[Tool]) -> Count:
        return Count()

    async def get_asv(self, agent_state: Count, obs: list[Message]) -> tuple[PlainAction, Count, float]:
        if agent_state.turns == 2:
            raise AgentError("Twice is enough, whatever sk-canary0123456789abcdefghij says.")
        reflect("Counting.")
        seen = [f"{message.text} {message.is_env_state}" for message in obs]
        text = Message(role="assistant", content=f"turn {agent_state.turns}")
        return PlainAction(text), Count(turns=agent_state.turns + 1, seen=seen), 0.5


async def test_states_of_other_kinds() -> None:
    """Any pydantic model is one; observations keep their marks, text stays text, failures are told in one line."""
    with serving(make_simple_agent_server(Counting(), agent_state_type=Count, token=TOKEN)) as url:
        agent = HTTPAgentClient(Count, url, BEARER)
        state = await agent.init_state([])
        action, state, value = await agent.get_asv(state, [GO, EnvStateMessage(content="field 0")])
        assert (action.value, value) == (Message(role="assistant", content="turn 0"), 0.5)
        assert state.seen == ["go False", "field 0 True"]
        with pytest.raises(AgentError, match=r"get_asv failed: Twice is enough, whatever \[redacted") as failed:
            await agent.get_asv(Count(turns=2), [GO])
        assert "Traceback" not in str(failed.value)
        with pytest.raises(TransportError, match="answered a state of another kind"):
            await client(url).get_asv(SimpleAgentState(), [GO])


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("init_state", {"no": "list"}, "tools: Input should be a valid list"),
        ("get_asv", [1], "The body is no object"),
        ("get_asv", {"agent_state": {}, "obs": "none"}, "obs: Input should be a valid list"),
        ("get_asv", {"agent_state": {"turns": "many"}, "obs": []}, "agent_state.turns: "),
    ],
)
async def test_requests_that_are_none(path: str, body: Any, says: str) -> None:
    """They are refused with the place of the mistake."""
    app = make_simple_agent_server(Counting(), agent_state_type=Count, token=TOKEN)
    with serving(app) as url, pytest.raises(TransportError, match=says) as refused:
        await Connections(headers=BEARER).post(f"{url}/{path}", body)
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"[]", "no list of action, state and value"),
        (b'[{"value": 3}, {}, 0]', "an action that is no message"),
        (b'[{"value": {"role": "assistant"}}, {"turns": "x"}, 0]', "a state of another kind .turns"),
        (b'[{"value": {"role": "assistant"}}, {}, "high"]', "'high' as value"),
        (b"<html>", "answered no JSON"),
    ],
)
async def test_answers_that_are_none(answer: bytes, says: str) -> None:
    """A server of something else is a TransportError that says what came."""
    server = await asyncio.start_server(lambda r, w: _answer(r, w, answer), "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(TransportError, match=says):
            await HTTPAgentClient(Count, url).get_asv(Count(), [GO])


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
    await writer.drain()
    writer.close()


async def test_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """`remote:URL` plays it, with the token of the environment."""
    monkeypatch.setenv("AUTH_TOKEN", TOKEN)
    with ModelServer([RIGHT] * 3) as model, serving(make_simple_agent_server(SimpleAgent(llm_config=at(model)))) as url:
        agent, record = make_agent(f"remote:{url}")
        events = [event async for event in rollout(Corridor(), agent)]
    assert events[-1].reason == "terminated"
    assert TOKEN not in str(record)


async def test_nobody_there() -> None:
    """An agent that cannot be reached fails the episode with phase transport."""
    with serving(make_simple_agent_server(ScriptedAgent(["hi"]), token=TOKEN)) as url:
        pass
    with pytest.raises(EpisodeError) as failed:
        await client(url).init_state([])
    assert failed.value.phase == "transport"
