"""What stays in memory: what somebody holds, and nothing else."""

from __future__ import annotations

import asyncio
import copy
import gc
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from ldp_tui.core.messages import Message
from ldp_tui.graph import Agent, FxnOp, IdentityOp, OpCtx, OpResult, compute_graph, eval_mode
from ldp_tui.graph.gradient_estimators import straight_through_estimator
from ldp_tui.graph.runs import _live_runs
from tests.graph.stories import Remembering


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Objects go when their last reference does, or not at all."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Doubling(Agent[int]):
    """Plays by plain Python and by ops, one of them made for each step."""

    def __init__(self) -> None:
        self.op = FxnOp(lambda x: 2 * x)

    async def init_state(self, tools: list[Any]) -> int:
        return 0

    async def get_asv(self, agent_state: int, obs: list[Message]) -> tuple[OpResult[Message], int, float]:
        async with compute_graph():
            doubled = await self.op(agent_state)
            again = await FxnOp(lambda x: x)(doubled)
        again.compute_grads(1.0, backward_fns={FxnOp: straight_through_estimator})
        return await self.wrap_action(Message(content="x" * 200)), agent_state + 1, 0.0


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("mode", ["training", "evaluation"])
async def test_ten_thousand_steps(mode: str) -> None:
    """Whose results are dropped leave nothing: neither runs nor contexts, ops or memory, also without the collector."""
    agent = Doubling()

    async def play(steps: int) -> None:
        state = 0
        for _ in range(steps):
            if mode == "evaluation":
                with eval_mode:
                    await agent.wrap_action(Message(content="x" * 200))
                    await agent.op(state)
                state += 1
            else:
                _, state, _ = await agent.get_asv(state, [])

    await play(1_000)  # until the interpreter's own stocks of small objects are full
    before = sys.getallocatedblocks()
    counts = len(_live_runs), len(OpCtx._CTX_REGISTRY)
    await play(10_000)
    grown = sys.getallocatedblocks() - before
    assert (len(_live_runs), len(OpCtx._CTX_REGISTRY)) == counts
    assert grown < 500  # of what takes some 300 blocks in each step
    assert not agent.op.ctx.data


@pytest.mark.usefixtures("without_collector")
async def test_a_result_keeps_its_graph() -> None:
    """As long as it is held, and no longer."""
    action, _, _ = await Remembering().get_asv(None, [Message(content="17")])
    kept = weakref.ref(action.run)
    name = action.op_name
    assert len(list(action.traverse())) == 6
    action = copy.copy(action)
    assert kept() is not None
    assert OpCtx._CTX_REGISTRY.get(name) is not None
    inner = action.inputs[1]["msgs"]
    del action
    assert len(list(inner.traverse())) == 4
    del inner
    assert kept() is None


@pytest.mark.usefixtures("without_collector")
async def test_inside_a_graph() -> None:
    """What is recorded stays until the block ends, whether results are held or not."""
    op = IdentityOp[int]()
    async with compute_graph() as run_id:
        for value in range(3):
            await op(value)
        assert len(op.get_call_ids({run_id})) == 3
    assert op.get_call_ids() == set()


@pytest.mark.usefixtures("without_collector")
async def test_a_long_chain_of_runs() -> None:
    """A state that holds the result before, which holds the one before it: all go, without a deep recursion."""
    op, state = FxnOp(len), []
    runs = []
    for _ in range(20_000):
        state = [await op(state)]
        runs.append(weakref.ref(state[0].run))
    assert runs[0]() is not None
    del state
    assert all(run() is None for run in runs)


@pytest.mark.usefixtures("without_collector")
async def test_a_cancelled_step() -> None:
    """Nothing of it stays."""
    op = FxnOp(asyncio.Event.wait)

    async def step() -> None:
        async with compute_graph():
            await op(await IdentityOp[asyncio.Event]()(asyncio.Event()))

    task = asyncio.create_task(step())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    await asyncio.sleep(0)
    gc.collect()  # a traceback and its frames refer to each other
    assert not op.ctx.data


def test_ops_and_their_classes() -> None:
    """They go too: no registry holds them."""

    class Local(IdentityOp[int]):
        pass

    op = Local()
    op.set_name("local-op-that-goes")
    kept = weakref.ref(op), weakref.ref(Local)
    del op
    assert kept[0]() is None
    assert "local-op-that-goes" not in OpCtx._CTX_REGISTRY
    del Local
    gc.collect()
    assert kept[1]() is None
