"""torch modules as ops. torch is imported when one is made."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from ldp_tui.graph.async_torch import async_protect_torch_call, import_torch
from ldp_tui.graph.contexts import OpCtx
from ldp_tui.graph.modes import get_training_mode
from ldp_tui.graph.ops import GradInType, Op
from ldp_tui.graph.runs import CallID, get_call_id
from ldp_tui.graph.trees import Structure

if TYPE_CHECKING:
    import torch


class TorchOp(Op["torch.Tensor"]):
    """Calls a torch module; its backward pass is autograd's. Inputs that are no tensors become some."""

    CTX_TENSOR_INPUT_KEY: ClassVar[str] = "tensor_input"

    def __init__(self, module: torch.nn.Module) -> None:
        self._torch = import_torch("TorchOp")
        self.module = module
        self._fwd_args = list(inspect.signature(module.forward).parameters.values())

    async def forward(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The module's output; with gradients in training mode only."""
        tensor_args = [self._tensor(value) for value in args]
        tensor_kwargs = {name: self._tensor(value) for name, value in kwargs.items()}
        training = get_training_mode()
        if training:
            inputs = self._inputs(tuple(tensor_args), tensor_kwargs)
            self.ctx.update(get_call_id(), self.CTX_TENSOR_INPUT_KEY, (list(inputs.args), dict(inputs.kwargs)))
        output: torch.Tensor = await async_protect_torch_call(self.module, no_grad=not training)(
            *tensor_args, **tensor_kwargs
        )
        return output

    def _tensor(self, value: Any) -> Any:
        if isinstance(value, self._torch.Tensor):
            return value
        tensor = self._torch.as_tensor(value)
        return tensor.requires_grad_() if tensor.is_floating_point() else tensor

    @classmethod
    def backward(
        cls, ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Structure, call_id: CallID
    ) -> GradInType:
        """Vector-Jacobian product, as float tensors on the CPU; None for inputs that have no gradient."""
        args, kwargs = ctx.get(call_id, cls.CTX_TENSOR_INPUT_KEY)
        output = ctx.get(call_id, "output").value
        gradients = _vector_jacobian(output, [*args, *kwargs.values()], grad_output)
        return gradients[: len(args)], dict(zip(kwargs, gradients[len(args) :], strict=True))

    def __str__(self) -> str:
        return f"{type(self).__name__} {type(self.module).__name__} ({id(self)})"


class TorchParamBackwardEstimator:
    """Backward function for a `TorchOp` that also leaves the gradients of the module's parameters.

    `result.compute_grads(backward_fns={op.name: estimator.backward})`, then `op.ctx.get(call_id, "grad_params")` is
    a dict of tensors by parameter name, as float tensors on the CPU.
    """

    def __init__(self, module: torch.nn.Module) -> None:
        import_torch("TorchParamBackwardEstimator")
        self.params = dict(module.named_parameters())

    def backward(
        self, ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Structure, call_id: CallID
    ) -> GradInType:
        """As `TorchOp.backward`; records `grad_params` in the context."""
        args, kwargs = ctx.get(call_id, TorchOp.CTX_TENSOR_INPUT_KEY)
        output = ctx.get(call_id, "output").value
        gradients = iter(_vector_jacobian(output, [*args, *kwargs.values(), *self.params.values()], grad_output))
        grad_args = [next(gradients) for _ in args]
        grad_kwargs = {name: next(gradients) for name in kwargs}
        ctx.update(call_id, "grad_params", dict(zip(self.params, gradients, strict=True)))
        return grad_args, grad_kwargs


def _vector_jacobian(
    output: torch.Tensor, inputs: list[torch.Tensor], grad_output: Structure
) -> list[torch.Tensor | None]:
    """Gradient of each input for that of the output; a scalar (or shorter) one is spread over the output's shape.

    Raises:
        RuntimeError: If `grad_output` has another shape, or torch cannot differentiate the output.
    """
    library = import_torch("TorchOp")
    gradient = library.as_tensor(grad_output, dtype=output.dtype, device=output.device)
    while gradient.ndim < output.ndim:
        gradient = gradient.unsqueeze(-1)
    try:
        gradient = gradient.expand_as(output)
    except RuntimeError as error:
        raise RuntimeError(
            f"Output shape {tuple(output.shape)} does not match grad_output shape {tuple(gradient.shape)}."
        ) from error
    wanted = [index for index, value in enumerate(inputs) if value.requires_grad]
    found: list[torch.Tensor | None] = [None] * len(inputs)
    gradients = library.autograd.grad(
        output, [inputs[index] for index in wanted], gradient, allow_unused=True, retain_graph=True
    )
    for index, each in zip(wanted, gradients, strict=True):
        found[index] = None if each is None else each.detach().cpu().float()
    return found
