"""Graphs as networkx graphs, in the shape of LDP's `to_network`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ldp_tui.core.errors import MissingExtra
from ldp_tui.graph import cells
from ldp_tui.graph.languages import quoted
from ldp_tui.graph.results import OpResult
from ldp_tui.graph.sketch import heading, labelled, named_inputs, summary

if TYPE_CHECKING:
    import networkx as nx


def to_network(
    op_result: OpResult[Any],
    max_label_height: int | None = None,
    max_label_width: int | None = None,
    G: nx.MultiDiGraph[str] | None = None,  # noqa: N803 (LDP's name)
) -> nx.MultiDiGraph[str]:
    """networkx graph of all that led to `op_result`: a node for each op call, each result and each value given.

    Edges lead from inputs to the call and from the call to its result; after `compute_grads`, dotted ones lead back,
    labelled by gradient. `networkx.drawing.nx_pydot.write_dot(G, "file.dot")` writes it for Graphviz. Nodes are named
    `call-…` and `result-…` by forward id, `value-…` by that and the input's number.

    Args:
        op_result: Where to start.
        max_label_height: Lines of a label (None: all).
        max_label_width: Cells of a line (None: all).
        G: Graph to add to; a new one if None.

    Raises:
        NotRecorded: If the graph was not kept.
        MissingExtra: If networkx is not installed.
    """
    if G is None:
        try:
            import networkx
        except ImportError as error:
            raise MissingExtra("to_network", "graph") from error
        G = networkx.MultiDiGraph()  # noqa: N806

    def label(value: Any) -> str:
        return _label(summary(value), max_label_height, max_label_width)

    for result in op_result.traverse():
        call, own = f"call-{result.call_id.fwd_id}", f"result-{result.call_id.fwd_id}"
        G.add_node(call, label=_label(heading(result), None, max_label_width))
        G.add_node(own, label=label(result), style="dotted")
        G.add_edge(call, own)
        if result.grad is not None:
            G.add_edge(own, call, label=label(result.grad), style="dotted")
        arg_grads, kwarg_grads = result.recorded("grad_input") or ((), {})
        gradients = {**{str(number): each for number, each in enumerate(arg_grads)}, **kwarg_grads}
        for index, (name, value) in enumerate(named_inputs(result)):
            if isinstance(value, OpResult):
                source = f"result-{value.call_id.fwd_id}"
            else:
                source = f"value-{result.call_id.fwd_id}-{index}"
                G.add_node(source, label=label(value), style="dotted")
            G.add_edge(source, call, label=_label([name], None, max_label_width))
            if gradients.get(name) is not None:
                G.add_edge(call, source, label=label(gradients[name]), style="dotted")
    return G


def _label(lines: list[str], height: int | None, width: int | None) -> str:
    plain = [cells.plain(line) for line in labelled("", lines, height)]
    return quoted(plain if width is None else [cells.cut(line, width) for line in plain])
