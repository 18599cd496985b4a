"""Calling ops, and what their results know."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any

import pytest

from ldp_tui.core.messages import Message
from ldp_tui.core.tool_calls import ToolRequestMessage
from ldp_tui.graph import (
    CallID,
    ConfigOp,
    ForeignResult,
    FxnOp,
    IdentityOp,
    NotRecorded,
    OpCtx,
    OpResult,
    PromptOp,
    ResultOp,
    StopGradOp,
    UnknownOp,
    compute_graph,
    eval_mode,
    get_call_id,
    resolve_fully_qualified_name,
)
from tests.graph.stories import diamond


def double(x: int, *, plus: int = 0) -> int:
    return 2 * x + plus


async def test_a_bare_call() -> None:
    """It is a run of its own, and its result knows what was given by the parameter's name."""
    op = FxnOp(double)
    result = await op(3, plus=1)
    assert result.value == 7
    assert result.inputs == ([], {"x": 3, "plus": 1})
    assert (result.op, result.op_class, result.op_name) == (op, FxnOp, op.name)
    assert result.op_class_name == resolve_fully_qualified_name(FxnOp) == "ldp_tui.graph.common_ops.FxnOp"
    assert result.logprob is result.grad is None
    assert op.get_call_ids() == op.get_call_ids({result.run_id}) == {result.call_id}
    assert op.ctx.get(result.call_id, "output") == result
    assert op.ctx.get(result.call_id, "nothing", None) is None
    assert str(result) == "7"
    assert "value=7" in repr(result)


async def test_results_as_inputs() -> None:
    """`forward` gets their values, the record has the results, `*args` stay positional."""
    results = await diamond()
    assert results["d"].value == 14
    assert results["d"].inputs == ([results["b"], results["c"], 5], {})
    assert results["c"].inputs == ([], {"x": results["a"], "by": 2})


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "inputs"),
    [
        (lambda x, *rest, **named: x, (1, 2, 3), {"y": 4}, ([2, 3], {"x": 1, "y": 4})),
        (lambda x, y=1: x, (), {"y": 2, "x": 1}, ([], {"x": 1, "y": 2})),
        (lambda x, /, y=1: x, (1,), {}, ([], {"x": 1})),
        (max, (1, 2), {}, ([1, 2], {})),
        (lambda **named: 1, (), {"x": 1}, ([], {"x": 1})),
    ],
    ids=["args and kwargs", "keywords", "positional only", "built-in without signature", "kwargs"],
)
async def test_inputs(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], inputs: Any) -> None:
    """Named ones by parameter, however they were passed; defaults that were not given are not there."""
    assert (await FxnOp(function)(*args, **kwargs)).inputs == inputs


async def test_inputs_that_change_later() -> None:
    """What was recorded stays: lists and dicts are copied, one level deep."""
    messages, options = [1, 2], {"a": 1}
    result = await FxnOp(lambda messages, options: len(messages))(messages, options)
    messages.append(3)
    options["b"] = 2
    result.inputs[1]["more"] = 1
    assert result.inputs[1].keys() == {"messages", "options"}
    assert result.inputs[1]["messages"] == [1, 2]
    assert result.inputs[1]["options"] == {"a": 1}


async def test_a_result_of_another_run() -> None:
    """It cannot be an input; its value can, and `ResultOp` makes a leaf of it."""
    earlier = await FxnOp(double)(3)
    with pytest.raises(ForeignResult, match=r"args and kwargs must have the same run_id.*give its `value`"):
        await FxnOp(double)(earlier)
    async with compute_graph():
        leaf = await ResultOp[int]()(earlier)
        result = await FxnOp(double)(leaf)
    assert result.value == 12
    assert [each.op_class for each in result.traverse()] == [FxnOp, ResultOp]
    assert leaf.inputs == ([], {"value": 6})


async def test_state_with_a_result_of_an_earlier_run() -> None:
    """A list may hold one: it is a value like any other."""
    state = [await IdentityOp[str]()("a")]
    result = await FxnOp(lambda state: [each.value for each in state])(state)
    assert result.value == ["a"]
    assert result.inputs[1]["state"] == state
    assert list(result.traverse()) == [result]


async def test_an_op_that_raises() -> None:
    """The exception comes through as it is, and nothing is kept of the call."""
    op = FxnOp(lambda: 1 / 0)
    async with compute_graph():
        with pytest.raises(ZeroDivisionError):
            await op()
        assert op.get_call_ids() == set()


async def test_evaluation_mode() -> None:
    """A result has its value and nothing else is kept; asking for the graph says why there is none."""
    op = FxnOp(double)
    async with compute_graph():
        with eval_mode:
            result = await op(1)
        assert result.value == 2
        assert not op.ctx.data
        for ask in (lambda: result.inputs, lambda: list(result.traverse()), result.compute_grads):
            with pytest.raises(NotRecorded, match=r"No inputs are kept of FxnOp-.*evaluation mode"):
                ask()
    assert result.grad is None
    assert result.op is op


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("value", [1, 1.0, "1", None, Message(content="1"), ToolRequestMessage(content="1")])
async def test_values(value: object, mode: str) -> None:
    """A result's value is the object that `forward` returned."""
    op = FxnOp(lambda: value)
    assert (await (op() if mode == "train" else eval_mode(op)())).value is value


async def test_what_an_op_notes() -> None:
    """It is kept with the call: concurrent calls do not mix, and `logprob` is on the result."""

    meeting = asyncio.Barrier(2)

    class Noting(FxnOp[int]):
        async def forward(self, x: int) -> int:
            await meeting.wait()
            self.ctx.update(get_call_id(), "seen", x)
            self.ctx.update(get_call_id(), "logprob", -float(x))
            return x

    op = Noting(lambda x: x)
    results = await asyncio.gather(op(1), op(2))
    assert [op.ctx.get(each.call_id, "seen") for each in results] == [1, 2]
    assert [each.logprob for each in results] == [-1.0, -2.0]


async def test_noting_for_a_run_that_is_over() -> None:
    """It is refused, and reading says that there is nothing."""
    op = FxnOp(double)
    call_id = (await op(1)).call_id
    with pytest.raises(NotRecorded, match="is over"):
        op.ctx.update(call_id, "late", 1)
    with pytest.raises(KeyError, match="key='late' not found in the context of op 'FxnOp-"):
        op.ctx.get(call_id, "late")


async def test_clearing_contexts(caplog: pytest.LogCaptureFixture) -> None:
    """All, by name, or one op's; results then have no graph, and the run goes on recording."""
    first, second = FxnOp(double), FxnOp(double)
    first.set_name("clear-first")
    second.set_name("clear-second")
    async with compute_graph():
        result = await second(await first(1))
        OpCtx.clear_contexts()
        assert not first.ctx.data
        assert not second.ctx.data
        with pytest.raises(NotRecorded):
            _ = result.inputs
        result = await second(await first(1))
        OpCtx.clear_contexts(["clear-first", "nobody"])
        assert "No op is named 'nobody'" in caplog.text
        assert not first.ctx.data
        assert len(second.ctx.data) == 1
        second.clear_ctx()
        assert not second.ctx.data


async def test_walking_the_graph() -> None:
    """Topologically or depth first, each result once, and by op."""
    results = await diamond()
    a, b, c, d = (results[name] for name in "abcd")
    assert list(d.traverse()) == [d, b, c, a]
    assert list(d.traverse(topological_order=False)) == [d, b, a, c]
    assert list(d.traverse(topological_order=False, filter_fn=lambda each: each.value == 3)) == [a]
    assert list(d.get_upstream_results("add")) == [b, c]
    assert list(d.get_upstream_results(b.op)) == [b, c]
    assert list(a.traverse()) == [a]


async def test_a_graph_of_many_diamonds() -> None:
    """The time is linear: every result is visited once."""
    op = FxnOp(lambda x, y: x)
    async with compute_graph():
        result = await IdentityOp[int]()(1)
        for _ in range(2_000):
            result = await op(result, result)
    assert sum(1 for _ in result.traverse()) == sum(1 for _ in result.traverse(topological_order=False)) == 2_001
    result.compute_grads(1.0)
    assert result.grad == 1.0


async def test_networkx_graph() -> None:
    """Results are its nodes; edges go from output to input, or the other way."""
    networkx = pytest.importorskip("networkx")
    results = await diamond()
    a, b, c, d = (results[name] for name in "abcd")
    assert set(d.get_compute_graph().edges) == {(d, b), (d, c), (b, a), (c, a)}
    assert set(d.get_compute_graph(backward=False).edges) == {(b, d), (c, d), (a, b), (a, c)}
    assert next(networkx.topological_sort(d.get_compute_graph())) == d


async def test_results_as_dictionaries() -> None:
    """LDP's form, both ways; the dictionary that is read stays as it was."""
    result = await IdentityOp[Message]()(Message(content="hi"))
    dump = result.to_dict()
    assert dump == {
        "call_id": {"run_id": str(result.run_id), "fwd_id": str(result.call_id.fwd_id)},
        "op_name": result.op_name,
        "op_class_name": "ldp_tui.graph.common_ops.IdentityOp",
        "value": {"role": "user", "content": "hi"},
        "logprob": None,
    }
    before = copy.deepcopy(dump)
    read = OpResult.from_dict(Message, dump)
    assert dump == before
    assert (read, read.value, read.inputs) == (result, Message(content="hi"), result.inputs)


async def test_a_result_from_elsewhere() -> None:
    """It has a value and no graph; its op is not here."""
    result = OpResult(CallID(*["7d0f1b1e-0000-4000-8000-00000000000a"] * 2), "far.op", "far.away.Op", 1)
    assert (result.value, result.grad, result.logprob) == (1, None, None)
    with pytest.raises(NotRecorded):
        _ = result.inputs
    with pytest.raises(UnknownOp, match=r"no op named 'far\.op'"):
        _ = result.op
    with pytest.raises(UnknownOp, match=r"far\.away\.Op is not in this process"):
        _ = result.op_class


async def test_the_op_of_a_result_from_elsewhere() -> None:
    """It is the newest op of that name; when that is gone, the one before."""
    result = OpResult(CallID(*["7d0f1b1e-0000-4000-8000-00000000000a"] * 2), "reborn", "far.away.Op", 1)
    ops = [FxnOp(double), FxnOp(double)]
    for op in ops:
        op.set_name("reborn")
    assert result.op is ops[1]
    del op, ops[1]
    assert result.op is ops[0]


async def test_copies() -> None:
    """A copied result is of the same run; a copied op shares its original's name and context; both are pickled."""
    op: PromptOp = PromptOp("{x}")
    result = await op(x=[1])
    for copied in (copy.copy(result), copy.deepcopy(result)):
        assert copied == result
        assert copied.inputs == result.inputs
    for copied_op in (copy.copy(op), copy.deepcopy(op), pickle.loads(pickle.dumps(op))):
        assert copied_op is not op
        assert (copied_op.name, copied_op.ctx) == (op.name, op.ctx)
        assert copied_op.get_call_ids() == {result.call_id}
    assert pickle.loads(pickle.dumps(result)) == result
    nested = await IdentityOp[list[int]]()([1])
    copy.deepcopy(nested).value.append(2)
    assert nested.value == [1]


async def test_functions() -> None:
    """Coroutine functions, and functions that return something to await, are awaited."""

    async def add(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    assert (await FxnOp(add)(1)).value == 2
    assert (await FxnOp(lambda x: add(x + 1))(0)).value == 2
    assert (await FxnOp(abs)(-1)).value == 1
    assert FxnOp(abs).fxn_name == "abs"
    assert FxnOp(lambda: 1, fxn_name="one").label == "FxnOp one"


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_caching(asynchronous: bool) -> None:
    """Equal calls run once; failures are not kept; arguments must be hashable; 128 results are."""
    calls: list[int] = []

    def plain(x: int) -> int:
        calls.append(x)
        if calls.count(x) == 1 and x < 0:
            raise ValueError(x)
        return x

    async def coroutine(x: int) -> int:
        await asyncio.sleep(0)
        return plain(x)

    op = FxnOp(coroutine if asynchronous else plain, cache=True)
    assert [(await op(1)).value, (await op(1)).value] == [1, 1]
    with pytest.raises(ValueError, match="-1"):
        await op(-1)
    assert (await op(-1)).value == -1
    assert calls == [1, -1, -1]
    with pytest.raises(TypeError, match="unhashable"):
        await op([])
    for x in range(2, 131):
        await op(x)
    await op(1)
    assert calls.count(1) == 2
    assert (await op(x=130)).inputs == ([], {"x": 130})


async def test_cached_calls_that_overlap() -> None:
    """They share one run of the function; if that is cancelled, another one runs; a failure is everyone's."""
    started, go = [], asyncio.Event()

    async def slow(x: int) -> int:
        started.append(x)
        await go.wait()
        if x < 0:
            raise ValueError(x)
        return x

    op = FxnOp(slow, cache=True)
    first, *others = [asyncio.create_task(op(1)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    failing = [asyncio.create_task(op(-1)) for _ in range(2)]
    await asyncio.sleep(0)
    go.set()
    assert [(await each).value for each in others] == [1, 1]
    assert first.cancelled()
    assert [type(each) for each in await asyncio.gather(*failing, return_exceptions=True)] == [ValueError] * 2
    assert started.count(1) == 2
    assert started.count(-1) == 1


async def test_prompts() -> None:
    """They are filled in from keywords and from a dictionary, and can be replaced."""
    op = PromptOp("Hello, {name}! You are {age}.")
    async with compute_graph():
        config = await ConfigOp({"name": "you"})()
        result = await op(config, age=20)
    assert result.value == "Hello, you! You are 20."
    assert result.inputs == ([], {"prompt_kwargs": config, "age": 20})
    op.prompt = "{age}{{}}"
    assert (await op(age=1)).value == "1{}"
    with pytest.raises(KeyError, match="age"):
        await op()


@pytest.mark.parametrize("template", ["{x.__class__}", "{x._hidden}", "{x[0].__init__.__globals__}"])
async def test_a_prompt_that_looks_inside(template: str) -> None:
    """Private attributes are refused: optimised prompts are written by models."""
    with pytest.raises(KeyError):
        await PromptOp(template)(x=[Message()])
    assert (await PromptOp("{x.role}")(x=Message())).value == "user"


async def test_renaming_during_a_call() -> None:
    """The call is of the name that it began with."""

    async def rename() -> str:
        op.set_name("after")
        return op.name

    op = FxnOp(rename)
    op.set_name("before")
    result = await op()
    assert (result.value, result.op_name, result.inputs) == ("after", "before", ([], {}))


async def test_renaming() -> None:
    """New calls are recorded under the new name; earlier results keep theirs."""
    op = StopGradOp[int]()
    assert op.name.startswith("StopGradOp-")
    first = await op(1)
    op.set_name("renamed")
    second = await op(2)
    assert (first.op_name == op.name, second.op_name) == (False, "renamed")
    assert (first.inputs, second.inputs) == (([], {"value": 1}), ([], {"value": 2}))
    assert op.get_call_ids() == {second.call_id}
    assert first.op is second.op is op
