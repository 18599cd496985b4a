"""Run ids, call ids and modes."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from ldp_tui.core.errors import LdpTuiError
from ldp_tui.graph import (
    CallID,
    FxnOp,
    OutsideGraph,
    compute_graph,
    eval_mode,
    get_call_id,
    get_run_id,
    get_training_mode,
    op_call,
    set_training_mode,
    train_mode,
)

RUN, CALL = "7d0f1b1e-0000-4000-8000-000000000001", "7d0f1b1e-0000-4000-8000-000000000002"


async def test_nested_graphs() -> None:
    """The inner one joins the outer one's run; behind both there is none."""
    async with compute_graph() as run_id:
        async with compute_graph() as inner:
            assert inner == run_id == get_run_id()
        assert get_run_id() == run_id
    with pytest.raises(OutsideGraph, match="not inside compute graph"):
        get_run_id()


async def test_graphs_side_by_side() -> None:
    """Tasks have runs of their own, also when they overlap."""
    meeting = asyncio.Barrier(5)

    @compute_graph()
    async def run() -> UUID:
        await meeting.wait()
        return get_run_id()

    assert len(set(await asyncio.gather(*(run() for _ in range(5))))) == 5


async def test_tasks_within_a_graph() -> None:
    """Tasks that are started in a graph belong to its run."""

    async def inner() -> UUID:
        return get_run_id()

    async with compute_graph() as run_id:
        assert await asyncio.gather(inner(), asyncio.create_task(inner())) == [run_id, run_id]


async def test_a_failing_graph() -> None:
    """The run ends with it."""
    with pytest.raises(ValueError, match="no"):
        async with compute_graph():
            raise ValueError("no")
    with pytest.raises(OutsideGraph):
        get_run_id()


async def test_call_ids() -> None:
    """`op_call` gives one call id, and needs a run."""
    with pytest.raises(OutsideGraph, match="not inside op call"):
        get_call_id()
    with pytest.raises(OutsideGraph, match="not inside compute graph"):
        async with op_call():
            pass
    async with compute_graph(), op_call() as call_id:
        async with op_call() as inner:
            assert inner == call_id == get_call_id()
        assert call_id.run_id == get_run_id()


async def test_an_op_in_an_op() -> None:
    """The inner call has an id of its own, and the outer one's is there again behind it."""
    inner = FxnOp(get_call_id)

    async def forward() -> tuple[CallID, CallID, CallID]:
        before = get_call_id()
        return before, (await inner()).value, get_call_id()

    result = await FxnOp(forward)()
    before, inside, after = result.value
    assert before == after == result.call_id != inside
    assert inside.run_id == before.run_id


def test_a_call_id() -> None:
    """It takes UUIDs or their text, dumps as text, and is hashable and frozen."""
    call_id = CallID(RUN, UUID(CALL))
    assert call_id == CallID(UUID(RUN), CALL)
    assert len({call_id, CallID(RUN, CALL), CallID(CALL, RUN)}) == 2
    assert call_id.model_dump() == {"run_id": RUN, "fwd_id": CALL}
    assert CallID.model_validate(call_id.model_dump()) == call_id
    assert str(call_id) == f"{RUN}:{CALL}"
    with pytest.raises(ValueError, match="frozen"):
        call_id.run_id = UUID(CALL)


def test_errors_of_the_graph() -> None:
    """They are the package's own, and the built-in ones that LDP raises."""
    with pytest.raises(LdpTuiError):
        get_run_id()
    with pytest.raises(RuntimeError):
        get_run_id()


def modes(*blocks: bool) -> list[bool]:
    """Modes seen on the way into nested blocks and out again."""
    if not blocks:
        return [get_training_mode()]
    with train_mode if blocks[0] else eval_mode:
        inside = [get_training_mode(), *modes(*blocks[1:]), get_training_mode()]
    return [*inside, get_training_mode()]


@pytest.mark.parametrize(
    ("blocks", "seen"),
    [
        ((), [True]),
        ((False,), [False, False, False, True]),
        ((False, False), [False, False, False, False, False, False, True]),
        ((False, True), [False, True, True, True, False, False, True]),
        ((True, False), [True, False, False, False, True, True, True]),
    ],
)
def test_nested_modes(blocks: tuple[bool, ...], seen: list[bool]) -> None:
    """Each block sets its mode and restores the one before, also within itself."""
    assert modes(*blocks) == seen


def test_setting_the_mode_in_a_block() -> None:
    """It holds up to the end of the block."""
    with eval_mode():
        set_training_mode(True)
        assert get_training_mode()
        with eval_mode:
            pass
        assert get_training_mode()
    assert get_training_mode()
    set_training_mode(False)
    with train_mode():
        assert get_training_mode()
    assert not get_training_mode()
    set_training_mode(True)


def test_a_block_that_raises() -> None:
    """The mode before is restored."""
    with pytest.raises(KeyError), eval_mode:
        raise KeyError
    assert get_training_mode()


async def test_modes_as_decorators() -> None:
    """With and without parentheses, of functions and coroutine functions, which keep their names."""

    @eval_mode
    def plain(value: int) -> tuple[int, bool]:
        return value, get_training_mode()

    @eval_mode()
    async def coroutine(value: int) -> tuple[int, bool]:
        await asyncio.sleep(0)
        async with train_mode:
            assert get_training_mode()
        return value, get_training_mode()

    assert plain(1) == await coroutine(1) == (1, False)
    assert plain.__name__ == "plain"
    assert coroutine.__name__ == "coroutine"
    assert get_training_mode()


async def test_modes_of_tasks() -> None:
    """A task starts with its parent's mode; what it sets, no other task sees."""
    meeting = asyncio.Barrier(2)

    async def seen(training: bool) -> bool:
        set_training_mode(training)
        await meeting.wait()
        return get_training_mode()

    assert await asyncio.gather(seen(True), seen(False)) == [True, False]
    with eval_mode:
        assert await asyncio.create_task(asyncio.sleep(0, result=get_training_mode())) is False
    assert get_training_mode()
