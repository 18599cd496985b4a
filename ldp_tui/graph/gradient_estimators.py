"""Backward functions that replace an op's own, and what backward functions are made of.

`result.compute_grads(backward_fns={"name of an op": straight_through_estimator})`.
"""

from __future__ import annotations

from typing import Any

from ldp_tui.graph.backprop import GradInType
from ldp_tui.graph.contexts import OpCtx
from ldp_tui.graph.results import OpResult
from ldp_tui.graph.runs import CallID
from ldp_tui.graph.torch_ops import TorchParamBackwardEstimator
from ldp_tui.graph.trees import Path, Structure, map_structure, map_structure_with_path

__all__ = [
    "TorchParamBackwardEstimator",
    "assign_constant_grads",
    "assign_default_grads",
    "assign_llm_grads",
    "llm_straight_through_estimator",
    "stop_grad",
    "straight_through_estimator",
    "zero_estimator",
]


def assign_constant_grads(
    input_args: list[Any], input_kwargs: dict[str, Any], value: Any, descend: bool = True
) -> GradInType:
    """`value` for every input; with `descend`, for every leaf of it."""
    if not descend:
        return [value] * len(input_args), dict.fromkeys(input_kwargs, value)
    return (
        [_filled(each, value) for each in input_args],
        {name: _filled(each, value) for name, each in input_kwargs.items()},
    )


def straight_through_estimator(
    ctx: OpCtx,
    input_args: list[Any],
    input_kwargs: dict[str, Any],
    grad_output: Structure,
    call_id: CallID,
    descend: bool = True,
) -> GradInType:
    """The output's gradient for every leaf of every input, as if the op were the identity."""
    return assign_constant_grads(input_args, input_kwargs, grad_output, descend=descend)


def stop_grad(
    ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Structure, call_id: CallID
) -> GradInType:
    """End every branch here."""
    return assign_constant_grads(input_args, input_kwargs, None, descend=False)


def zero_estimator(
    ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Structure, call_id: CallID
) -> GradInType:
    """Zero for every leaf of every input: the unbiased choice if nothing is known.

    Other than `stop_grad`, ops behind this one are still reached, and can raise their own log-probability.
    """
    return assign_constant_grads(input_args, input_kwargs, 0.0)


def llm_straight_through_estimator(
    ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Structure, call_id: CallID
) -> GradInType:
    """The output's gradient for every leaf of a model call's `config`, and for each other input as a whole."""
    return assign_llm_grads(input_args, input_kwargs, grad_output)


def assign_llm_grads(input_args: list[Any], input_kwargs: dict[str, Any], value: Any) -> GradInType:
    """`value` for the inputs of a model call.

    Each field of its `config` is a parameter of its own. Messages, tools and the rest are not: each is one input.
    """
    return [value] * len(input_args), {
        name: _filled(each, value) if name == "config" else value for name, each in input_kwargs.items()
    }


def assign_default_grads(
    input_grads: GradInType, input_args: list[Any], input_kwargs: dict[str, Any], default_grad_val: float = 0.0
) -> GradInType:
    """`input_grads` made whole: leaves of the inputs that it misses (or has as None) get the default.

    `{"a": {"b": 0.1}}` for the input `{"a": {"b": 1, "c": 2}}` becomes `{"a": {"b": 0.1, "c": default}}`.
    """

    def given_or_default(path: Path, _: Any) -> Any:
        found: Any = input_grads
        for key in path:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                return default_grad_val
        return default_grad_val if found is None else found

    whole: GradInType = map_structure_with_path(given_or_default, (input_args, input_kwargs))
    return whole


def _filled(structure: Any, value: Any) -> Structure:
    return map_structure(lambda _: value, OpResult.unwrap_value(structure))
