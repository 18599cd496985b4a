from __future__ import annotations

import copy
from pathlib import Path

from ldp_tui.agents import MemoryAgent
from ldp_tui.core.messages import Message
from ldp_tui.engine.rollout import rollout
from ldp_tui.graph.gradient_estimators import llm_straight_through_estimator, straight_through_estimator
from ldp_tui.models import Memory, StoredMemoryModel, VectorMemoryModel
from ldp_tui.testing.model_server import ModelServer
from tests.agents.model_agents import RIGHT, Corridor, at

GO = Message(content="Walk to field 3.")
LEARNT = Memory(query="Walk to field 3.", output="walk(direction='right')", value=1.0)


async def test_memories_are_shown() -> None:
    """Behind the conversation, and behind the system prompt; without memories nothing is said of them."""
    with ModelServer([RIGHT], repeat=True) as server:
        agent = MemoryAgent(llm_config=at(server), sys_prompt="Be quick.", num_memories=1)
        state = await agent.init_state(Corridor().tools)
        await agent.get_asv(state, [GO])
        await agent._memory_op.memory_model.add_memory(LEARNT)
        _, after, _ = await agent.get_asv(state, [GO])

    without, told = ([m["content"] for m in request.body["messages"]] for request in server.requests)
    assert without == ["Be quick.", GO.content]
    assert told[:2] == without
    assert "walk(direction='right')" in told[2]
    assert "<reward>\n    1.0\n  </reward>" in told[2]
    assert [message.content for message in after.messages[:1]] == [GO.content]
    assert len(after.messages) == 2


async def test_memories_last(tmp_path: Path) -> None:
    """In the store they are there for the next agent; an agent of its own begins with none."""
    model = StoredMemoryModel(path=tmp_path / "m.db", collection="corridor")
    await model.add_memory(LEARNT)
    with ModelServer([RIGHT], repeat=True) as server:
        later = StoredMemoryModel(path=tmp_path / "m.db", collection="corridor")
        events = [e async for e in rollout(Corridor(), MemoryAgent(llm_config=at(server), memory_model=later))]
        await MemoryAgent(llm_config=at(server)).get_asv(await MemoryAgent(llm_config=at(server)).init_state([]), [GO])
    assert events[-1].reason == "terminated"
    assert "episode-memories" in str(server.requests[0].body["messages"][-1])
    assert "episode-memories" not in str(server.requests[-1].body["messages"])


async def test_copies() -> None:
    """A deep copy, as a beam search makes one of each agent, remembers the same, and then its own."""
    model = VectorMemoryModel(memories={0: LEARNT})
    assert await model.get_memory("Walk", matches=2) == [LEARNT]
    agent = MemoryAgent(memory_model=model)
    copied = copy.deepcopy(agent)._memory_op.memory_model
    await copied.add_memory(Memory(query="Stay where you are.", output="stay()", value=0.0))
    assert [len(await each.get_memory("Walk", matches=3)) for each in (copied, model)] == [2, 1]


async def test_gradients() -> None:
    """They reach the query by which memories were looked up."""
    with ModelServer([RIGHT]) as server:
        agent = MemoryAgent(llm_config=at(server), memory_model=VectorMemoryModel(memories={0: LEARNT}))
        action, *_ = await agent.get_asv(await agent.init_state(Corridor().tools), [GO])
    passing = dict.fromkeys(("_prompt_op", "_package_op", "_format_memory_op", "_memory_op"), straight_through)
    action.compute_grads(3.0, backward_fns={**passing, "_llm_call_op": llm_straight_through_estimator})
    (call,) = agent._memory_op.get_call_ids({action.run_id})
    assert agent._memory_op.get_input_grads(call)[1]["query"] == 3.0


def straight_through(*inputs: object) -> object:
    return straight_through_estimator(*inputs, descend=False)  # type: ignore[arg-type]


async def test_own_query() -> None:
    """Memories can be looked up by something else than the conversation."""
    asked: list[str] = []

    async def newest(messages: list[Message]) -> str:
        asked.append(str(messages[-1]))
        return asked[-1]

    with ModelServer([RIGHT]) as server:
        agent = MemoryAgent(llm_config=at(server), query_factory=newest)
        await agent.get_asv(await agent.init_state(Corridor().tools), [Message(content="a"), GO])
    assert asked == [GO.content]
    assert "query_factory" not in agent.model_dump()
