"""LDP's compute graph: a forward pass that is remembered, gradients through it, a drawing of it, a file of it.

python examples/ldp/compute_graph.py
"""

import asyncio

from ldp_tui.graph import FxnOp, compute_graph, load_graph, save_graph, to_text
from ldp_tui.graph.gradient_estimators import straight_through_estimator


async def main() -> None:
    """Double a number, and ask how it came about."""
    op_a = FxnOp(lambda x: 2 * x)
    op_b = FxnOp(lambda x, y: x + y)
    op_a.set_name("double")
    op_b.set_name("add")

    async with compute_graph():
        doubled = await op_a(3)
        op_result = await op_b(doubled, doubled)

    op_result.compute_grads(1.0, backward_fns={FxnOp: straight_through_estimator})
    print(op_result.value, doubled.grad, op_a.get_input_grads(doubled.call_id))
    print(to_text(op_result))

    save_graph(op_result, "double.graph.json")
    again = load_graph("double.graph.json")
    print(again.value, [each.op_name for each in again.traverse()])


if __name__ == "__main__":
    asyncio.run(main())
