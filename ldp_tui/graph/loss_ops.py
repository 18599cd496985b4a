"""Losses: ops at the end of a graph, where gradients start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ldp_tui.graph.contexts import OpCtx
from ldp_tui.graph.ops import GradInType, Op
from ldp_tui.graph.runs import CallID
from ldp_tui.graph.trees import Structure

if TYPE_CHECKING:
    import numpy
    import torch

    Array: TypeAlias = numpy.ndarray[Any, Any] | torch.Tensor


class MSELossOp(Op[Any]):
    """Mean of the squared errors, of NumPy arrays or torch tensors."""

    async def forward(self, prediction: Array, target: Array) -> Any:
        """Scalar of the arrays' library; both have the same shape."""
        return ((prediction - target) ** 2).mean()

    @classmethod
    def backward(
        cls, ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Structure, call_id: CallID
    ) -> GradInType:
        """2 (prediction − target) / n, times the loss's own gradient. The target gets none.

        A loss at the end of the graph has gradient 0.0 unless one was given; it then counts as 1, as in
        `loss.backward()` of torch.
        """
        prediction, target = input_kwargs["prediction"], input_kwargs["target"]
        count = prediction.numel() if hasattr(prediction, "numel") else prediction.size
        weight = 1.0 if isinstance(grad_output, float) and grad_output == 0.0 else grad_output
        return [], {"prediction": 2 * (prediction - target) / count * weight, "target": None}
