"""What the compute graph raises. Each is also the built-in error that LDP raises there, so that handlers still work.

GraphError
├── OutsideGraph      a run or call id was asked for outside `compute_graph()` or an op       (RuntimeError)
├── ForeignResult     an op was given a result of another run                                 (RuntimeError)
├── NotRecorded       a context does not hold what was asked for                              (KeyError)
├── NoGradients       input gradients were asked for before `compute_grads`                   (ValueError)
├── GradientError     what a backward function returned does not fit the op's inputs          (ValueError)
├── UnknownOp         the op, or its class, is not in this process                            (LookupError)
└── GraphFileError    a graph file cannot be read; names the place in it                      (ValueError)
"""

from __future__ import annotations

from ldp_tui.core.errors import LdpTuiError


class GraphError(LdpTuiError):
    """Root of what the compute graph raises."""


class OutsideGraph(GraphError, RuntimeError):
    """A run or call id was asked for outside `compute_graph()` or an op."""


class ForeignResult(GraphError, RuntimeError):
    """An op was given a result of another run."""


class NotRecorded(GraphError, KeyError):
    """A context does not hold what was asked for."""

    __str__ = Exception.__str__  # KeyError shows its argument's repr


class NoGradients(GraphError, ValueError):
    """Input gradients were asked for before `compute_grads` reached the call."""


class GradientError(GraphError, ValueError):
    """What a backward function returned does not fit the op's inputs, or the gradients of other consumers."""


class UnknownOp(GraphError, LookupError):
    """The op, or its class, is not in this process."""


class GraphFileError(GraphError, ValueError):
    """A graph file that cannot be read: torn, altered, or no graph file. `where` is the place in it."""

    def __init__(self, source: str, where: str, reason: str) -> None:
        self.source, self.where, self.reason = source, where, reason
        super().__init__(f"{source}{f', {where}' if where else ''}: {reason}")
