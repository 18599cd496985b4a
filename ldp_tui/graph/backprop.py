"""The backward pass through a graph of results.

Gradients are those of Schulman et al. 2015, "Gradient estimation using stochastic computation graphs": what an op's
`backward` gives for an input is d ln(P of the graph) / d input. Gradients from several consumers add up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from ldp_tui.graph.errors import GradientError
from ldp_tui.graph.results import OpResult
from ldp_tui.graph.runs import CallID
from ldp_tui.graph.trees import Structure, map_structure

if TYPE_CHECKING:
    from ldp_tui.graph.contexts import OpCtx

GradOutType: TypeAlias = Structure | None
"""Gradient of one input; None ends the branch there."""
GradInType: TypeAlias = tuple[Sequence[GradOutType], Mapping[str, GradOutType]]
"""Gradients of positional and of named inputs."""
BackwardsType: TypeAlias = Callable[["OpCtx", list[Any], dict[str, Any], Structure, CallID], GradInType]
"""Call shape of `Op.backward`: context, positional inputs, named inputs (values, not results), gradient, call id."""


def compute_grads(
    root: OpResult[Any],
    grad_output: Structure | None = None,
    backward_fns: Mapping[str | type, BackwardsType] | None = None,
) -> None:
    """See `OpResult.compute_grads`."""
    arriving: dict[UUID, list[Structure]] = {root.call_id.fwd_id: [0.0 if grad_output is None else grad_output]}
    for result in root.traverse():
        gradients = arriving.pop(result.call_id.fwd_id, None)
        if gradients is None:  # every consumer ended its branch
            continue
        for consumed, gradient in _step_back(result, _total(result, gradients), backward_fns or {}):
            arriving.setdefault(consumed.call_id.fwd_id, []).append(gradient)


def _step_back(
    result: OpResult[Any], gradient: Structure, backward_fns: Mapping[str | type, BackwardsType]
) -> list[tuple[OpResult[Any], Structure]]:
    """Run one op backward: its results among the inputs, each with the gradient it receives."""
    ctx = result.ctx
    args, kwargs = result.inputs
    ctx.update(result.call_id, "grad_output", gradient)
    backward = _backward_of(result, backward_fns)
    unwrapped = [OpResult.unwrap_value(value) for value in args]
    named = {name: OpResult.unwrap_value(value) for name, value in kwargs.items()}
    arg_grads, kwarg_grads = given = backward(ctx, unwrapped, named, gradient, result.call_id)
    ctx.update(result.call_id, "grad_input", given)
    try:
        pairs = list(zip(args, arg_grads, strict=True))
    except ValueError as error:
        raise GradientError(
            f"Backward of {result.op_name} gave {len(arg_grads)} gradients for {len(args)} positional inputs: {error}."
        ) from error
    if kwarg_grads.keys() != kwargs.keys():
        raise GradientError(
            f"Mismatch between grads that backward of {result.op_name} gave and its named inputs: "
            f"expected {sorted(kwargs)}, got {sorted(kwarg_grads)}."
        )
    pairs.extend((value, kwarg_grads[name]) for name, value in kwargs.items())
    return [(value, grad) for value, grad in pairs if isinstance(value, OpResult) and grad is not None]


def _backward_of(result: OpResult[Any], backward_fns: Mapping[str | type, BackwardsType]) -> BackwardsType:
    for key in (result.op_name, result.op_class_name):
        if key in backward_fns:
            return backward_fns[key]
    op_class = result.op_class
    return backward_fns.get(op_class, op_class.backward)


def _total(result: OpResult[Any], gradients: list[Structure]) -> Structure:
    """Leaf by leaf sum. A leaf that is None adds nothing; it stays None if all are."""
    if len(gradients) == 1:
        return gradients[0]
    try:
        return map_structure(_sum, *gradients)
    except ValueError as error:
        raise GradientError(
            f"Mismatched gradient structures in the compute graph: the consumers of {result.op_name} disagree; {error}."
        ) from error


def _sum(*leaves: Any) -> Any:
    present = [leaf for leaf in leaves if leaf is not None]
    return sum(present[1:], start=present[0]) if present else None
