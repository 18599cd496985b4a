"""Operations of a compute graph: `await op(…)` runs `forward` and remembers what it was given."""

from __future__ import annotations

import inspect
import secrets
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any, Generic, Literal, Self, cast
from uuid import UUID, uuid4

from ldp_tui.graph.backprop import BackwardsType, GradInType, GradOutType
from ldp_tui.graph.contexts import OpCtx
from ldp_tui.graph.errors import ForeignResult, UnknownOp
from ldp_tui.graph.modes import get_training_mode
from ldp_tui.graph.results import Inputs, Node, OpResult, ResultOrValue, TOutput_co
from ldp_tui.graph.runs import CallID, in_call, in_run
from ldp_tui.graph.trees import Structure

__all__ = [
    "BackwardsType",
    "GradInType",
    "GradOutType",
    "Op",
    "OpCtx",
    "OpResult",
    "ResultOrValue",
    "TOutput_co",
    "find_op_class",
    "resolve_fully_qualified_name",
]


def resolve_fully_qualified_name(cls: type) -> str:
    """Module and name of a class, as results and graph files name it."""
    return f"{cls.__module__}.{cls.__name__}"


class Op(ABC, Generic[TOutput_co]):
    """An operation with a backward pass: like `torch.autograd.Function`, but for prompts, tools and models as well.

    Subclasses write `forward` (a coroutine function) and `backward`. An op has no state of a call: it may be called
    many times at once, in several runs.
    """

    name: str
    """Identifies the op among those of its agent: `ldp_tui.graph.Agent` gives the path of attributes to it.
    Until then a random one. Ops of equal name share a context."""
    ctx: OpCtx

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: D102, ARG004 (subclasses need not call __init__)
        op = super().__new__(cls)
        op._rename(f"{cls.__name__}-{secrets.token_hex(6)}", "random")
        return op

    def set_name(self, name: str) -> None:
        """Rename the op, for good. Results it gave before keep the earlier name."""
        self._rename(name, "given")

    def set_path(self, path: str) -> None:
        """Take the path of attributes that leads to the op as its name.

        A name that was given stays, and so does an earlier path, unless this one goes further: `op` becomes
        `module.op`, so that ops of an agent within an agent differ from those of the outer one.
        """
        if self._naming == "random" or (self._naming == "path" and path.endswith(f".{self.name}")):
            self._rename(path, "path")

    def _rename(self, name: str, naming: Literal["random", "path", "given"]) -> None:
        if "ctx" in self.__dict__:
            self.ctx.ops.pop(id(self), None)
        self.name, self._naming = name, naming
        self.ctx = OpCtx.get_or_create(name)
        self.ctx.ops[id(self)] = self

    @abstractmethod
    async def forward(self, *args: Any, **kwargs: Any) -> TOutput_co:
        """The operation itself, on plain values. `get_call_id()` tells which call this is."""

    @classmethod
    @abstractmethod
    def backward(
        cls,
        ctx: OpCtx,
        input_args: list[Any],
        input_kwargs: dict[str, Any],
        grad_output: Structure,
        call_id: CallID,
    ) -> GradInType:
        """Gradients of the inputs of one call.

        Args:
            ctx: What the call recorded: `ctx.get(call_id, "output")`, and what `forward` added.
            input_args: Values given to `*args` of `forward`.
            input_kwargs: All other values given, by name, however they were passed; left-out defaults are not here.
            grad_output: Gradient of the output, summed over its consumers.
            call_id: Which call.

        Returns:
            A gradient for each of `input_args`, and for each name in `input_kwargs`; None ends that branch.
        """

    async def __call__(self, *args: Any, **kwargs: Any) -> OpResult[TOutput_co]:
        """Call `forward` on the values of the given results and values.

        Outside `compute_graph()` this is a run of its own. In training mode the inputs and the output are kept, up to
        the end of the run; what `forward` raises is raised, and nothing is kept.

        Raises:
            ForeignResult: If a result of another run is given. Its `value` may be given, or it as a `ResultOp` sees it.
        """
        with in_run() as run:
            for value in (*args, *kwargs.values()):
                if isinstance(value, OpResult) and value.run_id != run.id:
                    raise ForeignResult(
                        f"{self.name}: all args and kwargs must have the same run_id as the call. This one is a result "
                        "of an earlier run: give its `value`, or call both ops within one `compute_graph()`."
                    )
            call_id, ctx, training = CallID(run.id, uuid4()), self.ctx, get_training_mode()
            if training:
                stored = {name: _stored(value) for name, value in kwargs.items()}
                ctx.update(call_id, "input", self._inputs(tuple(map(_stored, args)), stored))
            try:
                with in_call(call_id):
                    value = await self.forward(
                        *map(OpResult.unwrap_value, args),
                        **{name: OpResult.unwrap_value(value) for name, value in kwargs.items()},
                    )
            except BaseException:
                ctx.forget(call_id)
                raise
            node = Node(call_id, ctx.op_name, resolve_fully_qualified_name(type(self)), value, self)
            if training:
                ctx.update(call_id, "output", node)
            return OpResult.of(node, run)

    def _inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Inputs:
        """Inputs by name of `forward`'s parameter, except those that its `*args` takes up."""
        named: dict[str, Any] = {}
        for index, (value, parameter) in enumerate(zip(args, self._fwd_args, strict=False)):
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                return Inputs(args[index:], {**named, **kwargs})
            named[parameter.name] = value
        return Inputs((), {**named, **kwargs})

    @cached_property
    def _fwd_args(self) -> list[inspect.Parameter]:
        """Parameters that calls are given to; an op that hands its arguments on replaces them by those behind it."""
        return list(inspect.signature(self.forward).parameters.values())

    @property
    def label(self) -> str:
        """What it does, for drawings."""
        return type(self).__name__

    def get_call_ids(self, run_ids: Collection[UUID] | None = None) -> set[CallID]:
        """Calls recorded in the runs given, or in all that live."""
        data = self.ctx.data
        ids = list(data) if run_ids is None else run_ids
        return {
            CallID(run_id, fwd_id)
            for run_id in ids
            if (records := data.get(run_id)) is not None
            for fwd_id in list(records)
        }

    def get_input_grads(self, call_id: CallID) -> GradInType:
        """Gradients of a call's inputs; raises NoGradients if no backward pass reached it."""
        return self.ctx.get_input_grads(call_id)

    def clear_ctx(self) -> None:
        """Drop what was recorded under this op's name."""
        self.ctx.clear()

    def __repr__(self) -> str:
        return f"{type(self).__name__} (name={self.name}, id={id(self)})"

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy has its original's name, and with it the context."""
        self.ctx.ops.pop(id(self), None)
        self.__dict__.update(state)
        self.ctx.ops[id(self)] = self


def _stored(value: Any) -> Any:
    """A given result as a node; lists and dicts as copies, one level deep: appending to one changes nothing."""
    if isinstance(value, OpResult):
        return value.node
    return value.copy() if type(value) in {list, dict} else value


def find_op_class(name: str) -> type[Op[Any]]:
    """The op class of that full name, among those this process has; nothing is imported.

    Raises:
        UnknownOp: If there is none.
    """
    found = None
    for cls in _subclasses(cast("type[Op[Any]]", Op)):
        if resolve_fully_qualified_name(cls) == name:
            found = cls  # the one defined last, as a redefinition in a notebook
    if found is None:
        raise UnknownOp(
            f"The op class {name} is not in this process: import its module, or replace its backward pass by "
            "`backward_fns`."
        )
    return found


def _subclasses(cls: type[Op[Any]]) -> Iterator[type[Op[Any]]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
