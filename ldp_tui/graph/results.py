"""What an op call gives: a value, and the way back to everything that led to it."""

from __future__ import annotations

import copy
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast
from uuid import UUID

from pydantic import BaseModel

from ldp_tui.core.errors import MissingExtra
from ldp_tui.graph.contexts import OpCtx
from ldp_tui.graph.errors import NotRecorded, UnknownOp
from ldp_tui.graph.runs import CallID, Run, Stored, live_run
from ldp_tui.graph.trees import Structure

if TYPE_CHECKING:
    import networkx as nx

    from ldp_tui.graph.backprop import BackwardsType
    from ldp_tui.graph.ops import Op

TOutput_co = TypeVar("TOutput_co", covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class Node(Stored):
    """What a run keeps of a result. `op` is None where the result came from a file."""

    call_id: CallID
    op_name: str
    op_class_name: str
    value: Any
    op: Op[Any] | None = None

    def opened(self, run: Run) -> OpResult[Any]:
        """The result."""
        return OpResult.of(self, run)


@dataclass(frozen=True, slots=True, eq=False)
class Inputs(Stored):
    """What a call was given: positional inputs (of `*args`) and those with a name. Results of the run are nodes."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def opened(self, run: Run) -> tuple[list[Any], dict[str, Any]]:
        """Fresh containers of results and values."""
        return (
            [_opened(value, run) for value in self.args],
            {name: _opened(value, run) for name, value in self.kwargs.items()},
        )


def _opened(value: Any, run: Run) -> Any:
    return value.opened(run) if isinstance(value, Node) else value


class OpResult(Generic[TOutput_co]):
    """Result of an op call. It keeps its run, so whoever holds a result has the graph that led to it.

    Results of one call are equal. A copy has a copied value and belongs to the same run; a pickled one brings no graph
    (`ldp_tui.graph.save_graph` does).
    """

    __slots__ = ("__weakref__", "_node", "_run")

    def __init__(
        self, call_id: CallID | Mapping[str, Any], op_name: str, op_class_name: str, value: TOutput_co
    ) -> None:
        """Result that was made elsewhere: it has no graph, unless the run of that id lives in this process."""
        call_id = CallID.model_validate(call_id)
        self._node = Node(call_id, op_name, op_class_name, value)
        self._run = live_run(call_id.run_id)

    @classmethod
    def of(cls, node: Node, run: Run) -> OpResult[Any]:
        """The result that `run` keeps as `node`."""
        result = object.__new__(OpResult)
        result._node, result._run = node, run
        return result

    @property
    def call_id(self) -> CallID:
        """Which call gave this."""
        return self._node.call_id

    @property
    def run_id(self) -> UUID:
        """Which forward pass it belongs to."""
        return self._node.call_id.run_id

    @property
    def op_name(self) -> str:
        """Name that the op had."""
        return self._node.op_name

    @property
    def op_class_name(self) -> str:
        """Module and name of the op's class."""
        return self._node.op_class_name

    @property
    def value(self) -> TOutput_co:
        """What `forward` returned."""
        return cast("TOutput_co", self._node.value)

    @property
    def node(self) -> Node:
        """What the run keeps of it."""
        return self._node

    @property
    def run(self) -> Run | None:
        """The run it belongs to; None for a result without a graph."""
        return self._run

    @property
    def ctx(self) -> OpCtx:
        """The op's context."""
        records = None if self._run is None else self._run.records(self.op_name)
        return OpCtx.get_or_create(self.op_name) if records is None else records.ctx

    @property
    def op(self) -> Op[Any]:
        """The op that was called; for a result from a file, one of its name. Raises UnknownOp if there is none."""
        op = self._node.op
        if op is None:
            op = next(reversed(list(self.ctx.ops.values())), None)
        if op is None:
            raise UnknownOp(f"There is no op named {self.op_name!r} in this process.")
        return op

    @property
    def op_label(self) -> str:
        """What the op does, for drawings: the name of its class, with that of its function where it has one."""
        op = self._node.op
        return self.op_class_name.rpartition(".")[2] if op is None else op.label

    @property
    def op_class(self) -> type[Op[Any]]:
        """The op's class; raises UnknownOp if it came from a file and its module has not been imported."""
        from ldp_tui.graph.ops import find_op_class

        op = self._node.op
        return find_op_class(self.op_class_name) if op is None else type(op)

    @property
    def inputs(self) -> tuple[list[ResultOrValue[Any]], dict[str, ResultOrValue[Any]]]:
        """Positional inputs (of `*args`) and named ones, as results where results were given.

        Raises:
            NotRecorded: If they were not kept: the op ran in evaluation mode, or its context was cleared.
        """
        inputs = self.recorded("input")
        if inputs is None:
            raise NotRecorded(
                f"No inputs are kept of {self.op_name}: it ran in evaluation mode, or its context was cleared."
            )
        return cast("tuple[list[Any], dict[str, Any]]", inputs)

    @property
    def logprob(self) -> float | None:
        """ln of the probability with which the op gave this value; None if it did not say."""
        return cast("float | None", self.recorded("logprob"))

    @property
    def grad(self) -> Structure | None:
        """d ln(P of the graph) / d value; None before `compute_grads`, and where it did not get to."""
        return self.recorded("grad_output")

    def recorded(self, key: str) -> Any:
        """What the call recorded under `key`; None if nothing."""
        value = self.records().get(key)
        return value.opened(self._run) if isinstance(value, Stored) and self._run is not None else value

    def records(self) -> Mapping[str, Any]:
        """All that the call recorded, as the run keeps it; empty in evaluation mode."""
        records = None if self._run is None else self._run.records(self.op_name)
        return {} if records is None else records.get(self.call_id.fwd_id, {})

    def consumed(self) -> list[OpResult[Any]]:
        """The results among the inputs, positional ones first; the same one twice if it was given twice."""
        args, kwargs = self.inputs
        return [value for value in (*args, *kwargs.values()) if isinstance(value, OpResult)]

    def compute_grads(
        self,
        grad_output: Structure | None = None,
        backward_fns: Mapping[str | type, BackwardsType] | None = None,
    ) -> None:
        """Run the graph backward from here; gradients land in the contexts (`grad`, `Op.get_input_grads`).

        Args:
            grad_output: Gradient of this value; 0.0 if None, which prunes nothing.
            backward_fns: Replacements for `Op.backward`, by op name, full class name or class, in this order.

        Raises:
            GradientError: If a backward function's answer does not fit the inputs, or two consumers disagree in shape.
            NotRecorded: If the graph was not kept.
            UnknownOp: If an op's class is not in this process and `backward_fns` does not replace it.
        """
        from ldp_tui.graph.backprop import compute_grads

        compute_grads(self, grad_output, backward_fns)

    def traverse(
        self,
        topological_order: bool = True,
        filter_fn: Callable[[OpResult[Any]], bool] = lambda _: True,
    ) -> Iterator[OpResult[Any]]:
        """This result and all that led to it, each once.

        Args:
            topological_order: True: each result after all that consumed it. False: depth first, read as it goes.
            filter_fn: Only results that pass are given; those behind them are visited all the same.

        Raises:
            NotRecorded: If inputs were not kept.
        """
        order = self._topologically() if topological_order else self._depth_first()
        return (result for result in order if filter_fn(result))

    def _depth_first(self) -> Iterator[OpResult[Any]]:
        return (result for result, _ in self._with_inputs())

    def _with_inputs(self) -> Iterator[tuple[OpResult[Any], list[OpResult[Any]]]]:
        """Depth first: each result once, with the results among its inputs."""
        seen: set[UUID] = set()
        waiting = [self]
        while waiting:
            result = waiting.pop()
            fwd_id = result.call_id.fwd_id
            if fwd_id not in seen:
                seen.add(fwd_id)
                consumed = result.consumed()
                yield result, consumed
                waiting += reversed(consumed)

    def _topologically(self) -> Iterator[OpResult[Any]]:
        inputs = {result.call_id.fwd_id: consumed for result, consumed in self._with_inputs()}
        uses = Counter(each.call_id.fwd_id for consumed in inputs.values() for each in consumed)
        ready = deque([self])
        while ready:
            result = ready.popleft()
            yield result
            for each in inputs[result.call_id.fwd_id]:
                fwd_id = each.call_id.fwd_id
                uses[fwd_id] -= 1
                if not uses[fwd_id]:
                    ready.append(each)

    def get_upstream_results(self, op: str | Op[Any]) -> Iterator[OpResult[Any]]:
        """The results of `op` (or of ops of that name) among all that led here, this one included."""
        name = op if isinstance(op, str) else op.name
        return self.traverse(filter_fn=lambda result: result.op_name == name)

    def get_compute_graph(self, backward: bool = True) -> nx.DiGraph[OpResult[Any]]:
        """networkx graph of the results that led here; edges go from output to input, or the other way round.

        Raises:
            MissingExtra: If networkx is not installed.
        """
        try:
            import networkx
        except ImportError as error:
            raise MissingExtra("A networkx graph of results", "graph") from error
        graph: nx.DiGraph[OpResult[Any]] = networkx.DiGraph()
        for result in self.traverse():
            graph.add_node(result)
            graph.add_edges_from((result, each) if backward else (each, result) for each in result.consumed())
        return graph

    def to_dict(self) -> dict[str, Any]:
        """LDP's form of a result: ids, names, value (models dumped) and log-probability. The graph is left out."""
        value = self.value.model_dump() if isinstance(self.value, BaseModel) else self.value
        return {
            "call_id": self.call_id.model_dump(),
            "op_name": self.op_name,
            "op_class_name": self.op_class_name,
            "value": value,
            "logprob": self.logprob,
        }

    @classmethod
    def from_dict(cls, t_output: type[TOutput_co], dump: Mapping[str, Any]) -> OpResult[TOutput_co]:
        """Result from what `to_dict` gave; `t_output` is the type of its value. `dump` is left as it is."""
        value = dump["value"]
        if isinstance(t_output, type) and issubclass(t_output, BaseModel):
            value = t_output.model_validate(value)
        return cls(dump["call_id"], dump["op_name"], dump["op_class_name"], value)

    @staticmethod
    def unwrap_value(result: ResultOrValue[Any]) -> Any:
        """The value of a result; anything else as it is."""
        return result._node.value if isinstance(result, OpResult) else result

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OpResult) and self.call_id == other.call_id

    def __hash__(self) -> int:
        return hash(self._node.call_id)

    def __repr__(self) -> str:
        return f"OpResult(op={self.op_class_name}:{self.op_name}, call_id={self.call_id}, value={self.value!r})"

    def __str__(self) -> str:
        return str(self.value)

    def __reduce__(self) -> tuple[Any, ...]:
        return OpResult, (self.call_id, self.op_name, self.op_class_name, self.value)

    def __deepcopy__(self, memo: dict[int, Any]) -> OpResult[TOutput_co]:
        copied = object.__new__(OpResult)
        copied._node = replace(self._node, value=copy.deepcopy(self.value, memo))
        copied._run = self._run
        return copied

    def __copy__(self) -> OpResult[TOutput_co]:
        return self


ResultOrValue: TypeAlias = OpResult[TOutput_co] | TOutput_co
