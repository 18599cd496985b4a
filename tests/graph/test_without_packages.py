"""A bare installation: neither torch nor networkx, dm-tree, pydot or NumPy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import asyncio, importlib.abc, sys

ABSENT = {"torch", "networkx", "tree", "pydot", "numpy", "aviary", "ldp", "dot"}

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())

import ldp_tui.graph.gradient_estimators
from ldp_tui.core.errors import MissingExtra
from ldp_tui.graph import *
from tests.graph.stories import remembered_step

async def main():
    action = await remembered_step()
    action.compute_grads(1.0, backward_fns={FxnOp: ldp_tui.graph.gradient_estimators.straight_through_estimator})
    assert [each.grad is None for each in action.traverse()] == [False] * 6
    again = parse_graph(dump_graph(action))
    assert to_text(again).count("▼") == 5
    for draw in (to_svg, to_dot, to_mermaid):
        assert "llm_op" in draw(again)
    for ask in (
        lambda: to_network(action),
        action.get_compute_graph,
        lambda: TorchOp(None),
        lambda: TorchParamBackwardEstimator(None),
    ):
        try:
            ask()
        except MissingExtra as error:
            print(error)

asyncio.run(main())
"""


def test_gradients_files_and_drawings() -> None:
    """They work; what needs a package says which extra brings it."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=root, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "to_network needs an optional package; install it with: pip install 'ldp-tui[graph]'",
        "A networkx graph of results needs an optional package; install it with: pip install 'ldp-tui[graph]'",
        "TorchOp needs an optional package; install it with: pip install 'ldp-tui[local]'",
        "TorchParamBackwardEstimator needs an optional package; install it with: pip install 'ldp-tui[local]'",
    ]
