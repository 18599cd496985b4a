"""Backward passes."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from ldp_tui.graph import (
    CallID,
    ConfigOp,
    FxnOp,
    GradientError,
    GradInType,
    IdentityOp,
    NoGradients,
    Op,
    OpCtx,
    OpResult,
    PromptOp,
    StopGradOp,
    compute_graph,
)
from ldp_tui.graph.gradient_estimators import (
    assign_constant_grads,
    assign_default_grads,
    llm_straight_through_estimator,
    stop_grad,
    straight_through_estimator,
    zero_estimator,
)
from tests.graph.stories import diamond, remembered_step


class Times(Op[float]):
    """Product of two numbers, with its true derivative."""

    async def forward(self, x: float, y: float) -> float:
        return x * y

    @classmethod
    def backward(
        cls, ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Any, call_id: CallID
    ) -> GradInType:
        assert ctx.get(call_id, "output").value == input_kwargs["x"] * input_kwargs["y"]
        return [], {"x": input_kwargs["y"] * grad_output, "y": input_kwargs["x"] * grad_output}


async def test_the_chain_rule() -> None:
    """d(x²y)/dx = 2xy: gradients flow through results and add up where one is used twice."""
    times, leaf = Times(), IdentityOp[float]()
    async with compute_graph():
        x, y = await leaf(3.0), await leaf(5.0)
        result = await times(await times(x, x), y)
    result.compute_grads(1.0)
    assert (x.grad, y.grad, result.grad) == (30.0, 9.0, 1.0)
    assert leaf.get_input_grads(x.call_id) == ([], {"value": 30.0})


async def test_consumers_add_up() -> None:
    """Each consumer's gradient counts, also of the same consumer twice."""
    results = await diamond()
    results["d"].compute_grads(-5.0, backward_fns={FxnOp: straight_through_estimator})
    assert {name: result.grad for name, result in results.items()} == {"a": -10.0, "b": -5.0, "c": -5.0, "d": -5.0}
    op = FxnOp(lambda *x: sum(x))
    async with compute_graph():
        leaf = await FxnOp(lambda: 1)()
        result = await op(leaf, leaf)
    result.compute_grads(2.0, backward_fns={op.name: straight_through_estimator})
    assert leaf.grad == 4.0


async def test_before_and_after() -> None:
    """Before a pass there is no gradient and asking for input gradients says so; a second pass replaces the first."""
    results = await diamond()
    assert results["d"].grad is None
    with pytest.raises(NoGradients, match="No gradients have been computed"):
        results["d"].op.get_input_grads(results["d"].call_id)
    results["d"].compute_grads()
    assert (results["d"].grad, results["a"].grad) == (0.0, 0.0)
    results["d"].compute_grads(1.0, backward_fns={FxnOp: straight_through_estimator})
    assert results["a"].grad == 2.0


async def test_replaced_backward_functions() -> None:
    """By op name, then by full class name, then by class itself; subclasses are not meant."""

    def constant(value: float) -> Any:
        return lambda ctx, args, kwargs, grad, call_id: assign_constant_grads(args, kwargs, value)

    async def grad_of_leaf(backward_fns: dict[str | type, Any]) -> Any:
        async with compute_graph():
            leaf = await FxnOp(lambda: 1)()
            op = FxnOp(lambda x: x)
            op.set_name("named")
            result = await op(leaf)
        result.compute_grads(1.0, backward_fns=backward_fns)
        return leaf.grad

    by_class: dict[str | type, Any] = {FxnOp: constant(3.0), PromptOp: constant(9.0), Op: constant(9.0)}
    by_class_name = {"ldp_tui.graph.common_ops.FxnOp": constant(2.0)}
    assert await grad_of_leaf({}) == 0.0
    assert await grad_of_leaf(by_class) == 3.0
    assert await grad_of_leaf({**by_class, **by_class_name}) == 2.0
    assert await grad_of_leaf({**by_class, **by_class_name, "named": constant(1.0)}) == 1.0


async def test_ended_branches() -> None:
    """Behind None nothing is reached, unless another branch leads there."""
    stop, leaf = StopGradOp[int](), IdentityOp[int]()
    async with compute_graph():
        behind, shared = await leaf(1), await leaf(2)
        result = await FxnOp(lambda *x: sum(x))(await stop(behind), await stop(shared), shared)
    result.compute_grads(1.0, backward_fns={FxnOp: straight_through_estimator})
    assert behind.grad is None
    assert shared.grad == 1.0
    with pytest.raises(NoGradients):
        leaf.get_input_grads(behind.call_id)


@pytest.mark.parametrize(
    ("grad", "doubled"), [(1.5, 3.0), ([1.0, 2.0], [2.0, 4.0]), ({"a": {"b": (3.0,)}}, {"a": {"b": (6.0,)}})]
)
async def test_structured_gradients(grad: Any, doubled: Any) -> None:
    """A gradient may be a structure; consumers' structures are added leaf by leaf."""
    async with compute_graph():
        leaf = await IdentityOp[int]()(1)
        result = await FxnOp(lambda *x: x)(leaf, leaf)
    result.compute_grads(1.0, backward_fns={FxnOp: lambda *_: ([grad, grad], {})})
    assert leaf.grad == doubled


async def test_missing_leaves_add_nothing() -> None:
    """A leaf that one consumer leaves out as None is the other's."""
    async with compute_graph():
        leaf = await IdentityOp[int]()(1)
        result = await FxnOp(lambda *x: x)(leaf, leaf)
    grads = [{"a": 1.0, "b": None, "c": None}, {"a": 1.0, "b": 2.0, "c": None}]
    result.compute_grads(1.0, backward_fns={FxnOp: lambda *_: (grads, {})})
    assert leaf.grad == {"a": 2.0, "b": 2.0, "c": None}


@pytest.mark.parametrize(
    ("second", "said"),
    [({"a": 1.0}, "keys are a, b and a"), ([1.0], "a dict, the other a list"), (1.0, "a dict, the other a float")],
)
async def test_consumers_that_disagree(second: Any, said: str) -> None:
    """The error names the op whose gradient it is, and the place."""
    leaf_op = IdentityOp[int]()
    leaf_op.set_name("the-leaf")
    async with compute_graph():
        leaf = await leaf_op(1)
        result = await FxnOp(lambda *x: x)(leaf, leaf)
    with pytest.raises(GradientError, match=f"Mismatched gradient structures.*consumers of the-leaf.*{said}"):
        result.compute_grads(1.0, backward_fns={FxnOp: lambda *_: ([{"a": 1.0, "b": 1.0}, second], {})})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (([], {"x": 0.0}), "0 gradients for 1 positional.*argument 2 is shorter"),
        (([0.0, 0.0], {"x": 0.0}), "2 gradients for 1 positional.*argument 2 is longer"),
        (([0.0], {}), r"Mismatch between grads.*expected \['x'\], got \[\]"),
        (([0.0], {"x": 0.0, "z": 0.0}), r"Mismatch between grads.*got \['x', 'z'\]"),
    ],
)
async def test_gradients_that_do_not_fit(given: Any, said: str) -> None:
    """A backward function gives one gradient for each input."""
    result = await FxnOp(lambda x, *rest: x)(1, 2)
    with pytest.raises(ValueError, match=said):
        result.compute_grads(backward_fns={FxnOp: lambda *_: given})


async def test_a_configuration() -> None:
    """It is a leaf whose gradient has its structure."""
    config = ConfigOp({"a": {"b": [1, 2]}, "c": 3})
    async with compute_graph():
        leaf = await config()
        result = await FxnOp(lambda x: 1)(leaf)
    result.compute_grads(1.0, backward_fns={FxnOp: straight_through_estimator})
    assert leaf.grad == {"a": {"b": [1.0, 1.0]}, "c": 1.0}
    assert config.get_input_grads(leaf.call_id) == ([], {})
    with pytest.raises(ValueError, match="one is a float, the other a dict"):
        leaf.compute_grads(1.0)


async def test_an_agent_step() -> None:
    """Gradients reach the query through memory, prompt and package."""
    action = await remembered_step()
    estimators = {FxnOp: partial(straight_through_estimator, descend=False), PromptOp: zero_estimator}
    action.compute_grads(2.0, backward_fns={"llm_op": llm_straight_through_estimator, **estimators})
    grads = {result.op_name: result.grad for result in action.traverse()}
    assert grads == {
        "llm_op": 2.0,
        "config_op": {"name": 2.0, "temperature": 2.0},
        "package_op": 2.0,
        "prompt_op": 2.0,
        "memory_op": [0.0, 0.0],
        "query_op": [0.0, 0.0],
    }


ARGS: tuple[CallID | None, list[Any], dict[str, Any]] = (
    None,
    [1, [2, 3]],
    {"config": {"a": 1, "b": (2,)}, "msgs": [4]},
)


@pytest.mark.parametrize(
    ("estimator", "gradients"),
    [
        (straight_through_estimator, ([7.0, [7.0, 7.0]], {"config": {"a": 7.0, "b": (7.0,)}, "msgs": [7.0]})),
        (partial(straight_through_estimator, descend=False), ([7.0, 7.0], {"config": 7.0, "msgs": 7.0})),
        (zero_estimator, ([0.0, [0.0, 0.0]], {"config": {"a": 0.0, "b": (0.0,)}, "msgs": [0.0]})),
        (stop_grad, ([None, None], {"config": None, "msgs": None})),
        (llm_straight_through_estimator, ([7.0, 7.0], {"config": {"a": 7.0, "b": (7.0,)}, "msgs": 7.0})),
    ],
    ids=["straight through", "whole", "zero", "stop", "model"],
)
def test_estimators(estimator: Any, gradients: GradInType) -> None:
    """What each gives for nested inputs."""
    ctx, (call_id, args, kwargs) = OpCtx("estimators"), ARGS
    assert estimator(ctx, args, kwargs, 7.0, call_id) == gradients


def test_default_gradients() -> None:
    """Missing ones and None get the default; zero is a gradient."""
    given: GradInType = ([0.0], {"a": {"b": 0.2, "x": None}})
    args, kwargs = [1, 2], {"a": {"b": 3, "c": 4, "x": 5}, "d": {"e": [6]}}
    filled = assign_default_grads(given, args, kwargs, default_grad_val=7.0)
    assert filled == ([0.0, 7.0], {"a": {"b": 0.2, "c": 7.0, "x": 7.0}, "d": {"e": [7.0]}})


async def test_results_as_inputs_of_estimators() -> None:
    """Results are seen through."""
    result: OpResult[list[int]] = await IdentityOp[list[int]]()([1, 2])
    assert assign_constant_grads([result], {"x": result}, 1.0) == ([[1.0, 1.0]], {"x": [1.0, 1.0]})
