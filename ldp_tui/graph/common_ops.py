"""The ops that agents are made of, besides those that call models."""

from __future__ import annotations

import inspect
import string
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from ldp_tui.graph.contexts import OpCtx
from ldp_tui.graph.gradient_estimators import assign_constant_grads, stop_grad
from ldp_tui.graph.memoize import memoized
from ldp_tui.graph.ops import GradInType, Op, OpResult, ResultOrValue, TOutput_co
from ldp_tui.graph.runs import CallID
from ldp_tui.graph.trees import Structure, assert_same_structure

TValue = TypeVar("TValue")
TConfig = TypeVar("TConfig", bound=BaseModel | dict[str, Any])


class IdentityOp(Op[TOutput_co]):
    """Returns what it is given: makes a node of a plain value."""

    async def forward(self, value: TValue) -> TValue:
        """`value`."""
        return value

    @classmethod
    def backward(
        cls, ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Structure, call_id: CallID
    ) -> GradInType:
        """The gradient as it is."""
        return [], {"value": grad_output}


class StopGradOp(IdentityOp[TOutput_co]):
    """Returns what it is given, and lets no gradient pass."""

    @classmethod
    def backward(
        cls, ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Structure, call_id: CallID
    ) -> GradInType:
        """None."""
        return stop_grad(ctx, input_args, input_kwargs, grad_output, call_id)


class ResultOp(StopGradOp[TOutput_co]):
    """Brings a result of an earlier run (one that an agent's state holds, say) into this run, as a leaf."""

    async def __call__(self, value: ResultOrValue[TOutput_co]) -> OpResult[TOutput_co]:
        """A result in this run with the same value. The earlier run's graph is not part of this one."""
        return await super().__call__(OpResult.unwrap_value(value))


class ConfigOp(Op[TConfig], Generic[TConfig]):
    """Returns its configuration: a leaf whose gradient an optimiser reads."""

    def __init__(self, config: TConfig) -> None:
        self.config = config

    async def forward(self) -> TConfig:
        """The configuration."""
        return self.config

    @classmethod
    def backward(
        cls, ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Structure, call_id: CallID
    ) -> GradInType:
        """Nothing: a leaf has no inputs. Raises ValueError if the gradient has not the configuration's structure."""
        assert_same_structure(grad_output, ctx.get(call_id, "output").value, check_types=False)
        return [], {}


class FxnOp(Op[TOutput_co]):
    """Calls a function. Gradients of its inputs are 0.0, unless `backward_fns` has something better."""

    def __init__(
        self,
        fxn: Callable[..., TOutput_co] | Callable[..., Awaitable[TOutput_co]],
        cache: bool = False,
        fxn_name: str | None = None,
    ) -> None:
        """Op of a function or coroutine function.

        Args:
            fxn: What to call.
            cache: Keep the results of the last 128 distinct calls; the arguments must be hashable.
            fxn_name: What to call it in drawings; for lambdas.
        """
        self.fxn: Callable[..., Any] = memoized(fxn) if cache else fxn
        self.fxn_name = fxn_name or getattr(fxn, "__name__", None) or str(fxn)
        self._fwd_args = _parameters(fxn)

    async def forward(self, *args: Any, **kwargs: Any) -> TOutput_co:
        """What the function returns, awaited where it can be."""
        value = self.fxn(*args, **kwargs)
        result: TOutput_co = await value if inspect.isawaitable(value) else value
        return result

    @classmethod
    def backward(
        cls, ctx: OpCtx, input_args: list[Any], input_kwargs: dict[str, Any], grad_output: Structure, call_id: CallID
    ) -> GradInType:
        """Zero everywhere: nothing is known of the function."""
        return assign_constant_grads(input_args, input_kwargs, 0.0)

    @property
    def label(self) -> str:
        """Class and function, if that has a name."""
        return f"{type(self).__name__} {self.fxn_name}".removesuffix(" <lambda>")

    def __repr__(self) -> str:
        return f"{self.label} (name={self.name}, id={id(self)})"


class PromptOp(FxnOp[str]):
    """Fills in a prompt: `PromptOp("Hello, {name}!")(name="you")`. `prompt` may be replaced, as optimisers do."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        super().__init__(self._fill)

    async def _fill(self, prompt_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> str:
        return _PLAIN_FIELDS.vformat(self.prompt, (), {**(prompt_kwargs or {}), **kwargs})

    @property
    def label(self) -> str:
        """The class alone."""
        return type(self).__name__

    def __repr__(self) -> str:
        return Op.__repr__(self)


class _PlainFields(string.Formatter):
    """`str.format` that refuses private attributes: a prompt may have been written by a model."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if "._" in field_name:
            raise KeyError(field_name)
        return super().get_field(field_name, args, kwargs)


_PLAIN_FIELDS = _PlainFields()


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a built-in that does not tell
        return [
            inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
            inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
        ]
