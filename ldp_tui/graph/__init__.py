"""LDP's stochastic computation graph: ops, results that know what led to them, gradients through both.

    op = FxnOp(lambda x: 2 * x)
    async with compute_graph():
        result = await op(3)
    result.compute_grads(1.0, backward_fns={FxnOp: straight_through_estimator})

pydantic and the standard library; torch and networkx are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ldp_tui.core.above import Borrowed, borrow
from ldp_tui.graph.agent import Agent
from ldp_tui.graph.common_ops import ConfigOp, FxnOp, IdentityOp, PromptOp, ResultOp, StopGradOp
from ldp_tui.graph.errors import (
    ForeignResult,
    GradientError,
    GraphError,
    GraphFileError,
    NoGradients,
    NotRecorded,
    OutsideGraph,
    UnknownOp,
)
from ldp_tui.graph.files import dump_graph, load_graph, parse_graph, save_graph
from ldp_tui.graph.languages import to_dot, to_mermaid
from ldp_tui.graph.loss_ops import MSELossOp
from ldp_tui.graph.modes import eval_mode, get_training_mode, set_training_mode, train_mode
from ldp_tui.graph.naming import name_ops, named_ops
from ldp_tui.graph.network import to_network
from ldp_tui.graph.ops import (
    BackwardsType,
    GradInType,
    GradOutType,
    Op,
    OpCtx,
    OpResult,
    ResultOrValue,
    resolve_fully_qualified_name,
)
from ldp_tui.graph.runs import CallID, compute_graph, get_call_id, get_run_id, op_call
from ldp_tui.graph.svg import to_svg
from ldp_tui.graph.text import to_text
from ldp_tui.graph.torch_ops import TorchOp, TorchParamBackwardEstimator
from ldp_tui.graph.values import Described

__all__ = [
    "Agent",
    "BackwardsType",
    "CallID",
    "ConfigOp",
    "Described",
    "ForeignResult",
    "FxnOp",
    "GradInType",
    "GradOutType",
    "GradientError",
    "GraphError",
    "GraphFileError",
    "IdentityOp",
    "MSELossOp",
    "NoGradients",
    "NotRecorded",
    "Op",
    "OpCtx",
    "OpResult",
    "OutsideGraph",
    "PromptOp",
    "ResultOp",
    "ResultOrValue",
    "StopGradOp",
    "TorchOp",
    "TorchParamBackwardEstimator",
    "UnknownOp",
    "compute_graph",
    "dump_graph",
    "eval_mode",
    "get_call_id",
    "get_run_id",
    "get_training_mode",
    "load_graph",
    "name_ops",
    "named_ops",
    "op_call",
    "parse_graph",
    "resolve_fully_qualified_name",
    "save_graph",
    "set_training_mode",
    "to_dot",
    "to_mermaid",
    "to_network",
    "to_svg",
    "to_text",
    "train_mode",
]


def __getattr__(name: str) -> Any:
    """The ops that ask models live above the graph; users of LDP look for them here."""
    if name not in _ABOVE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return borrow(_ABOVE[name])


_ABOVE: Final[Mapping[str, Borrowed]] = {
    "EmbeddingOp": "EmbeddingOp",
    "LLMCallOp": "LLMCallOp",
    "Memory": "Memory",
    "MemoryModel": "MemoryModel",
    "MemoryOp": "MemoryOp",
}
